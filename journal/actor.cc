#include "journal/actor.h"

#include <limits>

#include "base/bytes.h"
#include "base/text.h"
#include "journal/keys.h"

namespace cj {
namespace {

Error Damaged() { return {ErrorCode::kCorruption, "a damaged note of a process in the journal"}; }

}  // namespace

std::string ActorPeriodBegin(PeriodId period) {
  std::string key = kActorPrefix;
  ByteWriter(&key).Fixed64(period.value);
  return key;
}

std::string ActorKey(PeriodId period, std::int32_t pid, SequenceNumber sequence) {
  std::string key = ActorPeriodBegin(period);
  ByteWriter writer(&key);
  writer.Fixed32(static_cast<std::uint32_t>(pid));
  writer.Fixed64(sequence.value);
  return key;
}

Result<ActorPlace> ParseActorKey(std::string_view key) {
  const std::string_view prefix = kActorPrefix;
  if (key.substr(0, prefix.size()) != prefix) return Damaged();
  ByteReader reader(key.substr(prefix.size()));
  ActorPlace place;
  place.period = PeriodId(reader.Fixed64());
  place.pid = static_cast<std::int32_t>(reader.Fixed32());
  place.sequence = SequenceNumber(reader.Fixed64());
  if (!reader.Done()) return Damaged();
  return place;
}

void EncodeActor(const Actor& actor, std::string* out) {
  ByteWriter writer(out);
  writer.Byte(actor.known ? 1 : 0);
  if (!actor.known) return;
  writer.Varint(actor.uid);
  writer.String(actor.comm);
  writer.String(actor.unit);
}

Result<Actor> DecodeActor(std::string_view value) {
  ByteReader reader(value);
  Actor actor;
  const std::uint8_t known = reader.Byte();
  actor.known = known == 1;
  if (actor.known) {
    const std::uint64_t uid = reader.Varint();
    if (uid > std::numeric_limits<std::uint32_t>::max()) return Damaged();
    actor.uid = static_cast<std::uint32_t>(uid);
    actor.comm = reader.String();
    actor.unit = reader.String();
  }
  if (!reader.Done() || known > 1 || actor.comm.size() > kMaxCommBytes ||
      actor.unit.size() > kMaxUnitBytes || !IsUtf8(actor.comm) || !IsUtf8(actor.unit)) {
    return Damaged();
  }
  return actor;
}

}  // namespace cj
