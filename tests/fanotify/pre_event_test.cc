// Permission events from bytes: what the kernel writes, and everything that it would not.
#include "fanotify/pre_event.h"

#include <catch2/catch.hpp>
#include <string>

#include "event_bytes.h"
#include "fanotify/kernel_abi.h"

namespace cj {
namespace {

std::string Permission(std::int32_t fd, std::uint64_t mask = FAN_OPEN_PERM) {
  std::string bytes = EventBytes(mask, 42).Take();
  std::memcpy(bytes.data() + 16, &fd, sizeof(fd));
  return bytes;
}

std::string Range(std::uint64_t offset, std::uint64_t count) {
  std::string body(4, '\0');
  body.append(reinterpret_cast<const char*>(&offset), sizeof(offset));
  body.append(reinterpret_cast<const char*>(&count), sizeof(count));
  return EventBytes(abi::kFanPreAccess, 42).Record(abi::kInfoTypeRange, body).Take();
}

}  // namespace

TEST_CASE("permission events: one after the other, with their descriptors") {
  const std::string bytes = Permission(7) + Range(4096, 512) + Permission(FAN_NOFD);
  std::span<const std::byte> rest = AsBytes(bytes);
  PreEvent event;
  REQUIRE(ParsePreEvent(&rest, &event));
  CHECK(event.fd == 7);
  CHECK(event.pid == 42);
  CHECK(event.mask == FAN_OPEN_PERM);
  CHECK_FALSE(event.has_range);
  REQUIRE(ParsePreEvent(&rest, &event));
  CHECK(event.mask == abi::kFanPreAccess);
  CHECK(event.has_range);
  CHECK(event.offset == 4096);
  CHECK(event.length == 512);
  REQUIRE(ParsePreEvent(&rest, &event));
  CHECK(event.fd < 0);
  CHECK_FALSE(event.has_range);
  CHECK(rest.empty());
}

TEST_CASE("permission events: records of newer kernels are skipped") {
  const std::string bytes = EventBytes(FAN_OPEN_PERM, 1).Record(200, "anything").Take();
  std::span<const std::byte> rest = AsBytes(bytes);
  PreEvent event;
  REQUIRE(ParsePreEvent(&rest, &event));
  CHECK(rest.empty());
}

TEST_CASE("permission events: every length that is cut short is damage") {
  const std::string bytes = Range(1, 2);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    CAPTURE(size);
    std::span<const std::byte> rest = AsBytes(std::string_view(bytes).substr(0, size));
    PreEvent event;
    event.fd = 99;
    Status parsed = ParsePreEvent(&rest, &event);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == ErrorCode::kCorruption);
    CHECK(rest.size() == size);
    CHECK(event.fd == 99);
  }
}

TEST_CASE("permission events: impossible headers and records are damage") {
  struct Row {
    std::size_t at;
    unsigned char value;
    const char* what;
  };
  const Row kRows[] = {
      {0, 23, "shorter than its header"}, {0, 255, "longer than the data"},
      {4, 2, "another version"},          {6, 10, "a header that is too short"},
      {6, 200, "a header too long"},      {26, 3, "a record shorter than its header"},
      {26, 60, "a record too long"},      {26, 20, "a range that is too short"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.what);
    std::string bytes = Range(1, 2);
    bytes[row.at] = static_cast<char>(row.value);
    std::span<const std::byte> rest = AsBytes(bytes);
    PreEvent event;
    CHECK_FALSE(ParsePreEvent(&rest, &event));
  }
}

}  // namespace cj
