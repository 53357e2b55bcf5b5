// The way of intents from the thread that answers programs to the writer: a ring in a memfd, so
// that what a program was let through for outlives this process. An *intent* says that a file may
// be changed from now on; it is here before the program goes on.
//
// One thread pushes (the responder), one takes (the writer); neither waits for the other, nothing
// is allocated, no lock is taken. All memory is made at the start: no write can fail for want of
// it. The memfd is kept like the spool's (slot_group.h); the next process goes on with what was not
// stored. An intent that is stored twice does no harm.
//
// Integers are the machine's: nothing of this ever leaves it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/file_handle.h"
#include "fanotify/pre_group.h"
#include "fanotify/volume.h"
#include "journal/ids.h"

namespace cj {

inline constexpr const char* kIntentRingName = "intents";

struct Intent {
  VolumeId volume;
  std::int32_t pid = 0;
  std::int64_t time_usec = 0;   // CLOCK_REALTIME, before the program went on
  std::int64_t ctime_nsec = 0;  // of the file, at that time; 0: not known
  // Of the checkpoint under way when it came: it belongs to the period after, too. 0: none was.
  std::uint32_t turn = 0;
  FileHandle object;
};

// What programs were let through for without an intent: at some time between the two.
struct MissedIntents {
  std::uint64_t count = 0;  // grows over the ring's whole life
  VolumeId volume;          // 0: several
  std::int64_t from_usec = 0;
  std::int64_t to_usec = 0;
};

class IntentRing {
 public:
  // 1.5 MiB. A writer that stores 80,000 intents per second has a tenth of a second, which is what
  // programs are made to wait at most.
  static constexpr std::size_t kEntries = 8192;

  static Result<IntentRing> Create(JournalId journal);
  // kCorruption, kUnsupported, kNotFound as for SpoolMemory::Adopt().
  static Result<IntentRing> Adopt(UniqueFd fd, JournalId journal);

  IntentRing(IntentRing&&) noexcept;
  IntentRing& operator=(IntentRing&&) = delete;
  ~IntentRing();
  int fd() const { return fd_.get(); }

  // The responder's. The intent's number, from 1 on; 0: there is no room.
  std::uint64_t Push(VolumeId volume, std::int32_t pid, std::int64_t time_usec, std::uint32_t turn,
                     const PreObject& object);
  // A program was let through without one. `begins`: what was noted before has nothing to do with
  // it, if it is stored.
  void NoteMissed(VolumeId volume, std::int64_t now_usec, bool begins);

  // The writer's. The intent of this number, if it is there; kCorruption: it is none.
  Result<std::optional<Intent>> At(std::uint64_t number) const;
  // The first number that was not given back.
  std::uint64_t first() const;
  // All up to this number are stored.
  void Free(std::uint64_t number);
  // What is not noted as stored yet; count 0: nothing.
  MissedIntents Missed() const;
  void MissedStored(std::uint64_t count);

  // Any thread: the number of the last one pushed; how many were not given back.
  std::uint64_t last() const;
  std::uint64_t waiting() const { return last() + 1 - first(); }

 private:
  struct Header;
  struct Entry;

  IntentRing(UniqueFd fd, std::span<std::byte> memory);
  Header& header() const;
  Entry& entry(std::uint64_t number) const;
  Status CheckHeader(JournalId journal) const;

  UniqueFd fd_;
  std::span<std::byte> memory_;
};

}  // namespace cj
