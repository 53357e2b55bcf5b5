#include "service/consumers.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "journal/token.h"

namespace cj {
namespace {

Error NoSuch(const std::string& name) {
  return Error{ErrorCode::kNotFound,
               "there is no consumer '" + name + "': see `changectl consumer list`"};
}

Error Gone(const std::string& token) {
  return Error{ErrorCode::kRescanNeeded, "what comes after " + token + " is not kept any more"};
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
  CJ_ASSIGN_OR_RETURN(consumer.handled, HandledBefore(consumer.period));
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
  const std::optional<Consumer> seen = store_.FindConsumer(request.name);
  if (!seen) return NoSuch(request.name);
  cj::Acknowledged place{seen->period, seen->handled};
  const bool behind = IsBehind(request, *seen);
  if (!behind) {
    CJ_ASSIGN_OR_RETURN(place, Place(request));
  }
  const std::int64_t now_usec = clock_.RealtimeUsec();
  Acknowledged result;
  auto move = [&](std::optional<Consumer>* consumer) -> Status {
    if (!consumer->has_value()) return NoSuch(request.name);
    // Between the look and now retention may have overtaken it, or what it was at.
    const bool kept = store_.Ends().quiet_since <= place.period;
    const bool expired_since = behind && !(*consumer)->expired.empty();
    if (!kept || expired_since) return Gone(request.token);
    result.moved = cj::Acknowledge(place, now_usec, &**consumer);
    if (request.config_hash) (*consumer)->config_hash = *request.config_hash;
    result.consumer = **consumer;
    return {};
  };
  CJ_RETURN_IF_ERROR(store_.EditConsumer(request.name, move, false));
  return result;
}

// A live consumer has been there: whoever delivers at least once acknowledges more than once, also
// what has been dropped since.
bool Consumers::IsBehind(const Acknowledgement& request, const Consumer& consumer) const {
  const auto token = ParseToken(request.token);
  if (!consumer.expired.empty() || !token || token->journal != store_.journal_id()) return false;
  const bool further = request.sequence && *request.sequence > consumer.handled;
  return token->period <= consumer.period && !further;
}

Result<cj::Acknowledged> Consumers::Place(const Acknowledgement& request) const {
  CJ_ASSIGN_OR_RETURN(const PeriodId id,
                      FindPosition({request.token, std::nullopt}, End::kSince, store_));
  const auto period = store_.FindPeriod(id);
  if (!period) return Gone(request.token);
  const SequenceNumber before(period->first_sequence.value - 1);
  if (!request.sequence) return cj::Acknowledged{id, before};
  const std::uint64_t end = period->first_sequence.value + period->record_count;
  if (request.sequence->value < end) {
    return cj::Acknowledged{id, std::max(before, *request.sequence)};
  }
  const std::string record = "record " + std::to_string(request.sequence->value);
  if (period->open()) {
    return Error{ErrorCode::kInvalidArgument,
                 record + " is not there yet; the next one will be " + std::to_string(end)};
  }
  return Error{ErrorCode::kRescanNeeded,
               record + " is not of the period that begins with " + request.token +
                   ": give the token that came with it; or it was lost with power"};
}

// All records of the periods before this one.
Result<SequenceNumber> Consumers::HandledBefore(PeriodId period) const {
  const auto found = store_.FindPeriod(period);
  if (!found) return Gone(FormatToken({store_.journal_id(), period}));
  return SequenceNumber(found->first_sequence.value - 1);
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
    return Error{ErrorCode::kNotFound,
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
