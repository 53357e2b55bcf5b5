#include "service/consumers.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace cj {
namespace {

Error NoSuch(const std::string& name) {
  return Error{ErrorCode::kNotFound,
               "there is no consumer '" + name + "': see `changectl consumer list`"};
}

}  // namespace

Result<Consumer> Consumers::Add(const NewConsumer& request, const Begin& begin) {
  CJ_RETURN_IF_ERROR(CheckConsumerName(request.name));
  CJ_RETURN_IF_ERROR(CheckConfigHash(request.config_hash));
  CJ_CHECK(request.paths.size() <= kMaxConsumerPaths, "more paths than a consumer may have");
  MutexLock one_at_a_time(adding_);
  const std::vector<Consumer> others = store_.Consumers();
  auto same = [&](const Consumer& other) { return other.name == request.name; };
  if (std::any_of(others.begin(), others.end(), same)) {
    return Error{ErrorCode::kInvalidArgument,
                 "there is a consumer '" + request.name + "' already; remove it first"};
  }
  if (others.size() >= kMaxConsumers) {
    return Error{ErrorCode::kLimit, "there are " + std::to_string(kMaxConsumers) +
                                        " consumers, which is the limit; remove one"};
  }
  Consumer consumer;
  consumer.name = request.name;
  if (request.since.has_value()) {
    CJ_ASSIGN_OR_RETURN(consumer.period, FindPosition(*request.since, End::kSince, store_));
  } else {
    CJ_ASSIGN_OR_RETURN(consumer.period, begin());
  }
  consumer.handled = HandledBefore(consumer.period);
  consumer.paths = request.paths;
  consumer.config_hash = request.config_hash;
  consumer.added_usec = clock_.RealtimeUsec();
  consumer.max_lag_usec = request.max_lag_usec;
  consumer.max_lag_bytes = request.max_lag_bytes;
  auto put = [&](std::optional<Consumer>* place) -> Status {
    *place = consumer;
    return {};
  };
  CJ_RETURN_IF_ERROR(store_.EditConsumer(request.name, put, true));
  return consumer;
}

Status Consumers::Remove(const std::string& name) {
  auto take = [&](std::optional<Consumer>* place) -> Status {
    if (!place->has_value()) return NoSuch(name);
    place->reset();
    return {};
  };
  return store_.EditConsumer(name, take, true);
}

// Not synced: what power loss takes of it is read once more.
Result<Consumers::Acknowledged> Consumers::Acknowledge(const Acknowledgement& request) {
  if (request.config_hash) CJ_RETURN_IF_ERROR(CheckConfigHash(*request.config_hash));
  if (!store_.FindConsumer(request.name)) return NoSuch(request.name);
  CJ_ASSIGN_OR_RETURN(const cj::Acknowledged place, Place(request));
  const std::int64_t now_usec = clock_.RealtimeUsec();
  Acknowledged result;
  auto move = [&](std::optional<Consumer>* consumer) -> Status {
    if (!consumer->has_value()) return NoSuch(request.name);
    result.moved = cj::Acknowledge(place, now_usec, &**consumer);
    if (request.config_hash) (*consumer)->config_hash = *request.config_hash;
    result.consumer = **consumer;
    return {};
  };
  CJ_RETURN_IF_ERROR(store_.EditConsumer(request.name, move, false));
  return result;
}

Result<cj::Acknowledged> Consumers::Place(const Acknowledgement& request) const {
  CJ_CHECK(request.token.has_value() != request.sequence.has_value(), "one of the two");
  if (request.token.has_value()) {
    CJ_ASSIGN_OR_RETURN(const PeriodId period,
                        FindPosition({request.token, std::nullopt}, End::kSince, store_));
    return cj::Acknowledged{period, HandledBefore(period)};
  }
  const SequenceNumber next = store_.next_sequence();
  if (*request.sequence >= next) {
    return Error{ErrorCode::kInvalidArgument, "record " + std::to_string(request.sequence->value) +
                                                  " is not there yet; the next one will be " +
                                                  std::to_string(next.value)};
  }
  // A live consumer is never that far back, and what an expired one has missed stays missed.
  if (request.sequence->Next() < store_.OldestPeriod().first_sequence) {
    return Error{ErrorCode::kRescanNeeded, "the records behind record " +
                                               std::to_string(request.sequence->value) +
                                               " are not kept any more"};
  }
  return cj::Acknowledged{store_.PeriodOf(*request.sequence).id, *request.sequence};
}

// All records of the periods before this one.
SequenceNumber Consumers::HandledBefore(PeriodId period) const {
  const auto found = store_.FindPeriod(period);
  // Dropped since: retention finds that out.
  const SequenceNumber first =
      found.has_value() ? found->first_sequence : store_.OldestPeriod().first_sequence;
  return SequenceNumber(first.value - 1);
}

ConsumerList Consumers::List() const {
  ConsumerList list;
  list.next = store_.next_sequence();
  const PeriodInfo oldest = store_.OldestPeriod();
  list.oldest = oldest.id;
  list.first = oldest.first_sequence;
  list.open = store_.OpenPeriod().id;
  const std::int64_t now_usec = clock_.RealtimeUsec();
  for (Consumer& consumer : store_.Consumers()) {
    const ConsumerLag lag = LagOf(consumer, store_, now_usec, true);
    list.consumers.push_back({std::move(consumer), lag});
  }
  return list;
}

Result<Consumer> Consumers::Resolve(const ReadingPosition& position) const {
  CJ_CHECK(position.consumer.has_value(), "a position without a consumer");
  const std::string& name = *position.consumer;
  std::optional<Consumer> consumer = store_.FindConsumer(name);
  if (!consumer) {
    return Error{ErrorCode::kRescanNeeded,
                 "there is no consumer '" + name +
                     "': it was never added, was removed, or the journal was made anew; add it "
                     "(changectl consumer add), then scan"};
  }
  if (!consumer->expired.empty()) {
    return Error{ErrorCode::kRescanNeeded,
                 "the consumer '" + name + "' has expired: " + consumer->expired};
  }
  if (position.config_hash.has_value() && *position.config_hash != consumer->config_hash) {
    return Error{ErrorCode::kRescanNeeded, "the configuration of the consumer '" + name +
                                               "' is not the one that it had when it last "
                                               "acknowledged"};
  }
  return *std::move(consumer);
}

}  // namespace cj
