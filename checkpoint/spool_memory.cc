#include "checkpoint/spool_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "fanotify/event.h"

namespace cj {
namespace {

constexpr std::uint64_t kMagic = 0x6c6f6f7073316a63;  // "cj1spool"
constexpr std::size_t kPage = 4096;
// A memfd whose size cannot change can be mapped without fear of SIGBUS, whoever else holds it.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

enum State : std::uint32_t { kFree = 0, kReading = 1 };  // else a SpoolMemory::Content

Error NotOurs(const std::string& why) {
  return Error{ErrorCode::kCorruption, "what was kept as the spool is none: " + why};
}

// The whole events at the start of `bytes`.
std::size_t WholeEvents(std::span<const std::byte> bytes) {
  std::span<const std::byte> rest = bytes;
  Event event;
  std::size_t size = 0;
  while (!rest.empty()) {
    if (!ParseEvent(&rest, &event).has_value()) break;
    size = bytes.size() - rest.size();
  }
  return size;
}

}  // namespace

struct SpoolMemory::Header {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t slot_bytes;
  std::uint32_t slots;
  std::uint32_t journal;
  std::uint64_t id;
  std::uint64_t text_bytes;
  std::uint64_t stored;  // a store that says less is not the one that this spool was made for
};

struct SpoolMemory::Slot {
  std::uint32_t state;
  std::uint32_t size;  // while it is free: how much of it may be other than zero
  std::uint64_t number;
  std::int64_t since_usec;
  std::int64_t read_usec;
};

// Offsets in the memfd.
struct SpoolMemory::Layout {
  static constexpr std::size_t kTable = kPage;
  static constexpr std::size_t kData = 2 * kPage;
  static constexpr std::size_t kText = kData + kSlots * kSlotBytes;
  static_assert(sizeof(Header) <= kPage && sizeof(Slot) * kSlots <= kPage);
};

SpoolMemory::SpoolMemory(UniqueFd fd, std::span<std::byte> memory)
    : fd_(std::move(fd)), memory_(memory) {}

SpoolMemory::SpoolMemory(SpoolMemory&& other) noexcept
    : fd_(std::move(other.fd_)),
      memory_(std::exchange(other.memory_, {})),
      next_number_(other.next_number_) {}

SpoolMemory& SpoolMemory::operator=(SpoolMemory&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(memory_, other.memory_);
  std::swap(next_number_, other.next_number_);
  return *this;
}

SpoolMemory::~SpoolMemory() {
  if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

SpoolMemory::Header& SpoolMemory::header() const {
  return *reinterpret_cast<Header*>(memory_.data());
}

SpoolMemory::Slot& SpoolMemory::slot(std::size_t index) const {
  CJ_CHECK(index < kSlots, "a slot of the spool");
  return reinterpret_cast<Slot*>(memory_.data() + Layout::kTable)[index];
}

std::span<std::byte> SpoolMemory::bytes(std::size_t index) const {
  return memory_.subspan(Layout::kData + index * kSlotBytes, kSlotBytes);
}

std::uint64_t SpoolMemory::id() const { return header().id; }

std::string_view SpoolMemory::watched() const {
  return {reinterpret_cast<const char*>(memory_.data() + Layout::kText), header().text_bytes};
}

namespace {

// Between two states of a slot the compiler must not move what they tell about. (A crash of the
// process loses no store that was made; a crash of the machine loses the memfd.)
void SetState(std::uint32_t* state, std::uint32_t value) {
  std::atomic_ref<std::uint32_t>(*state).store(value, std::memory_order_release);
}

Result<std::span<std::byte>> Map(int fd, std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return ErrnoError(errno, "mapping the spool");
  return std::span(static_cast<std::byte*>(memory), size);
}

}  // namespace

void SpoolMemory::SetWatched(std::string_view text) {
  std::atomic_ref<std::uint64_t> size(header().text_bytes);
  size.store(0, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (text.size() > memory_.size() - Layout::kText) return;
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(memory_.data() + Layout::kText));
  size.store(text.size(), std::memory_order_release);
}

Result<SpoolMemory> SpoolMemory::Create(JournalId journal, std::string_view watched) {
  CJ_CHECK(watched.size() <= kMaxTextBytes, "the list of watched trees is not that long");
  UniqueFd fd(::memfd_create("changejournal-spool", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return ErrnoError(errno, "making the spool's memory");
  const std::size_t size = Layout::kText + watched.size() + kTextReserve;
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return ErrnoError(errno, "making the spool's memory");
  }
  CJ_ASSIGN_OR_RETURN(auto memory, Map(fd.get(), size));
  SpoolMemory spool(std::move(fd), memory);
  spool.SetWatched(watched);
  Header& header = spool.header();
  while (header.id == 0) {
    if (::getrandom(&header.id, sizeof(header.id), 0) != sizeof(header.id)) {
      return ErrnoError(errno, "naming the spool");
    }
  }
  header.version = kSpoolVersion;
  header.slot_bytes = kSlotBytes;
  header.slots = kSlots;
  header.journal = journal.value;
  header.magic = kMagic;
  return spool;
}

Result<SpoolMemory> SpoolMemory::Adopt(UniqueFd fd, JournalId journal) {
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) return NotOurs("its size is not sealed");
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return ErrnoError(errno, "looking at the kept spool");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < sizeof(Header)) return NotOurs("it is too short");
  CJ_ASSIGN_OR_RETURN(auto memory, Map(fd.get(), size));
  SpoolMemory spool(std::move(fd), memory);
  CJ_RETURN_IF_ERROR(spool.CheckHeader(journal));
  return spool;
}

// What is fixed for all versions comes first: the magic number and the version.
Status SpoolMemory::CheckHeader(JournalId journal) const {
  const Header& header = this->header();
  if (header.magic != kMagic) return NotOurs("it does not begin as one");
  if (header.version != kSpoolVersion) {
    return Error{ErrorCode::kUnsupported, "the version before kept its spool in another form (" +
                                              std::to_string(header.version) + ")"};
  }
  const bool sound = header.slot_bytes == kSlotBytes && header.slots == kSlots && header.id != 0 &&
                     memory_.size() >= Layout::kText &&
                     header.text_bytes <= memory_.size() - Layout::kText;
  if (!sound) return NotOurs("its parts have another size");
  if (header.journal != journal.value) {
    return Error{ErrorCode::kNotFound, "the kept spool is of another journal"};
  }
  return {};
}

std::span<std::byte> SpoolMemory::BeginRead(std::size_t index, std::uint64_t number,
                                            std::int64_t since_usec) {
  Slot& slot = this->slot(index);
  CJ_CHECK(slot.state == kFree || slot.state == kReading, "a slot that is free is read into");
  // The first use makes all of its memory real.
  const std::size_t dirty = slot.number == 0 || slot.state == kReading ? kSlotBytes : slot.size;
  std::memset(bytes(index).data(), 0, dirty);
  slot.number = number;
  slot.since_usec = since_usec;
  slot.size = kSlotBytes;
  next_number_ = std::max(next_number_, number + 1);
  SetState(&slot.state, kReading);
  return bytes(index);
}

void SpoolMemory::EndRead(std::size_t index, Content content, std::size_t size,
                          const ReadTimes& times) {
  CJ_CHECK(size <= kSlotBytes, "a slot holds what was read into it");
  Slot& slot = this->slot(index);
  slot.since_usec = times.since_usec;
  slot.read_usec = times.read_usec;
  slot.size = static_cast<std::uint32_t>(size);
  SetState(&slot.state, static_cast<std::uint32_t>(content));
}

void SpoolMemory::Free(std::size_t index) { SetState(&slot(index).state, kFree); }

void SpoolMemory::NoteStored(std::uint64_t number) { header().stored = number; }

Result<std::vector<SpoolMemory::Found>> SpoolMemory::Recover(std::uint64_t stored,
                                                             std::int64_t now_usec) {
  if (stored < header().stored) return NotOurs("the journal is older than it is");
  std::vector<Found> all;
  for (std::size_t index = 0; index < kSlots; ++index) {
    Slot& slot = this->slot(index);
    next_number_ = std::max(next_number_, slot.number + 1);
    if (slot.state == kFree) continue;
    if (slot.state > static_cast<std::uint32_t>(Content::kLoss) || slot.size > kSlotBytes) {
      return NotOurs("a slot of it is damaged");
    }
    if (slot.number <= stored) {
      Free(index);
      continue;
    }
    Found found{index, slot.number, Content::kEvents, {}, {slot.since_usec, slot.read_usec}};
    std::size_t size = slot.size;
    if (slot.state == kReading) {
      size = WholeEvents(bytes(index));
      found.times.read_usec = now_usec;
      EndRead(index, Content::kEvents, size, found.times);
    } else {
      found.content = static_cast<Content>(slot.state);
    }
    found.bytes = std::span<const std::byte>(bytes(index)).first(size);
    all.push_back(found);
  }
  std::sort(all.begin(), all.end(),
            [](const Found& a, const Found& b) { return a.number < b.number; });
  return all;
}

}  // namespace cj
