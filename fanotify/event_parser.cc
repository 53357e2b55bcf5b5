#include <string_view>

#include "fanotify/event.h"
#include "fanotify/event_frame.h"

namespace cj {
namespace {

using Bytes = EventSpan;

std::string_view Text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct FidRecord {
  FsId fsid;
  HandleView handle;
  Bytes rest;  // the name and padding, for the kinds that have one
};

Status ParseFid(Bytes record, FidRecord* fid) {
  if (record.size() < abi::kFidHeaderBytes)
    return DamagedEvent("a file handle record is too short");
  fid->fsid.value = LoadField<std::uint64_t>(record, 4);
  const auto length = LoadField<std::uint32_t>(record, 12);
  const auto type = LoadField<std::int32_t>(record, 16);
  Bytes data = record.subspan(abi::kFidHeaderBytes);
  if (length > abi::kMaxHandleBytes || length > data.size()) {
    return DamagedEvent("a file handle is longer than its record");
  }
  // No bytes: the kernel had no inode to name (FAN_FS_ERROR about the whole filesystem).
  if (length != 0) {
    if (type < 0 || type > 255) return DamagedEvent("a file handle has an impossible type");
    fid->handle = {type, Text(data.first(length))};
  }
  fid->rest = data.subspan(length);
  return {};
}

Status ParseName(Bytes rest, std::string_view* name) {
  const std::size_t end = Text(rest).find('\0');
  if (end == std::string_view::npos) return DamagedEvent("a name does not end inside its record");
  *name = Text(rest).substr(0, end);
  return {};
}

Status ParseError(Bytes record, Event* event) {
  if (record.size() < abi::kErrorRecordBytes) return DamagedEvent("an error record is too short");
  event->fs_error = LoadField<std::int32_t>(record, 4);
  event->fs_error_count = LoadField<std::uint32_t>(record, 8);
  return {};
}

Status ParseRecord(Bytes record, Event* event) {
  const auto type = LoadField<std::uint8_t>(record, 0);
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
  EventFrame frame;
  CJ_RETURN_IF_ERROR(TakeFrame(*buffer, &frame));
  Event parsed;
  parsed.mask = frame.mask;
  parsed.pid = frame.pid;
  while (!frame.records.empty()) {
    Bytes record;
    CJ_RETURN_IF_ERROR(TakeRecord(&frame.records, &record));
    CJ_RETURN_IF_ERROR(ParseRecord(record, &parsed));
  }
  // A directory's own event names the directory as parent, with the name "." and no FID of its own.
  if (parsed.object.empty() && parsed.name == ".") parsed.object = parsed.parent;
  *event = parsed;
  *buffer = frame.rest;
  return {};
}

}  // namespace cj
