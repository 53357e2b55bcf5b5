#include "journal/keys.h"

#include <optional>

#include "base/bytes.h"
#include "base/check.h"

namespace cj {
namespace {

Error Damaged(const char* what) {
  return Error{ErrorCode::kCorruption, std::string("a damaged key in the journal's ") + what};
}

// A handle that comes off the disk; nullopt when no kernel can have made it.
std::optional<FileHandle> ToHandle(std::string_view encoded) {
  if (encoded.size() > kMaxEncodedHandle) return std::nullopt;
  return FileHandle::FromEncoded(encoded);
}

}  // namespace

void EncodeRecordKey(const RecordPosition& position, std::string* key) {
  key->clear();
  ByteWriter writer(key);
  writer.Fixed64(position.period.value);
  writer.Fixed64(position.sequence.value);
}

std::string RecordKey(const RecordPosition& position) {
  std::string key;
  EncodeRecordKey(position, &key);
  return key;
}

Result<RecordPosition> ParseRecordKey(std::string_view key) {
  ByteReader reader(key);
  RecordPosition position;
  position.period = PeriodId(reader.Fixed64());
  position.sequence = SequenceNumber(reader.Fixed64());
  if (!reader.Done()) return Damaged("records");
  return position;
}

std::string PeriodKey(PeriodId period) {
  std::string key;
  ByteWriter(&key).Fixed64(period.value);
  return key;
}

Result<PeriodId> ParsePeriodKey(std::string_view key) {
  ByteReader reader(key);
  PeriodId period(reader.Fixed64());
  if (!reader.Done()) return Damaged("periods");
  return period;
}

namespace {

// What begins with this level is no row: none has it.
constexpr std::uint8_t kStates = 0;

// Nothing where there is no such block.
std::optional<RollupBlock> TakeBlock(ByteReader& reader) {
  RollupBlock block;
  block.level = reader.Byte();
  block.first = PeriodId(reader.Fixed64());
  if (!reader.ok() || block.level < 1 || block.level > kRollupLevels) return std::nullopt;
  if (block.first.value % block.periods() != 0 || block.until() < block.first) return std::nullopt;
  return block;
}

void PutBlock(const RollupBlock& block, ByteWriter& writer) {
  writer.Byte(static_cast<std::uint8_t>(block.level));
  writer.Fixed64(block.first.value);
}

}  // namespace

std::string RollupStateKey(const RollupBlock& block) {
  std::string key;
  ByteWriter writer(&key);
  writer.Byte(kStates);
  PutBlock(block, writer);
  return key;
}

Result<RollupBlock> ParseRollupStateKey(std::string_view key) {
  ByteReader reader(key);
  const bool is_state = reader.Byte() == kStates;
  const auto block = TakeBlock(reader);
  if (!is_state || !block.has_value() || !reader.Done()) return Damaged("rollups");
  return *block;
}

std::string RollupKey(const RollupRowKey& row) {
  std::string key;
  ByteWriter writer(&key);
  PutBlock(row.block, writer);
  writer.Fixed64(row.first.value);
  return key;
}

Result<RollupRowKey> ParseRollupKey(std::string_view key) {
  ByteReader reader(key);
  const auto block = TakeBlock(reader);
  const SequenceNumber first(reader.Fixed64());
  if (!block.has_value() || !reader.Done()) return Damaged("rollups");
  return RollupRowKey{*block, first};
}

std::string DirectoryKey(VolumeId volume, const FileHandle& directory) {
  CJ_CHECK(directory.encoded.size() <= kMaxEncodedHandle, "a handle longer than MAX_HANDLE_SZ");
  std::string key;
  ByteWriter writer(&key);
  writer.Fixed32(volume.value);
  writer.Bytes(directory.encoded);
  return key;
}

std::string LinkPrefix(VolumeId volume, const FileHandle& object) {
  CJ_CHECK(object.encoded.size() <= kMaxEncodedHandle, "a handle longer than MAX_HANDLE_SZ");
  std::string key;
  ByteWriter writer(&key);
  writer.Fixed32(volume.value);
  writer.String(object.encoded);
  return key;
}

std::string LinkKey(const LinkName& link) {
  CJ_CHECK(link.parent.encoded.size() <= kMaxEncodedHandle, "a handle longer than MAX_HANDLE_SZ");
  std::string key = LinkPrefix(link.volume, link.object);
  ByteWriter writer(&key);
  writer.String(link.parent.encoded);
  writer.Bytes(link.name);
  return key;
}

Result<LinkName> ParseLinkKey(std::string_view key) {
  ByteReader reader(key);
  LinkName link;
  link.volume = VolumeId(reader.Fixed32());
  std::optional<FileHandle> object = ToHandle(reader.String());
  std::optional<FileHandle> parent = ToHandle(reader.String());
  link.name = reader.Bytes(reader.remaining());
  if (!reader.Done() || !object || !parent) return Damaged("links");
  link.object = *std::move(object);
  link.parent = *std::move(parent);
  return link;
}

std::string VolumeKey(const VolumeIdentity& identity) {
  std::string key;
  ByteWriter writer(&key);
  writer.String(identity.type);
  writer.String(identity.uuid);
  return key;
}

Result<VolumeIdentity> ParseVolumeKey(std::string_view key) {
  ByteReader reader(key);
  VolumeIdentity identity;
  identity.type = reader.String();
  identity.uuid = reader.String();
  if (!reader.Done()) return Damaged("volumes");
  return identity;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace cj
