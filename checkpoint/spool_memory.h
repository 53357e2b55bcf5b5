// The spool's memory: a memfd that outlives the process. What read(2) has taken from a fanotify
// group is gone from the kernel; here it stays until it is stored, whoever dies meanwhile.
// systemd's FD store keeps the memfd (descriptors.h), the next process adopts it.
//
// The memfd holds a header, a table of kSlots slots, the slots (a buffer of events each), and a
// text that says what was watched. Integers are the machine's: nothing of this ever leaves it.
//
// A slot is free, or being read into, or filled. Slots are numbered in the order of filling, over
// the spool's whole life; the store keeps the number of the last one that it has (SpoolPosition).
// Before a slot is read into it is emptied, so that after a crash in between whatever whole events
// are in it are those that read(2) brought.
//
// Not thread-safe: spool.h has the locks. A slot belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "checkpoint/translate.h"
#include "journal/ids.h"

namespace cj {

// Raised with every change of the layout, of the groups' flags and of the events asked for: a
// process never guesses at what another version meant.
inline constexpr std::uint32_t kSpoolVersion = 2;

class SpoolMemory {
 public:
  // 64 KiB hold some 700 events: reading costs one system call for all of them. 64 slots (4 MiB)
  // are a quarter of a second of a store that takes 0.2 million records per second.
  static constexpr std::size_t kSlotBytes = 64 * 1024;
  static constexpr std::size_t kSlots = 64;
  // The list of watched trees can grow by this much when filesystems come that were not there.
  static constexpr std::size_t kTextReserve = 64 * 1024;
  // No list of watched trees is longer.
  static constexpr std::size_t kMaxTextBytes = 16 << 20;

  // A new spool with a random id. kIo, kLimit: no memory, or none in the service's cgroup.
  static Result<SpoolMemory> Create(JournalId journal, std::string_view watched);
  // One that another process made. kCorruption: not a spool; kUnsupported: of another version;
  // kNotFound: of another journal; each with a clause fit to be shown. Nothing in it has changed.
  static Result<SpoolMemory> Adopt(UniqueFd fd, JournalId journal);

  SpoolMemory(SpoolMemory&&) noexcept;
  SpoolMemory& operator=(SpoolMemory&&) noexcept;
  ~SpoolMemory();

  int fd() const { return fd_.get(); }
  std::uint64_t id() const;
  // As it was given to Create() or SetWatched().
  std::string_view watched() const;
  // From here on a process that dies leaves this text behind; one that dies in the call leaves an
  // empty one, which is nobody's. So does a text that has become too long for the room it has.
  void SetWatched(std::string_view text);

  // What a filled slot holds.
  enum class Content : std::uint32_t { kEvents = 2, kLoss = 3 };

  // Empties a free slot and makes its memory real, so that read(2) cannot fail for want of it.
  std::span<std::byte> BeginRead(std::size_t slot, std::uint64_t number, std::int64_t since_usec);
  // `size` bytes are in it: whole events, or a text.
  void EndRead(std::size_t slot, Content content, std::size_t size, const ReadTimes& times);
  // Its content is stored, or was none.
  void Free(std::size_t slot);

  struct Found {
    std::size_t slot = 0;
    std::uint64_t number = 0;
    Content content = Content::kEvents;
    std::span<const std::byte> bytes;
    ReadTimes times;
  };
  // The store has everything up to this number.
  void NoteStored(std::uint64_t number);
  // After Adopt(): what was filled and not stored, in the order of filling, what a read brought
  // that was cut off included; `now_usec` is when that was found. Slots up to number `stored` are
  // freed. kCorruption: a slot is not what a slot can be, or the store has had more than `stored`.
  Result<std::vector<Found>> Recover(std::uint64_t stored, std::int64_t now_usec);
  // The number for the next slot to be filled: greater than all that were.
  std::uint64_t next_number() const { return next_number_; }

 private:
  struct Layout;
  struct Header;
  struct Slot;

  SpoolMemory(UniqueFd fd, std::span<std::byte> memory);
  Header& header() const;
  Slot& slot(std::size_t index) const;
  std::span<std::byte> bytes(std::size_t index) const;
  Status CheckHeader(JournalId journal) const;

  UniqueFd fd_;
  std::span<std::byte> memory_;
  std::uint64_t next_number_ = 1;
};

}  // namespace cj
