#include "journal/record_codec.h"

#include <algorithm>
#include <limits>

#include "base/bytes.h"
#include "base/check.h"
#include "journal/keys.h"

namespace cj {
namespace {

// What stands before a handle: 0 for none, 1 for "the one just before it in this record", the
// number of its bytes plus one, or, after the largest of those, "as in the record before".
constexpr std::uint64_t kNoHandle = 0;
constexpr std::uint64_t kSameHandle = 1;
constexpr std::uint64_t kAsBefore = kMaxEncodedHandle + 2;

Error Damaged(const char* what) {
  return Error{ErrorCode::kCorruption, std::string("a damaged ") + what + " in the journal"};
}

// Signed numbers with small magnitudes become small unsigned ones: 0, -1, 1, -2 ... are 0, 1, 2, 3.
std::uint64_t ZigZag(std::int64_t value) {
  auto bits = static_cast<std::uint64_t>(value);
  return (bits << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0);
}

std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ ((value & 1) != 0 ? ~std::uint64_t{0} : 0));
}

// Differences of times are taken modulo 2^64, so that any two times have one.
std::int64_t Difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

std::int64_t Sum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// The handles that one can be told by: the one just before it, and the one at its place in the
// record before; null where there is none.
struct Known {
  const FileHandle* previous = nullptr;
  const FileHandle* before = nullptr;
};

void PutHandle(const FileHandle& handle, const Known& known, ByteWriter& writer) {
  CJ_CHECK(handle.encoded.size() <= kMaxEncodedHandle, "a handle longer than MAX_HANDLE_SZ");
  if (handle.empty()) return writer.Varint(kNoHandle);
  if (known.previous != nullptr && handle == *known.previous) return writer.Varint(kSameHandle);
  if (known.before != nullptr && handle == *known.before) return writer.Varint(kAsBefore);
  writer.Varint(handle.encoded.size() + 1);
  writer.Bytes(handle.encoded);
}

// Of `previous` and `before` the empty one stands for none.
bool TakeHandle(ByteReader& reader, std::string_view previous, std::string_view before,
                std::string_view* handle) {
  const std::uint64_t code = reader.Varint();
  *handle = {};
  if (!reader.ok()) return false;
  if (code == kNoHandle) return true;
  if (code == kSameHandle || code == kAsBefore) {
    *handle = code == kSameHandle ? previous : before;
    return !handle->empty();
  }
  if (code - 1 > kMaxEncodedHandle) return false;
  *handle = reader.Bytes(static_cast<std::size_t>(code - 1));
  return reader.ok();
}

