#include <cstring>
#include <string>

#include "fanotify/event.h"
#include "fanotify/kernel_abi.h"

namespace cj {
namespace {

using Bytes = std::span<const std::byte>;

Error Damaged(const char* what) {
  return Error{ErrorCode::kCorruption, std::string("damaged fanotify event: ") + what, 0};
}

// The caller has checked that offset + sizeof(T) lies inside.
template <typename T>
T Load(Bytes bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::string_view Text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct FidRecord {
  FsId fsid;
  HandleView handle;
  Bytes rest;  // the name and padding, for the kinds that have one
};

Status ParseFid(Bytes record, FidRecord* fid) {
  if (record.size() < abi::kFidHeaderBytes) return Damaged("a file handle record is too short");
  fid->fsid.value = Load<std::uint64_t>(record, 4);
  const auto length = Load<std::uint32_t>(record, 12);
  const auto type = Load<std::int32_t>(record, 16);
  Bytes data = record.subspan(abi::kFidHeaderBytes);
  if (length > abi::kMaxHandleBytes || length > data.size()) {
    return Damaged("a file handle is longer than its record");
  }
  // No bytes: the kernel had no inode to name (FAN_FS_ERROR about the whole filesystem).
  if (length != 0) {
    if (type < 0 || type > 255) return Damaged("a file handle has an impossible type");
    fid->handle = {type, Text(data.first(length))};
  }
  fid->rest = data.subspan(length);
  return {};
}

Status ParseName(Bytes rest, std::string_view* name) {
  const std::size_t end = Text(rest).find('\0');
  if (end == std::string_view::npos) return Damaged("a name does not end inside its record");
  *name = Text(rest).substr(0, end);
  return {};
}

Status ParseError(Bytes record, Event* event) {
  if (record.size() < abi::kErrorRecordBytes) return Damaged("an error record is too short");
  event->fs_error = Load<std::int32_t>(record, 4);
  event->fs_error_count = Load<std::uint32_t>(record, 8);
  return {};
}

Status ParseRecord(Bytes record, Event* event) {
  const auto type = Load<std::uint8_t>(record, 0);
  switch (type) {
    case FAN_EVENT_INFO_TYPE_FID:
    case FAN_EVENT_INFO_TYPE_DFID:
    case FAN_EVENT_INFO_TYPE_DFID_NAME:
    case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
    case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
      break;
    case FAN_EVENT_INFO_TYPE_ERROR:
      return ParseError(record, event);
    default:
      return {};  // a kind that a newer kernel has
  }
  FidRecord fid;
  CJ_RETURN_IF_ERROR(ParseFid(record, &fid));
  event->fsid = fid.fsid;
  switch (type) {
    case FAN_EVENT_INFO_TYPE_FID:
      event->object = fid.handle;
      return {};
    case FAN_EVENT_INFO_TYPE_DFID:
      event->parent = fid.handle;
      return {};
    case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
      event->old_parent = fid.handle;
      return ParseName(fid.rest, &event->old_name);
    default:
      event->parent = fid.handle;
      return ParseName(fid.rest, &event->name);
  }
}

}  // namespace

Status ParseEvent(std::span<const std::byte>* buffer, Event* event) {
  const Bytes input = *buffer;
  if (input.size() < abi::kMetadataBytes) return Damaged("it is shorter than its header");
  const auto length = Load<std::uint32_t>(input, 0);
  const auto version = Load<std::uint8_t>(input, 4);
  const auto header_length = Load<std::uint16_t>(input, 6);
  if (version != FANOTIFY_METADATA_VERSION) return Damaged("its version is not 3");
  if (length < abi::kMetadataBytes || length > input.size()) {
    return Damaged("its length is not that of the data");
  }
  if (header_length < abi::kMetadataBytes || header_length > length) {
    return Damaged("its header's length is impossible");
  }
  Event parsed;
  parsed.mask = Load<std::uint64_t>(input, 8);
  parsed.pid = Load<std::int32_t>(input, 20);
  Bytes records = input.subspan(header_length, length - header_length);
  while (!records.empty()) {
    if (records.size() < abi::kInfoHeaderBytes) return Damaged("an info record is too short");
    const auto record_length = Load<std::uint16_t>(records, 2);
    if (record_length < abi::kInfoHeaderBytes || record_length > records.size()) {
      return Damaged("an info record's length is impossible");
    }
    CJ_RETURN_IF_ERROR(ParseRecord(records.first(record_length), &parsed));
    records = records.subspan(record_length);
  }
  // A directory's own event names the directory as parent, with the name "." and no FID of its own.
  if (parsed.object.empty() && parsed.name == ".") parsed.object = parsed.parent;
  *event = parsed;
  *buffer = input.subspan(length);
  return {};
}

}  // namespace cj
