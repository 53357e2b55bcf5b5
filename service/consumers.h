// Consumers as clients use them: named reading positions that the store keeps. Reading moves
// nothing; Acknowledge() does. What retention makes of them: journal/retention.h. Any thread; every
// method but Resolve() may wait for the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "journal/consumer.h"
#include "journal/position.h"
#include "journal/retention.h"
#include "journal/store.h"

namespace cj {

// Where a reader stands: a place of the journal, or what a consumer has acknowledged.
struct ReadingPosition {
  Position place;
  std::optional<std::string> consumer;  // then `place` is empty
  // With `consumer`: a hash of its configuration as it is now. If it is not the one that it was
  // acknowledged with, what it has read does not count.
  std::optional<std::string> config_hash;
};

struct NewConsumer {
  std::string name;
  std::optional<Position> since;   // none: a checkpoint that is made now
  std::vector<std::string> paths;  // absolute and normal; empty: all that is watched
  std::string config_hash;
  std::int64_t max_lag_usec = 0;  // 0: no limit of its own
  std::uint64_t max_lag_bytes = 0;
};

struct Acknowledgement {
  std::string name;
  std::string token;  // everything before it was handled
  // Of its period, records up to this one as well. A number alone would say nothing: after a loss
  // of power numbers are given anew, in later periods.
  std::optional<SequenceNumber> sequence;
  std::optional<std::string> config_hash;  // from now on; none: as it was
};

struct ConsumerStatus {
  Consumer consumer;
  ConsumerLag lag;
};

// The consumers, and what there is to read.
struct ConsumerList {
  std::vector<ConsumerStatus> consumers;  // by name
  PeriodId oldest;
  PeriodId open;
  SequenceNumber first;  // of the first record that is kept, or of the next one
  SequenceNumber next;   // of the next record
};

class Consumers {
 public:
  Consumers(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // `begin` says the period that a consumer without `since` starts with; called only when nothing
  // else stands in the way. kInvalidArgument: there is one of this name, or a word is wrong.
  // kLimit: there are kMaxConsumers. kRescanNeeded: `since` is not kept.
  using Begin = std::function<Result<PeriodId>()>;
  Result<Consumer> Add(const NewConsumer& request, const Begin& begin) EXCLUDES(adding_);
  // kNotFound: there is none.
  Status Remove(const std::string& name);
  struct Acknowledged {
    Consumer consumer;
    bool moved = false;
  };
  // kNotFound: there is none. kInvalidArgument: no token, or a number that no record has had yet.
  // kRescanNeeded: a token that is not kept, or a record that is gone. A place before its present
  // one moves nothing, whether it is kept or not.
  Result<Acknowledged> Acknowledge(const Acknowledgement& request);
  ConsumerList List() const;

  // The consumer that the position names. kNotFound: there is none. kRescanNeeded: it has expired,
  // or its configuration is another one.
  Result<Consumer> Resolve(const ReadingPosition& position) const;

 private:
  Result<SequenceNumber> HandledBefore(PeriodId period) const;
  Result<cj::Acknowledged> Place(const Acknowledgement& request) const;
  bool IsBehind(const Acknowledgement& request, const Consumer& consumer) const;

  Store& store_;
  const Clock& clock_;
  Mutex adding_;  // so that they stay below their limit
};

}  // namespace cj
