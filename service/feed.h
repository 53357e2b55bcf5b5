// A feed: records as they come, from a position on, told at least once. What a feed has to
// remember, and how it reads; the socket is feed_methods.cc's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "service/consumers.h"
#include "service/log_reader.h"

namespace cj {

class JournalService;

// Where a feed can be resumed: records up to `sequence` have been told, and all that comes before
// `period`.
struct FeedPosition {
  PeriodId period;
  SequenceNumber sequence;
  friend bool operator==(const FeedPosition&, const FeedPosition&) = default;
};

struct FeedRequest {
  ReadingPosition reader;  // empty: from now on
  // A position that a feed has told: goes on there, whatever `reader` says of places.
  struct Resume {
    std::string token;
    SequenceNumber sequence;
  };
  std::optional<Resume> resume;
  LogQuestion question;  // paths, classes and types
  // After the first record of a burst: wait until none has come for so long. 0: do not wait.
  std::chrono::microseconds settle{0};
};

// The place that was told. Errors as of Feed::Open().
Result<FeedPosition> FindResume(JournalService& service, const FeedRequest::Resume& resume);

// One step of a feed.
struct FeedBatch {
  std::vector<LogEntry> entries;
  bool more = false;      // there is more to read at once
  FeedPosition position;  // behind what was read, told or not
};

// How much one step reads.
struct FeedStep {
  std::size_t entries = 500;
  // Of what is kept, about: a reader who does not read holds it, and a user may have a hundred.
  std::size_t bytes = std::size_t{256} << 10;
  bool without_repeats = false;  // as WithoutRepeats()
};

class Feed {
 public:
  // Finds the place to begin. kRescanNeeded and kInvalidArgument as FindPosition() and
  // Consumers::Resolve(); kInvalidArgument also for a number that no record has had yet. Blocks.
  static Result<Feed> Open(JournalService& service, const FeedRequest& request);
  // A log that is followed: what the question asks for, from a place that is known. The question's
  // `told` says of which gaps it knows.
  static Feed GoOn(LogQuestion question, const FeedPosition& position);

  // Up to what `step` says, and a few gaps more. Sees all that was stored when it was called. Any
  // thread, one at a time; blocks. kRescanNeeded: what was to be told is not kept any more.
  Result<FeedBatch> Next(JournalService& service, const FeedStep& step);
  // Something may have come since Next() had no more. Does not block.
  bool HasMore(JournalService& service);

  const FeedPosition& position() const { return position_; }

 private:
  explicit Feed(LogQuestion question) : question_(std::move(question)) {}
  void MoveTo(const FeedPosition& position);
  void LeaveDropped(JournalService& service);
  void Remember(const PeriodGap& gap);

  LogQuestion question_;
  FeedPosition position_;
  std::uint64_t gaps_seen_ = 0;  // Store::gap_changes() before the gaps were read
  bool behind_ = true;           // the last step had more
};

// Leaves out what a later entry says again: the same operations of the same object at the same
// path, up to the next gap.
std::vector<LogEntry> WithoutRepeats(std::vector<LogEntry> entries);

}  // namespace cj
