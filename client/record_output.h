// Records and gaps on stdout, as `log` and `follow` show them.
#pragma once

#include "client/answers.h"
#include "client/options.h"
#include "client/session.h"

namespace cj::client {

void WriteRecord(Session& session, const Record& record, LogFormat format);
// Of a feed; only in the formats for programs.
void WritePosition(Session& session, const FeedPosition& position, LogFormat format);
void WriteGap(Session& session, const Gap& gap, LogFormat format);

}  // namespace cj::client
