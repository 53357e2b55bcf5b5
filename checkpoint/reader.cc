#include "checkpoint/reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "checkpoint/point_of_death.h"

namespace cj {
namespace {

// After a read that failed the next one is tried when asked for, or this much later.
constexpr std::int64_t kReadRetryUsec = 1'000'000;

// Whole events, as the kernel wrote them; their number.
std::uint64_t CountEvents(std::span<const std::byte> bytes) {
  std::uint64_t count = 0;
  while (bytes.size() >= sizeof(fanotify_event_metadata)) {
    fanotify_event_metadata metadata;
    std::memcpy(&metadata, bytes.data(), sizeof(metadata));
    if (metadata.event_len < sizeof(metadata) || metadata.event_len > bytes.size()) break;
    bytes = bytes.subspan(metadata.event_len);
    ++count;
  }
  return count;
}

}  // namespace

Reader::Reader(Clock& clock, Spool& spool, Closer& closer, HotFiles& hot, ReaderOptions options)
    : clock_(clock),
      spool_(spool),
      closer_(closer),
      hot_(hot),
      options_(std::move(options)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CJ_CHECK(wake_.valid(), "the process can have one more descriptor at start");
}

Reader::~Reader() { hot_.Read(nullptr, 0, false); }

void Reader::Open(SlotGroup group) { Join(std::move(group)); }

void Reader::Join(SlotGroup group) {
  group.number = ++groups_;
  slot_.push_back(std::move(group));
  TellWhoIsRead();
}

// The oldest group goes.
void Reader::Leave() {
  SlotGroup gone = std::move(slot_.front());
  slot_.erase(slot_.begin());
  TellWhoIsRead();
  closer_.Close(std::move(gone));
}

void Reader::TellWhoIsRead() {
  if (slot_.empty()) return hot_.Read(nullptr, 0, false);
  hot_.Read(slot_.back().group.get(), slot_.back().number, slot_.size() == 1);
}

void Reader::Push(Order order) {
  {
    MutexLock lock(mutex_);
    // While the spool is full orders wait here; those that nobody waits for any more go.
    std::erase_if(orders_, [](const Order& old) {
      if (old.next.group != nullptr) return false;
      return old.marker != nullptr ? old.marker->ticket->done() : old.drained->done();
    });
    orders_.push_back(std::move(order));
  }
  ::eventfd_write(wake_.get(), 1);
}

void Reader::Drain(std::shared_ptr<Ticket> drained) {
  Order order;
  order.drain = true;
  order.drained = std::move(drained);
  Push(std::move(order));
}

void Reader::DrainAndMark(std::shared_ptr<Marker> marker) {
  Order order;
  order.drain = true;
  order.marker = std::move(marker);
  Push(std::move(order));
}

void Reader::Switch(SlotGroup next, std::shared_ptr<Marker> seal) {
  Order order;
  order.marker = std::move(seal);
  order.next = std::move(next);
  Push(std::move(order));
}

void Reader::Extend(SlotGroup next) {
  Order order;
  order.next = std::move(next);
  order.keep_old = true;
  Push(std::move(order));
}

void Reader::Nudge() { ::eventfd_write(wake_.get(), 1); }

void Reader::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
}

bool Reader::Stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

bool Reader::TakeOrder(Order* order) {
  MutexLock lock(mutex_);
  if (orders_.empty()) return false;
  *order = std::move(orders_.front());
  orders_.pop_front();
  return true;
}

void Reader::Serve(Order order) {
  if (order.drain) DrainSlot();
  if (order.drained != nullptr) order.drained->Complete({});
  if (order.marker != nullptr) {
    order.marker->complete_usec = CompleteUsec();
    spool_.PushMarker(std::move(order.marker));
  }
  if (order.next.group == nullptr) return;
  if (!order.keep_old) {
    while (!slot_.empty()) Leave();
  }
  Join(std::move(order.next));
  next_since_usec_ = kNoNext;
}

bool Reader::Step() {
  beats_.fetch_add(1, std::memory_order_relaxed);
  if (Stopping()) return false;
  Order order;
  if (TakeOrder(&order)) {
    Serve(std::move(order));
    return true;
  }
  AwaitEvents();
  if (events_waiting_) {
    events_waiting_ = false;
    DrainSlot();
    drained_usec_ = clock_.MonotonicUsec();
  }
  return true;
}

// Returns with events_waiting_ set when it is time to drain, without it when an order came.
void Reader::AwaitEvents() {
  if (read_failed_) {
    Wait(false, kReadRetryUsec);
    return;
  }
  Wait(true, -1);
  if (!events_waiting_) return;
  std::int64_t pause_usec = options_.drain_interval_usec;
  if (options_.at_once) {
    pause_usec -= std::min(pause_usec, clock_.MonotonicUsec() - drained_usec_);
  }
  Wait(false, pause_usec);
}

