// The log for somebody who hears only of names that he could list himself (guarantee G8).
// docs/visibility.md says what he is told.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "journal/directory_history.h"
#include "journal/viewer.h"
#include "service/log_reader.h"

namespace cj {

// What a reader keeps from one step to the next.
struct LogViewer {
  std::shared_ptr<Viewer> viewer;
  DirectoryHistory history;
  std::function<bool()> cancelled;  // may be empty
};

// What `reader` tells, without what `viewer` could not have listed: a rename from or to a place of
// which he sees nothing is told as what it looks like from where he stands. `flush` stores what the
// kernel has queued. `store` outlives the reader.
Result<std::unique_ptr<LogReader>> OpenViewerLog(const Store& store, const LogSource& source,
                                                 std::shared_ptr<LogViewer> viewer,
                                                 std::function<Status()> flush,
                                                 std::unique_ptr<LogReader> reader);

// Gaps as he hears of them: when, and not where or why, which would name paths. Pure.
void HidePlaces(std::vector<LogEntry>* entries);

}  // namespace cj
