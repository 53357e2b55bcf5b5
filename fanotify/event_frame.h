// What all events have in common: a header of fixed size and info records of their own lengths.
// Every length is checked against the bytes that there are. Pure, inline because it runs for every
// event. Source: fanotify(7).
#pragma once

#include <sys/fanotify.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "base/result.h"
#include "fanotify/kernel_abi.h"

namespace cj {

using EventSpan = std::span<const std::byte>;

inline Error DamagedEvent(const char* what) {
  return Error{ErrorCode::kCorruption, std::string("damaged fanotify event: ") + what, 0};
}

// The caller has checked that offset + sizeof(T) lies inside.
template <typename T>
T LoadField(EventSpan bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

struct EventFrame {
  std::uint64_t mask = 0;
  std::int32_t fd = -1;
  std::int32_t pid = 0;
  EventSpan records;
  EventSpan rest;  // the events after this one
};

inline Status TakeFrame(EventSpan input, EventFrame* frame) {
  if (input.size() < abi::kMetadataBytes) return DamagedEvent("it is shorter than its header");
  const auto length = LoadField<std::uint32_t>(input, 0);
  const auto header_length = LoadField<std::uint16_t>(input, 6);
  if (LoadField<std::uint8_t>(input, 4) != FANOTIFY_METADATA_VERSION) {
    return DamagedEvent("its version is not 3");
  }
  if (length < abi::kMetadataBytes || length > input.size()) {
    return DamagedEvent("its length is not that of the data");
  }
  if (header_length < abi::kMetadataBytes || header_length > length) {
    return DamagedEvent("its header's length is impossible");
  }
  frame->mask = LoadField<std::uint64_t>(input, 8);
  frame->fd = LoadField<std::int32_t>(input, 16);
  frame->pid = LoadField<std::int32_t>(input, 20);
  frame->records = input.subspan(header_length, length - header_length);
  frame->rest = input.subspan(length);
  return {};
}

// Takes the first record off *records, which are not empty.
inline Status TakeRecord(EventSpan* records, EventSpan* record) {
  if (records->size() < abi::kInfoHeaderBytes) return DamagedEvent("an info record is too short");
  const auto length = LoadField<std::uint16_t>(*records, 2);
  if (length < abi::kInfoHeaderBytes || length > records->size()) {
    return DamagedEvent("an info record's length is impossible");
  }
  *record = records->first(length);
  *records = records->subspan(length);
  return {};
}

}  // namespace cj
