// The scan of processes while processes come, go and move their mappings.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <ctime>
#include <thread>

#include "../kernel/recorder.h"
#include "../support/filesystems.h"
#include "child_process.h"
#include "fanotify/proc_text.h"
#include "fanotify/silent_writers.h"

namespace cj {
namespace {

using Clock = std::chrono::steady_clock;

bool Has(const Result<std::vector<SilentWriter>>& found, const std::string& name) {
  return found && std::any_of(found->begin(), found->end(),
                              [&](const SilentWriter& writer) { return writer.name == name; });
}

// Uses the processor: a pause that a scan can see, without a sleep.
void SpinFor(Clock::duration duration) {
  const auto until = Clock::now() + duration;
  while (Clock::now() < until) {
  }
}

// Forks children that end at once, as fast as this machine can, until the object goes.
class ForkStorm {
 public:
  explicit ForkStorm(int parents) {
    for (int i = 0; i < parents; ++i) {
      children_.push_back(std::make_unique<ChildProcess>([] {
        // The storm itself is a grandchild, so that the child can wait to be ended.
        if (::fork() == 0) {
          const pid_t parent = ::getppid();
          while (::getppid() == parent) {
            const pid_t pid = ::fork();
            if (pid == 0) ::_exit(0);
            if (pid > 0) ::waitpid(pid, nullptr, 0);
          }
          ::_exit(0);
        }
        return true;
      }));
      CHECK(children_.back()->ready());
    }
  }

 private:
  std::vector<std::unique_ptr<ChildProcess>> children_;
};

}  // namespace

TEST_CASE("the scan ends and is complete while others fork as fast as they can") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
  ChildProcess holder([&] { return MapShared(filesystem->path("f"), O_RDWR, PROT_READ); });
  REQUIRE(holder.ready());
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  ForkStorm storm(4);
  for (int i = 0; i < 100; ++i) {
    auto found = FindSilentWriters(std::vector<VolumeMount>{*volume});
    if (!found) FAIL(found.error().message);
    REQUIRE(Has(found, "f"));
  }
}

TEST_CASE("a mapping that is handed from process to process is found, or the scan refuses") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  // A relay: each runner forks the next and exits after about a millisecond, while the first one,
  // which has dropped the mapping, only keeps the time.
  ChildProcess relay([&] {
    if (!MapShared(filesystem->path("f"), O_RDWR, PROT_READ | PROT_WRITE)) return false;
    const pid_t first = ::getpid();
    if (::fork() == 0) {
      while (::kill(first, 0) == 0) {
        SpinFor(std::chrono::milliseconds(1));
        if (::fork() != 0) ::_exit(0);
      }
      ::_exit(0);
    }
    return UnmapShared();
  });
  REQUIRE(relay.ready());
  int missed = 0;
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const auto found = FindSilentWriters(std::vector<VolumeMount>{*volume}, i % 2 == 0);
    if (!found) {
      CHECK(found.error().code == ErrorCode::kLimit);
      ++refused;
    } else if (!Has(found, "f")) {
      ++missed;
    }
  }
  CHECK(missed == 0);
  CHECK(refused < 100);
}

TEST_CASE("a mapping that is moved about in its process is never missed") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  ChildProcess mover([&] {
    // Two places far apart; a process of one thread, so that nothing else takes the free one.
    constexpr std::size_t kApart = std::size_t{1} << 30;
    void* room =
        ::mmap(nullptr, kApart, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    UniqueFd fd(::open(filesystem->path("f").c_str(), O_RDWR | O_CLOEXEC));
    void* here = ::mmap(room, kMappedBytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd.get(), 0);
    fd.reset();
    if (room == MAP_FAILED || here == MAP_FAILED) return false;
    const pid_t parent = ::getpid();
    if (::fork() != 0) return ::munmap(here, kMappedBytes) == 0;
    void* there = static_cast<char*>(room) + kApart - kMappedBytes;
    // Seldom enough that one scan is not hit twice, often enough that many scans are hit.
    while (::getppid() == parent) {
      SpinFor(std::chrono::microseconds(500));
      (void)::mremap(here, kMappedBytes, kMappedBytes, MREMAP_MAYMOVE | MREMAP_FIXED, there);
      std::swap(here, there);
    }
    ::_exit(0);
  });
  REQUIRE(mover.ready());
  int missed = 0;
  for (int i = 0; i < 300; ++i) {
    auto found = FindSilentWriters(std::vector<VolumeMount>{*volume}, i % 2 == 0);
    if (!found && found.error().code == ErrorCode::kBusy) continue;
    if (!Has(found, "f")) ++missed;
  }
  CHECK(missed == 0);
}

