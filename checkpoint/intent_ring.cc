#include "checkpoint/intent_ring.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace cj {
namespace {

constexpr std::uint64_t kMagic = 0x746e65746e69636aULL;  // "jcintent"
// Raised with every change of the layout.
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPage = 4096;
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Error NotOurs(const std::string& why) {
  return Error{ErrorCode::kCorruption, "what was kept as intents is none: " + why};
}

Result<std::span<std::byte>> Map(int fd, std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (memory == MAP_FAILED) return ErrnoError(errno, "mapping the ring of intents");
  return std::span<std::byte>(static_cast<std::byte*>(memory), size);
}

}  // namespace

struct IntentRing::Header {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t entries;
  std::uint32_t journal;
  std::uint32_t unused;
  // Numbers of intents: the last that was pushed, the last that is stored.
  std::atomic<std::uint64_t> pushed;
  std::atomic<std::uint64_t> freed;
  std::atomic<std::uint64_t> missed;  // count; published after the three below
  std::atomic<std::uint64_t> missed_stored;
  std::atomic<std::uint32_t> missed_volume;
  std::atomic<std::int64_t> missed_from_usec;
  std::atomic<std::int64_t> missed_to_usec;
};

struct IntentRing::Entry {
  std::int64_t time_usec;
  std::int64_t ctime_nsec;
  std::uint32_t volume;
  std::int32_t pid;
  std::uint32_t turn;
  std::int32_t handle_type;
  std::uint8_t handle_bytes;
  char handle[128];
};

namespace {
constexpr std::size_t kEntryBytes = 192;
}  // namespace

IntentRing::IntentRing(UniqueFd fd, std::span<std::byte> memory)
    : fd_(std::move(fd)), memory_(memory) {}

IntentRing::IntentRing(IntentRing&& other) noexcept
    : fd_(std::move(other.fd_)), memory_(std::exchange(other.memory_, {})) {}

IntentRing::~IntentRing() {
  if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

IntentRing::Header& IntentRing::header() const {
  static_assert(sizeof(Header) <= kPage && std::atomic<std::uint64_t>::is_always_lock_free);
  return *reinterpret_cast<Header*>(memory_.data());
}

IntentRing::Entry& IntentRing::entry(std::uint64_t number) const {
  static_assert(sizeof(Entry) <= kEntryBytes);
  return *reinterpret_cast<Entry*>(memory_.data() + kPage + number % kEntries * kEntryBytes);
}

Result<IntentRing> IntentRing::Create(JournalId journal) {
  constexpr std::size_t kSize = kPage + kEntries * kEntryBytes;
  UniqueFd fd(::memfd_create("changejournal-intents", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return ErrnoError(errno, "memfd_create for intents");
  const int refused = ::posix_fallocate(fd.get(), 0, kSize);
  if (refused != 0) return ErrnoError(refused, "memory for the ring of intents");
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return ErrnoError(errno, "sealing intents");
  CJ_ASSIGN_OR_RETURN(auto memory, Map(fd.get(), kSize));
  IntentRing ring(std::move(fd), memory);
  Header& header = ring.header();
  header.magic = kMagic;
  header.version = kVersion;
  header.entries = kEntries;
  header.journal = journal.value;
  return ring;
}

Status IntentRing::CheckHeader(JournalId journal) const {
  const Header& found = header();
  if (found.magic != kMagic) return NotOurs("it begins otherwise");
  if (found.version != kVersion) {
    return Error{ErrorCode::kUnsupported, "the intents are of another version"};
  }
  if (found.entries != kEntries) return NotOurs("its size is another");
  if (found.journal != journal.value) {
    return Error{ErrorCode::kNotFound, "the intents are of another journal"};
  }
  const std::uint64_t pushed = found.pushed;
  const std::uint64_t freed = found.freed;
  if (freed > pushed || pushed - freed > kEntries) return NotOurs("its numbers are impossible");
  return {};
}

Result<IntentRing> IntentRing::Adopt(UniqueFd fd, JournalId journal) {
  constexpr std::size_t kSize = kPage + kEntries * kEntryBytes;
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "fstat of intents");
  if ((::fcntl(fd.get(), F_GET_SEALS) & kSeals) != kSeals) return NotOurs("it is not sealed");
  if (info.st_size != static_cast<off_t>(kSize)) return NotOurs("its size is another");
  CJ_ASSIGN_OR_RETURN(auto memory, Map(fd.get(), kSize));
  IntentRing ring(std::move(fd), memory);
  CJ_RETURN_IF_ERROR(ring.CheckHeader(journal));
  return ring;
}

std::uint64_t IntentRing::last() const { return header().pushed.load(std::memory_order_acquire); }

std::uint64_t IntentRing::first() const {
  return header().freed.load(std::memory_order_acquire) + 1;
}

std::uint64_t IntentRing::Push(VolumeId volume, std::int32_t pid, std::int64_t time_usec,
                               std::uint32_t turn, const PreObject& object) {
  Header& head = header();
  const std::uint64_t number = head.pushed.load(std::memory_order_relaxed) + 1;
  if (number - head.freed.load(std::memory_order_acquire) > kEntries) return 0;
  Entry& slot = entry(number);
  slot.time_usec = time_usec;
  slot.ctime_nsec = object.ctime_nsec;
  slot.volume = volume.value;
  slot.pid = pid;
  slot.turn = turn;
  slot.handle_type = object.handle_type;
  slot.handle_bytes = object.handle_bytes;
  std::memcpy(slot.handle, object.handle.data(), object.handle_bytes);
  head.pushed.store(number, std::memory_order_release);
  return number;
}

// What the writer reads while this goes on may be of the episode before in part: the times only
// grow, so it is too wide at worst, and it reads again because the count is another.
void IntentRing::NoteMissed(VolumeId volume, std::int64_t now_usec, bool begins) {
  Header& head = header();
  if (begins && head.missed == head.missed_stored) {
    head.missed_volume = volume.value;
    head.missed_from_usec = now_usec;
  } else if (head.missed_volume != volume.value) {
    head.missed_volume = 0;
  }
  head.missed_to_usec = now_usec;
  head.missed.fetch_add(1, std::memory_order_release);
}

Result<std::optional<Intent>> IntentRing::At(std::uint64_t number) const {
  if (number < first() || number > last()) return std::optional<Intent>();
  const Entry& slot = entry(number);
  if (slot.handle_bytes > sizeof(slot.handle) || slot.handle_type < 0 || slot.handle_type > 255) {
    return NotOurs("a handle is impossible");
  }
  Intent intent;
  intent.volume = VolumeId(slot.volume);
  intent.pid = slot.pid;
  intent.time_usec = slot.time_usec;
  intent.ctime_nsec = slot.ctime_nsec;
  intent.turn = slot.turn;
  intent.object = FileHandle(HandleView{slot.handle_type, {slot.handle, slot.handle_bytes}});
  return std::optional<Intent>(std::move(intent));
}

void IntentRing::Free(std::uint64_t number) {
  header().freed.store(number, std::memory_order_release);
}

MissedIntents IntentRing::Missed() const {
  const Header& head = header();
  MissedIntents missed;
  missed.count = head.missed.load(std::memory_order_acquire);
  if (missed.count == head.missed_stored) return {};
  missed.volume = VolumeId(head.missed_volume);
  missed.to_usec = head.missed_to_usec;
  missed.from_usec = std::min(head.missed_from_usec.load(), missed.to_usec);
  return missed;
}

void IntentRing::MissedStored(std::uint64_t count) { header().missed_stored = count; }

}  // namespace cj
