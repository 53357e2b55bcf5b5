#include "checkpoint/spool_memory.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

constexpr JournalId kJournal(7);

SpoolMemory NewSpool() {
  auto made = SpoolMemory::Create(kJournal, "what is watched");
  REQUIRE(made.has_value());
  return std::move(*made);
}

UniqueFd CopyOf(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

// As the next process finds it: its own mapping of the same memory.
SpoolMemory NextProcess(const SpoolMemory& spool) {
  auto adopted = SpoolMemory::Adopt(CopyOf(spool.fd()), kJournal);
  REQUIRE(adopted.has_value());
  return std::move(*adopted);
}

void Fill(std::span<std::byte> buffer, const std::string& bytes) {
  std::memcpy(buffer.data(), bytes.data(), bytes.size());
}

void FillSlot(SpoolMemory& spool, std::size_t slot, std::uint64_t number,
              const std::string& bytes) {
  Fill(spool.BeginRead(slot, number, 10), bytes);
  spool.EndRead(slot, SpoolMemory::Content::kEvents, bytes.size(), {10, 20});
}

std::string TextOf(const SpoolMemory::Found& found) {
  return {reinterpret_cast<const char*>(found.bytes.data()), found.bytes.size()};
}

TEST_CASE("spool memory: what is watched may change") {
  SpoolMemory spool = NewSpool();
  spool.SetWatched("something else, which is longer than it was before");
  CHECK(NextProcess(spool).watched() == "something else, which is longer than it was before");
  spool.SetWatched("less");
  CHECK(NextProcess(spool).watched() == "less");
  const std::string most(SpoolMemory::kTextReserve, 'x');
  spool.SetWatched(most);
  CHECK(NextProcess(spool).watched() == most);
  // Nobody watches nothing: what cannot be told is not inherited.
  spool.SetWatched(most + std::string(SpoolMemory::kTextReserve, 'x'));
  CHECK(NextProcess(spool).watched().empty());
}

TEST_CASE("spool memory: the next process finds what was not stored, in order") {
  SpoolMemory spool = NewSpool();
  FillSlot(spool, 5, 1, "one");
  FillSlot(spool, 3, 2, "two");
  FillSlot(spool, 9, 4, "four");
  Fill(spool.BeginRead(0, 3, 11), "why");
  spool.EndRead(0, SpoolMemory::Content::kLoss, 3, {11, 21});
  FillSlot(spool, 7, 5, "five");
  spool.Free(7);
  SpoolMemory next = NextProcess(spool);
  CHECK(next.id() == spool.id());
  CHECK(next.watched() == "what is watched");
  auto found = next.Recover(1, 99);
  REQUIRE(found.has_value());
  REQUIRE(found->size() == 3);
  CHECK(TextOf((*found)[0]) == "two");
  CHECK((*found)[0].slot == 3);
  CHECK((*found)[0].times.since_usec == 10);
  CHECK((*found)[0].times.read_usec == 20);
  CHECK((*found)[1].content == SpoolMemory::Content::kLoss);
  CHECK(TextOf((*found)[1]) == "why");
  CHECK(TextOf((*found)[2]) == "four");
  CHECK(next.next_number() == 6);
}

TEST_CASE("spool memory: whole events of a read that was cut off") {
  const std::string event = EventBytes(FileEvent(FAN_CREATE, "a"));
  SpoolMemory spool = NewSpool();
  // What an earlier use has left in the slot is none of them.
  FillSlot(spool, 0, 1, event + event + event);
  spool.Free(0);
  SECTION("nothing was read") {
    spool.BeginRead(0, 2, 10);
    SpoolMemory next = NextProcess(spool);
    auto found = next.Recover(1, 99);
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    CHECK(found->front().bytes.empty());
  }
  SECTION("one event, and a part of another") {
    Fill(spool.BeginRead(0, 2, 10), event + event.substr(0, event.size() / 2));
    SpoolMemory next = NextProcess(spool);
    auto found = next.Recover(1, 99);
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    CHECK(TextOf(found->front()) == event);
    CHECK(found->front().times.since_usec == 10);
    CHECK(found->front().times.read_usec == 99);
    // And it is a slot like others from now on.
    SpoolMemory third = NextProcess(next);
    auto again = third.Recover(1, 100);
    REQUIRE(again.has_value());
    REQUIRE(again->size() == 1);
    CHECK(TextOf(again->front()) == event);
  }
}

TEST_CASE("spool memory: a store that has forgotten is not the one") {
  SpoolMemory spool = NewSpool();
  FillSlot(spool, 0, 1, "one");
  spool.NoteStored(1);
  CHECK(NextProcess(spool).Recover(1, 99).has_value());
  auto refused = NextProcess(spool).Recover(0, 99);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("older") != std::string::npos);
}

// Bytes at an offset of the memfd, written past the mapping.
void Poke(const SpoolMemory& spool, off_t offset, const std::string& bytes) {
  REQUIRE(::pwrite(spool.fd(), bytes.data(), bytes.size(), offset) ==
          static_cast<ssize_t>(bytes.size()));
}

std::string Refusal(int fd, JournalId journal = kJournal) {
  auto adopted = SpoolMemory::Adopt(CopyOf(fd), journal);
  return adopted.has_value() ? "adopted" : adopted.error().message;
}

TEST_CASE("spool memory: what is no spool of ours is refused") {
  using Catch::Matchers::Contains;
  SpoolMemory spool = NewSpool();
  CHECK(Refusal(spool.fd()) == "adopted");
  CHECK_THAT(Refusal(spool.fd(), JournalId(8)), Contains("another journal"));
  UniqueFd pipe_or_file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK_THAT(Refusal(pipe_or_file.get()), Contains("not sealed"));
  UniqueFd unsealed(::memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CHECK_THAT(Refusal(unsealed.get()), Contains("not sealed"));
  REQUIRE(::fcntl(unsealed.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
  CHECK_THAT(Refusal(unsealed.get()), Contains("too short"));
  SECTION("another version") {
    Poke(spool, 8, std::string("\x63\0\0\0", 4));
    CHECK_THAT(Refusal(spool.fd()), Contains("another form (99)"));
  }
  SECTION("another beginning") {
    Poke(spool, 0, "x");
    CHECK_THAT(Refusal(spool.fd()), Contains("does not begin"));
  }
  SECTION("other sizes") {
    Poke(spool, 12, "x");
    CHECK_THAT(Refusal(spool.fd()), Contains("another size"));
  }
  SECTION("a slot that cannot be") {
    for (const off_t offset : {4096, 4100}) {  // state, size
      FillSlot(spool, 0, 1, "one");
      Poke(spool, offset, std::string("\0\0\0\x7f", 4));
      auto found = NextProcess(spool).Recover(0, 99);
      REQUIRE_FALSE(found.has_value());
      CHECK_THAT(found.error().message, Contains("damaged"));
      spool = NewSpool();
    }
  }
}

}  // namespace
}  // namespace cj