TEST_CASE(
    "a process that maps and unmaps as fast as it can neither stops the scan nor hides a file") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  ChildProcess mapper([&] {
    // What a memory stressor does: always another file, mapped whole, taken away page by page.
    if (!MapShared(filesystem->path("f"), O_RDWR, PROT_READ | PROT_WRITE)) return false;
    const pid_t parent = ::getpid();
    if (::fork() != 0) return UnmapShared();
    constexpr std::size_t kPages = 16;
    for (int i = 0; ::getppid() == parent; ++i) {
      const std::string path = filesystem->path("scratch" + std::to_string(i));
      UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      ::unlink(path.c_str());
      void* place = ::mmap(nullptr, kPages * kMappedBytes, PROT_READ, MAP_SHARED, fd.get(), 0);
      if (!fd || place == MAP_FAILED) ::_exit(1);
      for (std::size_t page = 0; page < kPages; page += 2) {
        ::munmap(static_cast<char*>(place) + page * kMappedBytes, kMappedBytes);
      }
      ::munmap(place, kPages * kMappedBytes);
    }
    ::_exit(0);
  });
  REQUIRE(mapper.ready());
  for (int i = 0; i < 300; ++i) {
    auto found = FindSilentWriters(std::vector<VolumeMount>{*volume}, i % 2 == 0);
    if (!found) FAIL(found.error().message);
    REQUIRE(Has(found, "f"));
  }
}

TEST_CASE("children that share a mapping until they execute a program neither stop nor hide it") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  ChildProcess holder([&] {
    if (!MapShared(filesystem->path("f"), O_RDWR, PROT_READ | PROT_WRITE)) return false;
    const pid_t parent = ::getpid();
    if (::fork() != 0) return UnmapShared();
    while (::getppid() == parent) {
      const pid_t child = ::vfork();
      // Each lives in its parent's address space for about as long as a scan takes.
      if (child == 0) {
        SpinFor(std::chrono::microseconds(300));
        ::execl("/bin/true", "true", nullptr);
        ::_exit(1);
      }
      if (child > 0) ::waitpid(child, nullptr, 0);
    }
    ::_exit(0);
  });
  REQUIRE(holder.ready());
  for (int i = 0; i < 1500; ++i) {
    auto found = FindSilentWriters(std::vector<VolumeMount>{*volume}, i % 2 == 0);
    if (!found) FAIL(found.error().message);
    REQUIRE(Has(found, "f"));
  }
}

TEST_CASE("a process that exits while it is looked into may have its files closed in our name") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
  Recorder recorder(filesystem->path());
  int ours = 0;
  int closed = 0;
  constexpr int kExits = 300;
  for (int i = 0; i < kExits; ++i) {
    ChildProcess child(
        [&] { return MapShared(filesystem->path("f"), O_RDWR, PROT_READ | PROT_WRITE); });
    REQUIRE(child.ready());
    std::atomic<bool> stop{false};
    const std::string maps = "/proc/" + std::to_string(child.pid()) + "/maps";
    std::thread looker([&] {
      std::string text;
      while (!stop) {
        UniqueFd fd(::open(maps.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd || !ReadAll(fd.get(), &text)) continue;
      }
    });
    child.End();
    stop = true;
    looker.join();
    // Whoever else looks at the mappings just now closes the file when he lets go of them.
    const auto deadline = Clock::now() + std::chrono::seconds(60);
    for (bool told = false; !told && Clock::now() < deadline;) {
      for (const RecordedEvent& event : recorder.Drain()) {
        if ((event.mask & FAN_CLOSE_WRITE) == 0) continue;
        told = true;
        ++closed;
        if (event.pid == ::getpid()) ++ours;
      }
    }
  }
  CHECK(closed == kExits);
  WARN(ours << " of " << closed << " CLOSE_WRITE events carried the pid of the one that looked");
}

TEST_CASE("the cost of a scan with two hundred processes") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 200; ++i) {
    children.push_back(std::make_unique<ChildProcess>(
        [&] { return MapShared(filesystem->path("f"), O_RDWR, PROT_READ | PROT_WRITE); }));
    REQUIRE(children.back()->ready());
  }
  constexpr int kScans = 20;
  for (const bool may_query : {true, false}) {
    const auto start = Clock::now();
    const std::clock_t cpu_start = std::clock();
    for (int i = 0; i < kScans; ++i) {
      auto found = FindSilentWriters(std::vector<VolumeMount>{*volume}, may_query);
      REQUIRE(Has(found, "f"));
      REQUIRE(found->size() == 1);
    }
    const auto each = (Clock::now() - start) / kScans;
    WARN("a scan of 200 processes "
         << (may_query ? "by queries" : "by text") << " took "
         << std::chrono::duration_cast<std::chrono::microseconds>(each).count()
         << " us, and of processor time "
         << (std::clock() - cpu_start) * (1'000'000 / CLOCKS_PER_SEC) / kScans << " us");
    CHECK(each < std::chrono::seconds(5));
  }
}

}  // namespace cj
