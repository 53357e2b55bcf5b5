// Any bytes: the parser ends, stays inside, and takes off what it says it takes off.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "fanotify/event.h"
#include "fanotify/pre_event.h"

namespace {

// Touches every byte of a view, so that the sanitizer sees one that points outside.
unsigned Touch(std::string_view bytes) {
  unsigned sum = 0;
  for (const char c : bytes) sum += static_cast<unsigned char>(c);
  return sum;
}

void ParsePermissions(std::span<const std::byte> buffer) {
  while (!buffer.empty()) {
    const std::size_t before = buffer.size();
    cj::PreEvent event;
    if (!cj::ParsePreEvent(&buffer, &event)) {
      CJ_CHECK(buffer.size() == before, "a damaged event was taken off");
      return;
    }
    CJ_CHECK(buffer.size() < before, "an event of no length was taken off");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::span<const std::byte> buffer(reinterpret_cast<const std::byte*>(data), size);
  ParsePermissions(buffer);
  unsigned sum = 0;
  while (!buffer.empty()) {
    const std::size_t before = buffer.size();
    cj::Event event;
    if (!cj::ParseEvent(&buffer, &event)) {
      CJ_CHECK(buffer.size() == before, "a damaged event was taken off");
      break;
    }
    CJ_CHECK(buffer.size() < before, "an event of no length was taken off");
    for (const cj::HandleView handle : {event.object, event.parent, event.old_parent}) {
      CJ_CHECK(handle.bytes.size() <= 128, "a handle is too long");
      CJ_CHECK(handle.type >= 0 && handle.type <= 255, "a handle's type is impossible");
      CJ_CHECK(cj::FileHandle(handle).view() == handle, "a handle does not survive its copy");
      sum += Touch(handle.bytes);
    }
    sum += Touch(event.name) + Touch(event.old_name);
  }
  volatile unsigned sink = sum;
  (void)sink;
  return 0;
}
