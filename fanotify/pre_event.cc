#include "fanotify/pre_event.h"

#include "fanotify/event_frame.h"

namespace cj {
namespace {

Status ParseRecord(EventSpan record, PreEvent* event) {
  if (LoadField<std::uint8_t>(record, 0) != abi::kInfoTypeRange) return {};
  if (record.size() < abi::kRangeRecordBytes) return DamagedEvent("a range record is too short");
  event->has_range = true;
  event->offset = LoadField<std::uint64_t>(record, 8);
  event->length = LoadField<std::uint64_t>(record, 16);
  return {};
}

}  // namespace

Status ParsePreEvent(std::span<const std::byte>* buffer, PreEvent* event) {
  EventFrame frame;
  CJ_RETURN_IF_ERROR(TakeFrame(*buffer, &frame));
  PreEvent parsed;
  parsed.mask = frame.mask;
  parsed.fd = frame.fd;
  parsed.pid = frame.pid;
  while (!frame.records.empty()) {
    EventSpan record;
    CJ_RETURN_IF_ERROR(TakeRecord(&frame.records, &record));
    CJ_RETURN_IF_ERROR(ParseRecord(record, &parsed));
  }
  *event = parsed;
  *buffer = frame.rest;
  return {};
}

}  // namespace cj
