#include "journal/consumer.h"

#include <algorithm>

#include "base/bytes.h"

namespace cj {
namespace {

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsNameByte(char c) {
  return IsAlphanumeric(c) || c == '.' || c == '_' || c == '@' || c == ':' || c == '-';
}

Error Damaged(std::string_view name) {
  return Error{ErrorCode::kCorruption, "the consumer '" + std::string(name) + "' is damaged"};
}

}  // namespace

Status CheckConsumerName(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxConsumerName && name.front() != '.' &&
                    name.front() != '-' && std::all_of(name.begin(), name.end(), IsNameByte);
  if (good) return {};
  return Error{ErrorCode::kInvalidArgument,
               "a consumer's name has 1 to " + std::to_string(kMaxConsumerName) +
                   " letters, digits and ._@:-, and begins with none of . and -"};
}

Status CheckConfigHash(std::string_view hash) {
  const bool good = hash.size() <= kMaxConfigHash &&
                    std::all_of(hash.begin(), hash.end(), [](char c) { return c > 32 && c < 127; });
  if (good) return {};
  return Error{ErrorCode::kInvalidArgument, "a hash of a configuration has at most " +
                                                std::to_string(kMaxConfigHash) +
                                                " printable characters, and no spaces"};
}

bool Acknowledge(const Acknowledged& place, std::int64_t now_usec, Consumer* consumer) {
  const bool live = consumer->expired.empty();
  const bool further = place.period > consumer->period || place.handled > consumer->handled;
  if (live && !further) return false;
  consumer->period = live ? std::max(consumer->period, place.period) : place.period;
  consumer->handled = live ? std::max(consumer->handled, place.handled) : place.handled;
  consumer->moved_usec = now_usec;
  consumer->expired.clear();
  consumer->expired_usec = 0;
  return true;
}

void EncodeConsumer(const Consumer& consumer, std::string* out) {
  ByteWriter writer(out);
  writer.Varint(consumer.period.value);
  writer.Varint(consumer.handled.value);
  writer.Fixed64(static_cast<std::uint64_t>(consumer.added_usec));
  writer.Fixed64(static_cast<std::uint64_t>(consumer.moved_usec));
  writer.Varint(static_cast<std::uint64_t>(consumer.max_lag_usec));
  writer.Varint(consumer.max_lag_bytes);
  writer.String(consumer.config_hash);
  writer.String(consumer.expired);
  writer.Fixed64(static_cast<std::uint64_t>(consumer.expired_usec));
  for (const std::string& path : consumer.paths) writer.String(path);
}

Result<Consumer> DecodeConsumer(std::string_view name, std::string_view value) {
  if (!CheckConsumerName(name)) return Damaged(name);
  ByteReader reader(value);
  Consumer consumer;
  consumer.name = name;
  consumer.period = PeriodId(reader.Varint());
  consumer.handled = SequenceNumber(reader.Varint());
  consumer.added_usec = static_cast<std::int64_t>(reader.Fixed64());
  consumer.moved_usec = static_cast<std::int64_t>(reader.Fixed64());
  consumer.max_lag_usec = static_cast<std::int64_t>(reader.Varint());
  consumer.max_lag_bytes = reader.Varint();
  consumer.config_hash = reader.String();
  consumer.expired = reader.String();
  consumer.expired_usec = static_cast<std::int64_t>(reader.Fixed64());
  while (reader.ok() && reader.remaining() > 0) consumer.paths.emplace_back(reader.String());
  const bool good = reader.Done() && consumer.period.value > 0 && consumer.max_lag_usec >= 0 &&
                    consumer.paths.size() <= kMaxConsumerPaths &&
                    CheckConfigHash(consumer.config_hash).has_value();
  if (!good) return Damaged(name);
  return consumer;
}

}  // namespace cj
