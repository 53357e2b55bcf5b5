// The ring that intents survive the process in.
#include "checkpoint/intent_ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <thread>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

PreObject Object(const std::string& name) {
  PreObject object;
  object.handle_type = 1;
  object.handle_bytes = static_cast<std::uint8_t>(name.size());
  std::memcpy(object.handle.data(), name.data(), name.size());
  object.ctime_nsec = 5;
  return object;
}

IntentRing NewRing() {
  auto ring = IntentRing::Create(JournalId(7));
  REQUIRE(ring);
  return std::move(*ring);
}

UniqueFd Copy(const IntentRing& ring) { return UniqueFd(::fcntl(ring.fd(), F_DUPFD_CLOEXEC, 0)); }

}  // namespace

TEST_CASE("ring: what was pushed comes out, in order, until it is given back") {
  IntentRing ring = NewRing();
  CHECK(ring.waiting() == 0);
  CHECK(ring.Push(VolumeId(3), 42, 1000, 9, Object("a")) == 1);
  CHECK(ring.Push(VolumeId(3), 43, 1001, 0, Object(std::string(128, 'b'))) == 2);
  CHECK(ring.waiting() == 2);
  auto first = ring.At(1);
  REQUIRE(first);
  REQUIRE(first->has_value());
  CHECK((*first)->volume == VolumeId(3));
  CHECK((*first)->pid == 42);
  CHECK((*first)->time_usec == 1000);
  CHECK((*first)->ctime_nsec == 5);
  CHECK((*first)->turn == 9);
  CHECK((*first)->object.view() == HandleView{1, "a"});
  CHECK((**ring.At(2)).object.view().bytes == std::string(128, 'b'));
  CHECK_FALSE(ring.At(3)->has_value());
  ring.Free(1);
  CHECK_FALSE(ring.At(1)->has_value());
  CHECK(ring.first() == 2);
  CHECK(ring.waiting() == 1);
}

TEST_CASE("ring: it is full at its limit, and has room when something was given back") {
  IntentRing ring = NewRing();
  for (std::size_t i = 1; i <= IntentRing::kEntries; ++i) {
    REQUIRE(ring.Push(VolumeId(1), 1, 1, 0, Object("x")) == i);
  }
  CHECK(ring.Push(VolumeId(1), 1, 1, 0, Object("y")) == 0);
  ring.Free(1);
  CHECK(ring.Push(VolumeId(1), 1, 1, 0, Object("y")) == IntentRing::kEntries + 1);
  CHECK((**ring.At(IntentRing::kEntries + 1)).object.view().bytes == "y");
}

TEST_CASE("ring: another process goes on with it") {
  IntentRing ring = NewRing();
  for (int i = 0; i < 3; ++i) ring.Push(VolumeId(1), 1, 1, 0, Object("x"));
  ring.Free(1);
  ring.NoteMissed(VolumeId(1), 77, true);
  auto adopted = IntentRing::Adopt(Copy(ring), JournalId(7));
  REQUIRE(adopted);
  CHECK(adopted->first() == 2);
  CHECK(adopted->last() == 3);
  CHECK(adopted->Missed().count == 1);
  CHECK(adopted->Missed().from_usec == 77);
  CHECK(adopted->Push(VolumeId(1), 1, 1, 0, Object("y")) == 4);
}

TEST_CASE("ring: what is missed is told once, and of several volumes as of all") {
  IntentRing ring = NewRing();
  CHECK(ring.Missed().count == 0);
  ring.NoteMissed(VolumeId(1), 10, true);
  ring.NoteMissed(VolumeId(1), 20, false);
  CHECK(ring.Missed().volume == VolumeId(1));
  CHECK(ring.Missed().to_usec == 20);
  ring.NoteMissed(VolumeId(2), 30, false);
  MissedIntents missed = ring.Missed();
  CHECK(missed.count == 3);
  CHECK(missed.volume == VolumeId(0));
  CHECK(missed.from_usec == 10);
  CHECK(missed.to_usec == 30);
  ring.MissedStored(3);
  CHECK(ring.Missed().count == 0);
  ring.NoteMissed(VolumeId(2), 40, true);
  missed = ring.Missed();
  CHECK(missed.count == 4);
  CHECK(missed.volume == VolumeId(2));
  CHECK(missed.from_usec == 40);
}

TEST_CASE("ring: what is none is refused") {
  IntentRing ring = NewRing();
  auto foreign = IntentRing::Adopt(Copy(ring), JournalId(8));
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == ErrorCode::kNotFound);
  UniqueFd empty(::memfd_create("empty", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CHECK(IntentRing::Adopt(std::move(empty), JournalId(7)).error().code == ErrorCode::kCorruption);
  struct Row {
    off_t at;
    std::uint32_t value;
    ErrorCode code;
  };
  for (const Row& row : {Row{0, 1, ErrorCode::kCorruption}, Row{8, 2, ErrorCode::kUnsupported},
                         Row{12, 1, ErrorCode::kCorruption}, Row{32, 9, ErrorCode::kCorruption}}) {
    CAPTURE(row.at);
    IntentRing damaged = NewRing();
    REQUIRE(::pwrite(damaged.fd(), &row.value, sizeof(row.value), row.at) ==
            static_cast<ssize_t>(sizeof(row.value)));
    auto adopted = IntentRing::Adopt(Copy(damaged), JournalId(7));
    REQUIRE_FALSE(adopted);
    CHECK(adopted.error().code == row.code);
  }
}

TEST_CASE("ring: a handle that cannot be is damage, not a crash") {
  IntentRing ring = NewRing();
  ring.Push(VolumeId(1), 1, 1, 0, Object("x"));
  const unsigned char size = 200;
  constexpr off_t kHandleBytesOfFirst = 4096 + 192 + 32;
  REQUIRE(::pwrite(ring.fd(), &size, 1, kHandleBytesOfFirst) == 1);
  CHECK(ring.At(1).error().code == ErrorCode::kCorruption);
}

TEST_CASE("ring: two threads, neither of which waits for a lock") {
  IntentRing ring = NewRing();
  constexpr std::uint64_t kIntents = 200'000;
  std::thread pusher([&] {
    for (std::uint64_t i = 1; i <= kIntents;) {
      if (ring.Push(VolumeId(1), 1, static_cast<std::int64_t>(i), 0, Object("x")) != 0) ++i;
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t taken = 0; taken < kIntents;) {
    const std::uint64_t last = ring.last();
    while (taken < last) {
      auto intent = ring.At(++taken);
      if ((**intent).time_usec != static_cast<std::int64_t>(taken)) ++wrong;
    }
    ring.Free(taken);
  }
  pusher.join();
  CHECK(wrong == 0);
}

}  // namespace cj