// Waits for an order, at most `timeout_usec` (negative: for ever), or for events. An order takes
// precedence: it drains by itself.
void Reader::Wait(bool for_events, std::int64_t timeout_usec) {
  std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}};
  if (for_events) {
    for (const SlotGroup& slot : slot_) polled.push_back({slot.group->fd(), POLLIN, 0});
  }
  timespec timeout{timeout_usec / 1'000'000, timeout_usec % 1'000'000 * 1000};
  const int ready =
      ::ppoll(polled.data(), polled.size(), timeout_usec < 0 ? nullptr : &timeout, nullptr);
  if (ready > 0 && polled[0].revents != 0) {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
    events_waiting_ = false;
    return;
  }
  if (ready > 0 || timeout_usec >= 0) events_waiting_ = true;
}

void Reader::DrainSlot() {
  read_failed_ = false;
  bool any = false;
  for (SlotGroup& slot : slot_) any |= DrainGroup(slot);
  drains_.fetch_add(1, std::memory_order_relaxed);
  // All but the last have no marks any more (what they still might get, the last one gets, too).
  while (slot_.size() > 1 && !read_failed_ && !spool_.closed()) Leave();
  if (any) spool_.PushEndOfDrain(CompleteUsec());
}

// What happened before has been read.
std::int64_t Reader::CompleteUsec() const {
  std::int64_t complete_usec = next_since_usec_;
  for (const SlotGroup& slot : slot_) complete_usec = std::min(complete_usec, slot.empty_usec);
  return complete_usec;
}

// Reads what was queued when it began; what comes in meanwhile may be left for the next drain. True
// when it read anything.
bool Reader::DrainGroup(SlotGroup& slot) {
  std::uint64_t left = UINT64_MAX;
  bool any = false;
  std::int64_t counted_usec = slot.empty_usec;
  for (int reads = 0; left > 0; ++reads) {
    if (reads == kReadsBeforeCounting) {
      counted_usec = clock_.RealtimeUsec();
      left = slot.group->QueuedEvents();
    }
    std::uint64_t count = 0;
    if (!ReadOnce(slot, &count)) break;
    any = true;
    left -= std::min(left, count);
  }
  // All that had been queued when it was counted has been read.
  if (left == 0) slot.empty_usec = counted_usec;
  return any || read_failed_;
}

// A buffer to read into; empty when the spool is closed. While there is none, nothing is read, and
// the kernel keeps what happens: in memory that nobody else has then.
std::span<std::byte> Reader::AwaitRoom(SlotGroup& slot) {
  for (;;) {
    const std::int64_t since_usec = lost_.has_value() ? lost_->since_usec : slot.empty_usec;
    auto buffer = spool_.Acquire(since_usec, options_.memory_interval_usec);
    if (!buffer.empty() && !lost_.has_value()) return buffer;
    if (!buffer.empty()) {
      TellLoss();
    } else if (spool_.closed()) {
      return {};
    } else if (options_.memory_is_short()) {
      ThrowAway(slot);
    }
  }
}

// What comes in meanwhile is left: writers that never pause cannot keep this from ending.
void Reader::ThrowAway(SlotGroup& slot) {
  if (!lost_.has_value()) lost_ = ReadTimes{slot.empty_usec, 0};
  spool_.Missing(Loss::kThrownAway);
  std::vector<std::byte> buffer(Spool::kBufferBytes);
  for (std::uint64_t left = slot.group->QueuedEvents(); left > 0;) {
    auto size = slot.group->Read(buffer);
    if (!size || *size == 0) break;
    beats_.fetch_add(1, std::memory_order_relaxed);
    left -= std::min(left, CountEvents(std::span(buffer).first(*size)));
  }
  lost_->read_usec = clock_.RealtimeUsec();
}

// In the place of what was thrown away, and safe from the end of this process, too.
void Reader::TellLoss() {
  spool_.PublishLoss("changes could not be stored until memory ran out", *lost_, CompleteUsec());
  lost_.reset();
  spool_.Told(Loss::kThrownAway);
}

// Reads one buffer. False: there was nothing, or it could not be read.
bool Reader::ReadOnce(SlotGroup& slot, std::uint64_t* count) {
  std::span<std::byte> buffer = AwaitRoom(slot);
  if (buffer.empty()) return false;
  const std::int64_t before_usec = clock_.RealtimeUsec();
  Result<std::size_t> size = slot.group->Read(buffer);
  const ReadTimes times{slot.empty_usec, clock_.RealtimeUsec()};
  if (!size) {
    read_failed_ = true;
    spool_.PublishLoss("reading events failed: " + size.error().message, times, CompleteUsec());
    return false;
  }
  if (*size == 0) {
    slot.empty_usec = before_usec;
    return false;
  }
  PointOfDeath("read");
  beats_.fetch_add(1, std::memory_order_relaxed);
  *count = CountEvents(buffer.first(*size));
  events_read_.fetch_add(*count, std::memory_order_relaxed);
  spool_.Publish(*size, times, CompleteUsec(), slot.number);
  PointOfDeath("published");
  return true;
}

}  // namespace cj
