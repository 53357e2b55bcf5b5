#include "tests/support/fake_openers.h"

#include <sys/eventfd.h>
#include <sys/fanotify.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace cj {
namespace {

constexpr std::chrono::seconds kDeadline(20);

}  // namespace

class FakePreGroup : public PreGroup {
 public:
  FakePreGroup(FakeOpeners& kernel, std::shared_ptr<FakeOpeners::Group> state)
      : kernel_(kernel), state_(std::move(state)) {}

  // As the kernel does: everybody who waits goes on.
  ~FakePreGroup() override {
    (void)kernel_.Announce("pre-close").has_value();
    MutexLock lock(kernel_.openers_mutex_);
    for (auto& [number, waiting] : kernel_.opens_) waiting.groups.erase(state_.get());
    std::erase(kernel_.pre_groups_, state_);
    kernel_.released_.notify_all();
  }

  Status Mark(const VolumeMount& volume) override {
    CJ_RETURN_IF_ERROR(kernel_.Announce("pre-mark"));
    MutexLock lock(kernel_.openers_mutex_);
    state_->marks.insert(volume.fsid.value);
    return {};
  }
  Status Unmark() override {
    CJ_RETURN_IF_ERROR(kernel_.Announce("pre-unmark"));
    MutexLock lock(kernel_.openers_mutex_);
    state_->marks.clear();
    return {};
  }
  Result<bool> HasMark(const VolumeMount& volume) override {
    MutexLock lock(kernel_.openers_mutex_);
    return state_->marks.count(volume.fsid.value) != 0;
  }

  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    MutexLock lock(kernel_.openers_mutex_);
    std::size_t size = 0;
    while (!state_->queue.empty() && size + sizeof(fanotify_event_metadata) <= buffer.size()) {
      fanotify_event_metadata event{};
      event.event_len = sizeof(event);
      event.vers = FANOTIFY_METADATA_VERSION;
      event.metadata_len = sizeof(event);
      event.fd = state_->queue.front();
      event.mask = kernel_.opens_.at(event.fd).open.mask;
      event.pid = kernel_.opens_.at(event.fd).open.pid;
      std::memcpy(buffer.data() + size, &event, sizeof(event));
      size += sizeof(event);
      state_->queue.pop_front();
    }
    eventfd_t ignored = 0;
    if (state_->queue.empty()) ::eventfd_read(state_->ready.get(), &ignored);
    return size;
  }

  bool MayBeWritten(int event_fd) override {
    MutexLock lock(kernel_.openers_mutex_);
    return kernel_.opens_.at(event_fd).open.writes;
  }
  bool Identify(int event_fd, PreObject* object) override {
    MutexLock lock(kernel_.openers_mutex_);
    const std::string& name = kernel_.opens_.at(event_fd).open.object;
    object->handle_type = kTestHandleType;
    object->handle_bytes = static_cast<std::uint8_t>(name.size());
    std::memcpy(object->handle.data(), name.data(), name.size());
    object->ctime_nsec = 1;
    return true;
  }
  void Ignore(int event_fd, std::uint64_t mask) override {
    MutexLock lock(kernel_.openers_mutex_);
    if ((mask & FAN_OPEN_PERM) == 0) return;
    state_->ignored.insert(kernel_.opens_.at(event_fd).open.object);
  }
  void Allow(int event_fd) override {
    FakeOpen open;
    {
      MutexLock lock(kernel_.openers_mutex_);
      open = kernel_.opens_.at(event_fd).open;
    }
    if (kernel_.allow_hook_) kernel_.allow_hook_(open);
    MutexLock lock(kernel_.openers_mutex_);
    kernel_.opens_.at(event_fd).groups.erase(state_.get());
    kernel_.released_.notify_all();
  }
  int fd() const override { return state_->ready.get(); }

 private:
  FakeOpeners& kernel_;
  std::shared_ptr<FakeOpeners::Group> state_;
};

int FakeOpeners::Begin(const FakeOpen& open, std::uint64_t fsid) {
  MutexLock lock(openers_mutex_);
  const int number = next_++;
  Waiting& waiting = opens_[number];
  waiting.open = open;
  for (auto& group : pre_groups_) {
    if (group->marks.count(fsid) == 0 || group->ignored.count(open.object) != 0) continue;
    waiting.groups.insert(group.get());
    group->queue.push_back(number);
    ::eventfd_write(group->ready.get(), 1);
  }
  return number;
}

bool FakeOpeners::Done(int number) {
  MutexLock lock(openers_mutex_);
  return opens_.at(number).groups.empty();
}

bool FakeOpeners::AwaitDone(int number) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  MutexLock lock(openers_mutex_);
  while (!opens_.at(number).groups.empty()) {
    if (released_.wait_until(openers_mutex_, deadline) == std::cv_status::timeout) return false;
  }
  return true;
}

bool FakeOpeners::Ignored(const std::string& object) {
  MutexLock lock(openers_mutex_);
  return std::any_of(pre_groups_.begin(), pre_groups_.end(),
                     [&](const auto& group) { return group->ignored.count(object) != 0; });
}

std::size_t FakeOpeners::living_pre_groups() {
  MutexLock lock(openers_mutex_);
  return pre_groups_.size();
}

Result<std::unique_ptr<PreGroup>> FakeOpeners::CreatePreGroup(PreMode) {
  CJ_RETURN_IF_ERROR(Announce("pre-create"));
  auto group = std::make_shared<Group>();
  group->ready = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  MutexLock lock(openers_mutex_);
  pre_groups_.push_back(group);
  return std::unique_ptr<PreGroup>(std::make_unique<FakePreGroup>(*this, group));
}

Result<std::vector<SilentWriter>> FakeOpeners::ScanOpenWriters(std::span<const VolumeMount>) {
  CJ_RETURN_IF_ERROR(Announce("scan-writers"));
  return writers;
}

}  // namespace cj