// A varint that must fit 32 bits.
bool Take32(ByteReader& reader, std::uint32_t* value) {
  std::uint64_t wide = reader.Varint();
  *value = static_cast<std::uint32_t>(wide);
  return reader.ok() && wide <= std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

void EncodeRecord(const Record& record, const Record* before, std::int64_t period_start_usec,
                  std::string* out) {
  CJ_CHECK((record.operations & ~kAllOperations) == 0, "a record with an unknown operation");
  ByteWriter writer(out);
  writer.Varint(record.operations);
  writer.Varint(ZigZag(Difference(record.time_usec, period_start_usec)));
  writer.Varint(record.volume.value);
  writer.Varint(static_cast<std::uint32_t>(record.pid));
  PutHandle(record.object, {nullptr, before == nullptr ? nullptr : &before->object}, writer);
  PutHandle(record.parent, {&record.object, before == nullptr ? nullptr : &before->parent}, writer);
  writer.String(record.name);
  if ((record.operations & kRenamed) != 0) {
    PutHandle(record.old_parent, {&record.parent, nullptr}, writer);
    writer.String(record.old_name);
  }
  if ((record.operations & kIntent) != 0) writer.Varint(ZigZag(record.ctime_nsec));
}

Status TakeRecord(ByteReader& reader, const RecordView* before, RecordView* record) {
  const RecordView none;
  if (before == nullptr) before = &none;
  if (!Take32(reader, &record->operations) || (record->operations & ~kAllOperations) != 0) {
    return Damaged("record");
  }
  record->time_usec = UnZigZag(reader.Varint());
  std::uint32_t pid = 0;
  if (!Take32(reader, &record->volume.value) || !Take32(reader, &pid)) return Damaged("record");
  record->pid = static_cast<std::int32_t>(pid);
  if (!TakeHandle(reader, {}, before->object, &record->object)) return Damaged("record");
  if (!TakeHandle(reader, record->object, before->parent, &record->parent)) {
    return Damaged("record");
  }
  record->name = reader.String();
  record->old_parent = {};
  record->old_name = {};
  if ((record->operations & kRenamed) != 0) {
    if (!TakeHandle(reader, record->parent, {}, &record->old_parent)) return Damaged("record");
    record->old_name = reader.String();
  }
  record->ctime_nsec = 0;
  if ((record->operations & kIntent) != 0) record->ctime_nsec = UnZigZag(reader.Varint());
  if (!reader.ok()) return Damaged("record");
  return {};
}

void CopyRecord(const RecordView& view, std::int64_t period_start_usec, Record* record) {
  record->operations = view.operations;
  record->time_usec = Sum(period_start_usec, view.time_usec);
  record->volume = view.volume;
  record->pid = view.pid;
  record->object.encoded = view.object;
  record->parent.encoded = view.parent;
  record->name = view.name;
  record->old_parent.encoded = view.old_parent;
  record->old_name = view.old_name;
  record->ctime_nsec = view.ctime_nsec;
}

void EncodePeriod(const PeriodInfo& period, std::string* out) {
  ByteWriter writer(out);
  writer.Varint(ZigZag(period.start_usec));
  writer.Varint(ZigZag(period.end_usec));
  writer.Varint(period.first_sequence.value);
  writer.Varint(period.record_count);
  writer.String(period.label);
  writer.Varint(period.gaps.size());
  for (const Gap& gap : period.gaps) {
    writer.String(gap.volume);
    writer.Varint(ZigZag(gap.from_usec));
    writer.Varint(ZigZag(gap.to_usec));
    writer.String(gap.cause);
  }
  const bool none_filled = std::none_of(period.gaps.begin(), period.gaps.end(),
                                        [](const Gap& gap) { return gap.filled(); });
  if (none_filled && period.unscanned_usec == 0) return;
  for (const Gap& gap : period.gaps) writer.Varint(gap.filled_in.value);
  if (period.unscanned_usec != 0) writer.Varint(ZigZag(period.unscanned_usec));
}

Result<PeriodInfo> DecodePeriod(PeriodId id, std::string_view value) {
  ByteReader reader(value);
  PeriodInfo period;
  period.id = id;
  period.start_usec = UnZigZag(reader.Varint());
  period.end_usec = UnZigZag(reader.Varint());
  period.first_sequence = SequenceNumber(reader.Varint());
  period.record_count = reader.Varint();
  period.label = reader.String();
  // The count is not believed: a gap has bytes, so the input's end bounds the loop.
  for (std::uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    Gap gap;
    gap.volume = reader.String();
    gap.from_usec = UnZigZag(reader.Varint());
    gap.to_usec = UnZigZag(reader.Varint());
    gap.cause = reader.String();
    period.gaps.push_back(std::move(gap));
  }
  if (reader.remaining() > 0) {
    for (Gap& gap : period.gaps) gap.filled_in = PeriodId(reader.Varint());
  }
  const bool unscanned = reader.remaining() > 0;
  if (unscanned) period.unscanned_usec = UnZigZag(reader.Varint());
  if (!reader.Done() || (unscanned && period.unscanned_usec <= 0)) return Damaged("period");
  return period;
}

void EncodeDeadDirectory(const DeadDirectory& directory, std::string* out) {
  ByteWriter writer(out);
  writer.Varint(directory.period.value);
  PutHandle(directory.parent, {}, writer);
  writer.String(directory.name);
}

Result<DeadDirectory> DecodeDeadDirectory(VolumeId volume, const FileHandle& directory,
                                          std::string_view value) {
  ByteReader reader(value);
  DeadDirectory dead;
  dead.volume = volume;
  dead.directory = directory;
  dead.period = PeriodId(reader.Varint());
  std::string_view parent;
  if (!TakeHandle(reader, {}, {}, &parent)) return Damaged("directory");
  dead.parent.encoded = parent;
  dead.name = reader.String();
  if (!reader.Done()) return Damaged("directory");
  return dead;
}

Result<PeriodId> PeekDeadDirectoryPeriod(std::string_view value) {
  ByteReader reader(value);
  PeriodId period(reader.Varint());
  if (!reader.ok()) return Damaged("directory");
  return period;
}

void EncodeRollupState(const RollupState& state, std::string* out) {
  ByteWriter writer(out);
  writer.Byte(static_cast<std::uint8_t>(state.kind));
  writer.Varint(state.records);
}

Result<RollupState> DecodeRollupState(std::string_view value) {
  ByteReader reader(value);
  RollupState state;
  const std::uint8_t kind = reader.Byte();
  state.records = reader.Varint();
  if (!reader.Done() || kind > static_cast<std::uint8_t>(RollupState::Kind::kMade)) {
    return Damaged("rollup");
  }
  state.kind = static_cast<RollupState::Kind>(kind);
  if (state.kind != RollupState::Kind::kMade && state.records > 0) return Damaged("rollup");
  return state;
}

void EncodeVolumeId(VolumeId volume, std::string* out) { ByteWriter(out).Varint(volume.value); }

Result<VolumeId> DecodeVolumeId(std::string_view value) {
  ByteReader reader(value);
  VolumeId volume;
  if (!Take32(reader, &volume.value) || !reader.Done()) return Damaged("volume");
  return volume;
}

void EncodeFormatVersion(std::uint64_t version, std::string* out) {
  ByteWriter(out).Varint(version);
}

Result<std::uint64_t> DecodeFormatVersion(std::string_view value) {
  ByteReader reader(value);
  std::uint64_t version = reader.Varint();
  if (!reader.Done() || version == 0) return Damaged("format version");
  return version;
}

void EncodeJournalId(JournalId id, std::string* out) { ByteWriter(out).Fixed32(id.value); }

Result<JournalId> DecodeJournalId(std::string_view value) {
  ByteReader reader(value);
  JournalId id(reader.Fixed32());
  if (!reader.Done()) return Damaged("journal id");
  return id;
}

void EncodeSpoolPosition(const SpoolPosition& position, std::string* out) {
  ByteWriter writer(out);
  writer.Fixed64(position.spool);
  writer.Fixed64(position.stored);
  writer.Fixed64(static_cast<std::uint64_t>(position.complete_usec));
}

Result<SpoolPosition> DecodeSpoolPosition(std::string_view value) {
  ByteReader reader(value);
  SpoolPosition position;
  position.spool = reader.Fixed64();
  position.stored = reader.Fixed64();
  // Once it ended here.
  if (reader.remaining() > 0) position.complete_usec = static_cast<std::int64_t>(reader.Fixed64());
  if (!reader.Done()) return Damaged("spool position");
  return position;
}

}  // namespace cj
