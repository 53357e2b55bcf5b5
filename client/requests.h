// The parameters of the calls that take any. Pure.
#pragma once

#include <string>

#include "client/options.h"
#include "protocol/json_value.h"

namespace cj::client {

// Of org.changejournal.Changes; `since` has been decided.
JsonValue ChangesParameters(const ChangesOptions& options, const Position& since);
// Of org.changejournal.ChangePaths: the same and relative_to.
JsonValue ChangePathsParameters(const ChangesOptions& options, const Position& since);
JsonValue LogParameters(const LogOptions& options);
// Of Checkpoint; an empty label is none.
JsonValue CheckpointParameters(const std::string& label);

}  // namespace cj::client
