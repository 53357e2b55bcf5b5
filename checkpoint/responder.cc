#include "checkpoint/responder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>

#include "base/check.h"

namespace cj {
namespace {

// After a read that failed the next one is tried this much later.
constexpr std::int64_t kReadRetryUsec = 1'000;
// Events at most this many times the spinning apart make it worth while.
constexpr std::int64_t kSoon = 4;

void Add(std::atomic<std::uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

std::size_t Index(IntentLevel level) { return static_cast<std::size_t>(level); }

}  // namespace

Responder::Responder(Clock& clock, IntentRing& ring, Closer& closer, Listener& listener,
                     const ResponderOptions& options)
    : clock_(clock),
      ring_(ring),
      closer_(closer),
      listener_(listener),
      options_(options),
      own_pid_(::getpid()),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CJ_CHECK(wake_.valid(), "the process can have one more descriptor at start");
  held_.reserve(kMaxHeld);
  polled_.reserve(kMaxSlots + 1);
  serving_.reserve(kMaxSlots);
}

Responder::~Responder() = default;

void Responder::Nudge() { ::eventfd_write(wake_.get(), 1); }

Status Responder::Add(std::shared_ptr<PreSlot> slot) {
  {
    MutexLock lock(mutex_);
    if (slots_ == kMaxSlots) {
      return Error{ErrorCode::kLimit, "more groups for permission events than can be served (" +
                                          std::to_string(kMaxSlots) + ")"};
    }
    ++slots_;
    added_.push_back(std::move(slot));
  }
  ordered_ = true;
  Nudge();
  return {};
}

void Responder::Retire(const std::shared_ptr<PreSlot>& slot) {
  {
    MutexLock lock(mutex_);
    retired_.push_back(slot);
  }
  ordered_ = true;
  Nudge();
}

void Responder::Stop() {
  stopping_ = true;
  Nudge();
}

void Responder::Reached(IntentLevel level, std::uint64_t number) {
  for (std::size_t i = 0; i <= Index(level); ++i) {
    reached_[i].store(std::max(reached_[i].load(), number));
  }
  if (holding_ || hasty_since_usec_ != 0) Nudge();
}

ResponderCounters Responder::counters() const { return {events_, intents_, own_, missed_}; }

// The lock is held by others for a push_back, never while they open or wait.
void Responder::TakeOrders() {
  if (!ordered_.exchange(false)) return;
  MutexLock lock(mutex_);
  for (std::shared_ptr<PreSlot>& slot : added_) serving_.push_back({std::move(slot)});
  added_.clear();
  for (const std::shared_ptr<PreSlot>& slot : retired_) {
    for (Serving& serving : serving_) serving.retiring |= serving.slot == slot;
  }
  retired_.clear();
}

bool Responder::Step() {
  beats_.fetch_add(1, std::memory_order_relaxed);
  TakeOrders();
  EndHaste();
  bool busy = DrainSlots();
  busy |= ReleaseHeld();
  CloseRetired();
  if (stopping_ && serving_.empty()) return false;
  const std::int64_t now_usec = clock_.MonotonicUsec();
  if (busy) {
    spinning_ = now_usec - busy_usec_ < options_.spin_usec * kSoon;
    busy_usec_ = now_usec;
  }
  if (!spinning_ || now_usec - busy_usec_ >= options_.spin_usec) Wait();
  return true;
}

bool Responder::DrainSlots() {
  read_failed_ = false;
  bool any = false;
  for (Serving& serving : serving_) any |= Drain(serving);
  return any;
}

// One read: the other slots, and those who wait, are looked at in between.
bool Responder::Drain(Serving& serving) {
  auto size = serving.slot->group->Read(buffer_);
  if (!size) {
    read_failed_ = true;
    return false;
  }
  serving.drained = *size == 0 && serving.retiring;
  std::span<const std::byte> rest(buffer_.data(), *size);
  while (!rest.empty()) {
    PreEvent event;
    // A kernel that writes nonsense: those who wait are released when the slot is closed.
    if (!ParsePreEvent(&rest, &event)) break;
    if (event.fd < 0) continue;
    Handle(*serving.slot, event);
    events_.store(events_ + 1, std::memory_order_relaxed);
  }
  return *size > 0;
}

// The intent is where it should be. Not ignored before: others who open the file have to wait for
// the same.
void Responder::LetWrite(PreSlot& slot, std::int32_t fd) { slot.group->AllowForGood(fd); }

// The program goes on although its intent is not where it should be.
void Responder::Miss(PreSlot& slot, std::int32_t fd) {
  ring_.NoteMissed(slot.volume, clock_.RealtimeUsec(), !hasty_);
  cj::Add(missed_);
  if (!hasty_) {
    hasty_ = true;
    hasty_until_ = ring_.last();
    hasty_level_ = std::max(slot.level, IntentLevel::kAppended);
    hasty_since_usec_ = std::max<std::int64_t>(clock_.MonotonicUsec(), 1);
  }
  slot.group->Allow(fd);
  listener_.IntentPushed(true);
}

void Responder::Handle(PreSlot& slot, const PreEvent& event) {
  if (event.pid == own_pid_) {
    cj::Add(own_);
    slot.group->Allow(event.fd);
    return;
  }
  if (slot.group->MayBeWritten(event.fd)) {
    Record(slot, event);
    return;
  }
  // Who wants to write to it has to open it, and that is another event.
  if ((event.mask & ~std::uint64_t{FAN_OPEN_PERM}) != 0) {
    slot.group->Ignore(event.fd, event.mask & ~std::uint64_t{FAN_OPEN_PERM});
  }
  slot.group->Allow(event.fd);
}

// 0: there is no room for it, or nobody knows what it is.
std::uint64_t Responder::Push(PreSlot& slot, std::int32_t fd, std::int32_t pid) {
  PreObject object;
  if (!slot.group->Identify(fd, &object)) return 0;
  const std::uint64_t number =
      ring_.Push(slot.volume, pid, clock_.RealtimeUsec(), turn_.load(), object);
  if (number != 0) cj::Add(intents_);
  return number;
}

bool Responder::IsReached(const PreSlot& slot, std::uint64_t number) const {
  return number != 0 &&
         (slot.level == IntentLevel::kKept || reached_[Index(slot.level)].load() >= number);
}

void Responder::Record(PreSlot& slot, const PreEvent& event) {
  const std::uint64_t number = Push(slot, event.fd, event.pid);
  const bool reached = IsReached(slot, number);
  if (reached) LetWrite(slot, event.fd);
  listener_.IntentPushed(!reached);
  if (reached) return;
  if (hasty_ || held_.size() == kMaxHeld) {
    Miss(slot, event.fd);
  } else {
    held_.push_back(
        {&slot, event.fd, event.pid, number, clock_.MonotonicUsec() + options_.deadline_usec});
    holding_ = true;
  }
}

// Before events are looked at: who opens after the store has caught up waits again.
void Responder::EndHaste() {
  if (!hasty_ || reached_[Index(hasty_level_)].load() < hasty_until_) return;
  hasty_ = false;
  hasty_since_usec_ = 0;
}

// True when somebody goes on.
bool Responder::ReleaseHeld() {
  if (held_.empty()) return false;
  const std::int64_t now_usec = clock_.MonotonicUsec();
  std::size_t left = 0;
  for (Held& held : held_) {
    if (held.number == 0) held.number = Push(*held.slot, held.fd, held.pid);
    if (IsReached(*held.slot, held.number)) {
      LetWrite(*held.slot, held.fd);
    } else if (now_usec >= held.deadline_usec || hasty_) {
      Miss(*held.slot, held.fd);
    } else {
      held_[left++] = held;
    }
  }
  const bool any = left < held_.size();
  held_.resize(left);
  holding_ = left > 0;
  return any;
}

void Responder::CloseRetired() {
  for (std::size_t i = 0; i < serving_.size();) {
    const PreSlot* slot = serving_[i].slot.get();
    const bool awaited = std::any_of(held_.begin(), held_.end(),
                                     [slot](const Held& held) { return held.slot == slot; });
    if (!serving_[i].retiring || !serving_[i].drained || awaited) {
      ++i;
      continue;
    }
    closer_.Close(std::shared_ptr<void>(std::move(serving_[i].slot)));
    serving_.erase(serving_.begin() + static_cast<std::ptrdiff_t>(i));
    MutexLock lock(mutex_);
    --slots_;
  }
}

// Until an event comes, a program's deadline passes, or somebody nudges. Whoever publishes between
// our look and this has written to the eventfd, or sees `holding_`.
void Responder::Wait() {
  polled_.clear();
  polled_.push_back({wake_.get(), POLLIN, 0});
  for (const Serving& serving : serving_) {
    if (!read_failed_) polled_.push_back({serving.slot->group->fd(), POLLIN, 0});
  }
  std::int64_t timeout_usec = -1;
  if (!held_.empty()) {
    timeout_usec = std::max<std::int64_t>(held_.front().deadline_usec - clock_.MonotonicUsec(), 0);
  }
  if (read_failed_) timeout_usec = kReadRetryUsec;
  const timespec timeout{timeout_usec / 1'000'000, timeout_usec % 1'000'000 * 1000};
  ::ppoll(polled_.data(), polled_.size(), timeout_usec < 0 ? nullptr : &timeout, nullptr);
  if (polled_[0].revents == 0) return;
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
}

}  // namespace cj
