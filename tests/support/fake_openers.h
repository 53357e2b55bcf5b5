// Programs that open files, and the groups that they wait for: a kernel for strict mode that a test
// drives by hand. An open looks at the marks when it begins and then waits for every group that had
// one, as real ones do. Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "tests/support/fake_kernel.h"

namespace cj {

struct FakeOpen {
  std::string object = "file";
  bool writes = true;
  std::int32_t pid = 4242;
  std::uint64_t mask = 0x0001'0000;  // FAN_OPEN_PERM
};

class FakeOpeners : public FakeKernel {
 public:
  using FakeKernel::FakeKernel;

  // Begins an open on volume `fsid`; its number.
  int Begin(const FakeOpen& open, std::uint64_t fsid = 1) EXCLUDES(openers_mutex_);
  // The open waits for nobody any more. AwaitDone: false after a generous deadline.
  bool Done(int number) EXCLUDES(openers_mutex_);
  bool AwaitDone(int number) EXCLUDES(openers_mutex_);
  bool Ignored(const std::string& object) EXCLUDES(openers_mutex_);
  std::size_t living_pre_groups() EXCLUDES(openers_mutex_);
  // Called before an open is allowed, on the answering thread.
  void SetAllowHook(std::function<void(const FakeOpen&)> hook) { allow_hook_ = std::move(hook); }
  // What ScanOpenWriters() finds.
  std::vector<SilentWriter> writers;

  Result<std::unique_ptr<PreGroup>> CreatePreGroup(PreMode mode) override;
  Result<std::vector<SilentWriter>> ScanOpenWriters(std::span<const VolumeMount>) override;

 private:
  friend class FakePreGroup;
  struct Group {
    std::set<std::uint64_t> marks;
    std::deque<int> queue;  // numbers of opens
    std::set<std::string> ignored;
    UniqueFd ready;
  };
  struct Waiting {
    FakeOpen open;
    std::set<const Group*> groups;
  };

  Mutex openers_mutex_;
  ConditionVariable released_;
  std::vector<std::shared_ptr<Group>> pre_groups_ GUARDED_BY(openers_mutex_);
  std::map<int, Waiting> opens_ GUARDED_BY(openers_mutex_);
  int next_ GUARDED_BY(openers_mutex_) = 1;
  std::function<void(const FakeOpen&)> allow_hook_;
};

}  // namespace cj
