#include "tests/support/fake_kernel.h"

#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace cj {
namespace {

std::string NameOfFile(std::uint64_t fsid, const std::string& object) {
  return std::to_string(fsid) + ":" + object;
}

}  // namespace

class FakeGroup : public EventGroup {
 public:
  FakeGroup(FakeKernel& kernel, std::shared_ptr<FakeKernel::Group> state)
      : kernel_(kernel), state_(std::move(state)) {}

  ~FakeGroup() override {
    (void)kernel_.Enter("close").has_value();
    MutexLock lock(kernel_.mutex_);
    state_->alive = false;
    std::erase(kernel_.groups_, state_);
  }

  Status Mark(const VolumeMount& volume) override {
    CJ_RETURN_IF_ERROR(kernel_.Enter("mark"));
    MutexLock lock(kernel_.mutex_);
    if (kernel_.absent_.count(volume.fsid.value) != 0) {
      return Error{ErrorCode::kNotFound, volume.path + ": another filesystem is there", 0};
    }
    state_->marks.insert(volume.fsid.value);
    return {};
  }

  Status Unmark(const VolumeMount& volume) override {
    CJ_RETURN_IF_ERROR(kernel_.Enter("unmark"));
    MutexLock lock(kernel_.mutex_);
    state_->marks.erase(volume.fsid.value);
    return {};
  }

  Result<bool> HasMark(const VolumeMount& volume) override {
    CJ_RETURN_IF_ERROR(kernel_.TakeFailure("has_mark"));
    MutexLock lock(kernel_.mutex_);
    if (kernel_.absent_.count(volume.fsid.value) != 0) {
      return Error{ErrorCode::kNotFound, volume.path + ": another filesystem is there", 0};
    }
    return state_->marks.count(volume.fsid.value) != 0;
  }

  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    CJ_RETURN_IF_ERROR(kernel_.Enter("read"));
    MutexLock lock(kernel_.mutex_);
    std::size_t size = 0;
    std::size_t events = 0;
    auto& queue = state_->queue;
    while (!queue.empty() && events < kernel_.options_.events_per_read &&
           size + queue.front().size() <= buffer.size()) {
      std::memcpy(buffer.data() + size, queue.front().data(), queue.front().size());
      size += queue.front().size();
      ++events;
      queue.pop_front();
    }
    if (!queue.empty()) return size;
    state_->overflowed = false;
    eventfd_t ignored = 0;
    if (state_->ready.valid()) ::eventfd_read(state_->ready.get(), &ignored);
    return size;
  }

  std::uint64_t QueuedEvents() override {
    MutexLock lock(kernel_.mutex_);
    return state_->queue.size();
  }

  bool IgnoreModify(int file) override {
    if (!kernel_.Enter("ignore")) return false;
    std::array<char, 256> name;
    const ssize_t size = ::pread(file, name.data(), name.size(), 0);
    if (size <= 0) return false;
    MutexLock lock(kernel_.mutex_);
    state_->ignored.emplace(name.data(), static_cast<std::size_t>(size));
    return true;
  }

  void ForgetIgnored() override {
    (void)kernel_.Enter("forget").has_value();
    MutexLock lock(kernel_.mutex_);
    state_->ignored.clear();
  }

  int fd() const override { return state_->ready.get(); }

 private:
  FakeKernel& kernel_;
  std::shared_ptr<FakeKernel::Group> state_;
};

Status FakeKernel::Enter(const std::string& call) {
  Hook hook;
  {
    MutexLock lock(mutex_);
    hook = hook_;
  }
  if (hook) hook(call);
  {
    MutexLock lock(mutex_);
    calls_.push_back(call);
  }
  return TakeFailure(call);
}

Status FakeKernel::TakeFailure(const std::string& call) {
  MutexLock lock(mutex_);
  auto failure = failures_.find(call);
  if (failure == failures_.end()) return {};
  Error error = failure->second;
  failures_.erase(failure);
  return error;
}

