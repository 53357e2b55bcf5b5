// The barrier. Two groups take turns at a filesystem while others change it, as checkpoints do:
// mark the next group, wait, take the mark off the last one, drain it, close it. Every change must
// be in a group. With the barrier none is ever lost; without it the kernel may lose one, which is
// tried for and told, but cannot be relied on.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <set>
#include <thread>

#include "../support/filesystems.h"
#include "base/check.h"
#include "recorder.h"

namespace cj {
namespace {

constexpr int kWriters = 3;

struct Outcome {
  int created = 0;
  int lost = 0;
  int turns = 0;
};

void Collect(EventGroup* group, std::set<std::string>* seen) {
  std::vector<std::byte> buffer(256 * 1024);
  while (true) {
    auto count = group->Read(buffer);
    if (!count || *count == 0) return;
    std::span<const std::byte> rest(buffer.data(), *count);
    Event event;
    while (!rest.empty() && ParseEvent(&rest, &event)) {
      if ((event.mask & FAN_CREATE) != 0) seen->emplace(event.name);
    }
  }
}

// Makes the calling thread run before all others as soon as it can, on the processor that the
// writers share: so it interrupts them in the middle of notifications, where the kernel allows
// that.
void InterruptOthers() {
  sched_param parameters{};
  parameters.sched_priority = 1;
  (void)::sched_setscheduler(0, SCHED_FIFO, &parameters);
}

void StayOnFirstProcessor() {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  (void)::sched_setaffinity(0, sizeof(first), &first);
}

void InThread(const std::function<void()>& body) {
  std::thread thread(body);
  thread.join();
}

Outcome TakeTurns(const TestFilesystem& filesystem, bool with_barrier,
                  std::chrono::milliseconds duration) {
  auto volume = FindVolume(filesystem.path());
  CJ_CHECK(volume.has_value(), "the filesystem is on no volume");
  std::atomic<bool> stop{false};
  std::atomic<int> created{0};
  auto group = LinuxKernel().CreateGroup(true);
  CJ_CHECK(group.has_value(), "fanotify_init fails");
  CJ_CHECK((*group)->Mark(*volume).has_value(), "the filesystem cannot be marked");
  StayOnFirstProcessor();
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; !stop; ++i) {
        const std::string path = filesystem.path(std::to_string(w) + "-" + std::to_string(i));
        if (::mknod(path.c_str(), S_IFREG | 0600, 0) != 0) return;
        (void)::unlink(path.c_str());
        ++created;
      }
    });
  }
  InterruptOthers();
  Outcome outcome;
  std::set<std::string> seen;
  std::unique_ptr<EventGroup> current = *std::move(group);
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
    auto next = LinuxKernel().CreateGroup(true);
    if (!next || !(*next)->Mark(*volume)) break;
    if (with_barrier && !LinuxKernel().Barrier()) break;
    if (!current->Unmark(*volume)) break;
    Collect(current.get(), &seen);
    current = *std::move(next);
    ++outcome.turns;
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  Collect(current.get(), &seen);
  outcome.created = created;
  outcome.lost = created - static_cast<int>(seen.size());
  return outcome;
}

}  // namespace

TEST_CASE("with the barrier no change is lost between two groups") {
  for (const char* type : {"tmpfs", "ext4"}) {
    auto filesystem = TestFilesystem::Create(type);
    if (!filesystem) {
      WARN("SKIPPED: " << filesystem.error().message);
      continue;
    }
    Outcome outcome;
    InThread([&] { outcome = TakeTurns(*filesystem, true, std::chrono::seconds(3)); });
    INFO(type << ": " << outcome.turns << " turns, " << outcome.created << " changes");
    CHECK(outcome.turns > 10);
    CHECK(outcome.created > 1000);
    CHECK(outcome.lost == 0);
  }
}

TEST_CASE("without the barrier: an attempt to lose a change, and what came of it") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  Outcome outcome;
  InThread([&] { outcome = TakeTurns(*filesystem, false, std::chrono::seconds(3)); });
  WARN("without the barrier " << outcome.lost << " of " << outcome.created
                              << " changes were lost in " << outcome.turns << " turns");
  CHECK(outcome.turns > 10);
}

TEST_CASE("the barrier returns while a group with a mark exists, and takes well under a second") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  Recorder recorder(filesystem->path());
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) REQUIRE(LinuxKernel().Barrier());
  const auto each = (std::chrono::steady_clock::now() - start) / 20;
  CHECK(each < std::chrono::seconds(1));
  WARN("a barrier took " << std::chrono::duration_cast<std::chrono::microseconds>(each).count()
                         << " us on average");
}

}  // namespace cj