void FakeKernel::SetHook(Hook hook) {
  MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void FakeKernel::FailNext(const std::string& call, const Error& error) {
  MutexLock lock(mutex_);
  failures_[call] = error;
}

void FakeKernel::QueueInto(Group& group, const std::string& bytes) {
  if (!group.alive) return;
  if (!group.unlimited && group.queue.size() >= options_.queue_limit) {
    if (group.overflowed) return;
    group.overflowed = true;
    EventSpec overflow;
    overflow.mask = FAN_Q_OVERFLOW;
    overflow.pid = 0;
    group.queue.push_back(EventBytes(overflow));
  } else {
    group.queue.push_back(bytes);
  }
  if (group.ready.valid()) ::eventfd_write(group.ready.get(), 1);
}

void FakeKernel::Finish(int flight) {
  auto found = flights_.find(flight);
  if (found == flights_.end()) return;
  for (const auto& group : found->second.groups) QueueInto(*group, found->second.bytes);
  flights_.erase(found);
}

int FakeKernel::Look(const EventSpec& event) {
  MutexLock lock(mutex_);
  Flight flight;
  flight.bytes = EventBytes(event);
  const std::string file = NameOfFile(event.fsid, event.object);
  for (const auto& group : groups_) {
    const bool ignored = event.mask == FAN_MODIFY && group->ignored.count(file) != 0;
    if (group->marks.count(event.fsid) != 0 && !ignored) flight.groups.push_back(group);
  }
  flights_.emplace(next_flight_, std::move(flight));
  return next_flight_++;
}

void FakeKernel::Queue(int flight) {
  MutexLock lock(mutex_);
  Finish(flight);
}

void FakeKernel::Report(const EventSpec& event) { Queue(Look(event)); }

void FakeKernel::Map(const SilentWriter& writer) {
  MutexLock lock(mutex_);
  mappings_.push_back(writer);
}

void FakeKernel::Unmap(const std::string& name, const EventSpec& closed) {
  {
    MutexLock lock(mutex_);
    std::erase_if(mappings_, [&](const SilentWriter& writer) { return writer.name == name; });
  }
  Report(closed);
}

void FakeKernel::Unmount(std::uint64_t fsid, bool mounted) {
  MutexLock lock(mutex_);
  for (const auto& group : groups_) group->marks.erase(fsid);
  for (const auto& group : groups_) group->ignored.clear();  // with the inodes
  if (!mounted) absent_.insert(fsid);
}

void FakeKernel::Mount(std::uint64_t fsid) {
  MutexLock lock(mutex_);
  absent_.erase(fsid);
}

std::vector<std::string> FakeKernel::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

std::size_t FakeKernel::living_groups() const {
  MutexLock lock(mutex_);
  return groups_.size();
}

std::size_t FakeKernel::ignored() const {
  MutexLock lock(mutex_);
  std::size_t marks = 0;
  for (const auto& group : groups_) marks += group->ignored.size();
  return marks;
}

void FakeKernel::DropCaches() {
  MutexLock lock(mutex_);
  for (const auto& group : groups_) group->ignored.clear();
}

std::size_t FakeKernel::queued() const {
  MutexLock lock(mutex_);
  std::size_t events = 0;
  for (const auto& group : groups_) events += group->queue.size();
  return events;
}

Result<std::unique_ptr<EventGroup>> FakeKernel::CreateGroup(bool unlimited_queue) {
  CJ_RETURN_IF_ERROR(Enter("create"));
  auto group = std::make_shared<Group>();
  group->unlimited = unlimited_queue;
  if (options_.wake_reader) group->ready = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  MutexLock lock(mutex_);
  groups_.push_back(group);
  return std::unique_ptr<EventGroup>(std::make_unique<FakeGroup>(*this, group));
}

Result<std::unique_ptr<EventGroup>> FakeKernel::AdoptGroup(UniqueFd) {
  return Error{ErrorCode::kUnsupported, "a group of this kernel is no descriptor", 0};
}

// Its content is its name.
UniqueFd FakeKernel::OpenFile(const VolumeMount& volume, HandleView object) {
  UniqueFd file(::memfd_create("file", MFD_CLOEXEC));
  const std::string name = NameOfFile(volume.fsid.value, std::string(object.bytes));
  const ssize_t size = ::pwrite(file.get(), name.data(), name.size(), 0);
  return size == static_cast<ssize_t>(name.size()) ? std::move(file) : UniqueFd();
}

Status FakeKernel::Barrier() {
  CJ_RETURN_IF_ERROR(Enter("barrier"));
  MutexLock lock(mutex_);
  while (!flights_.empty()) Finish(flights_.begin()->first);
  return {};
}

Result<std::vector<SilentWriter>> FakeKernel::ScanSilentWriters(std::span<const VolumeMount>) {
  CJ_RETURN_IF_ERROR(Enter("scan"));
  MutexLock lock(mutex_);
  return mappings_;
}

}  // namespace cj
