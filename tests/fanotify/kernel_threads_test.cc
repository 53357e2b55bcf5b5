// The kernel's threads are remembered between scans, and nothing else is: not a program that gets
// the number of one that has ended, either.
#include "fanotify/kernel_threads.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "../kernel/recorder.h"
#include "../support/filesystems.h"
#include "child_process.h"
#include "fanotify/proc_text.h"
#include "fanotify/silent_writers.h"

namespace cj {
namespace {

constexpr pid_t kKthreadd = 2;  // where /proc is the whole machine's
constexpr std::chrono::seconds kDeadline{60};

std::string CommandOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

bool MachineIsSeen() {
  if (CommandOf(kKthreadd) == "kthreadd") return true;
  WARN("SKIPPED: no kernel threads in this /proc");
  return false;
}

struct Scanned {
  explicit Scanned(const std::string& filesystem_type)
      : filesystem(TestFilesystem::Create(filesystem_type)) {
    if (!filesystem) WARN("SKIPPED: " << filesystem.error().message);
    if (!filesystem) return;
    WriteFile(filesystem->path("f"), std::string(kMappedBytes, 'x'));
    auto volume = FindVolume(filesystem->path());
    REQUIRE(volume);
    volumes.push_back(*volume);
  }
  bool ready() const { return !volumes.empty(); }
  bool Map() const { return MapShared(filesystem->path("f"), O_RDWR, PROT_READ | PROT_WRITE); }
  // Whether the file is found.
  bool Finds(KernelThreads* threads, bool may_query = true) const {
    auto found = FindSilentWriters(volumes, may_query, threads);
    if (!found) FAIL(found.error().message);
    return std::any_of(found->begin(), found->end(),
                       [](const SilentWriter& writer) { return writer.name == "f"; });
  }

  Result<TestFilesystem> filesystem;
  std::vector<VolumeMount> volumes;
};

std::vector<int> AllProcesses() {
  auto pids = ListNumbers(AT_FDCWD, "/proc");
  REQUIRE(pids);
  return *pids;
}

// The kernel's thread that writes this ext4's journal; it ends with the mount.
pid_t JournalThread(const TestFilesystem& filesystem) {
  const std::string device = filesystem.Device();
  const std::string name = "jbd2/" + device.substr(device.rfind('/') + 1) + "-8";
  for (const pid_t pid : AllProcesses()) {
    if (CommandOf(pid) == name) return pid;
  }
  return 0;
}

// fork(2), and the child has this number. -1: errno says why not.
pid_t ForkAs(pid_t number) {
  clone_args how{};
  how.exit_signal = SIGCHLD;
  how.set_tid = reinterpret_cast<std::uint64_t>(&number);
  how.set_tid_size = 1;
  return static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof(how)));
}

// What it executes is a fact of its own: only a kernel thread, and a zombie, execute nothing.
bool ExecutesNothing(pid_t pid) {
  char target[2];
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  return ::readlink(link.c_str(), target, sizeof(target)) == -1 && errno == ENOENT;
}

bool AwaitFree(pid_t pid) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (std::chrono::steady_clock::now() < deadline) {
    if (::kill(pid, 0) != 0 && errno == ESRCH) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace

TEST_CASE("a scan remembers the kernel's threads, and no program") {
  Scanned scanned("tmpfs");
  if (!scanned.ready() || !MachineIsSeen()) return;
  ChildProcess idle([] { return true; });
  ChildProcess headless([&] { return scanned.Map(); }, ChildProcess::kOnSecondThread);
  REQUIRE(idle.ready());
  REQUIRE(headless.ready());
  REQUIRE(headless.WaitForZombieLeader());
  const pid_t zombie = ::fork();
  if (zombie == 0) ::_exit(0);
  siginfo_t ended{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(zombie), &ended, WEXITED | WNOWAIT) == 0);

  KernelThreads threads;
  for (int i = 0; i < 3; ++i) CHECK(scanned.Finds(&threads));
  CHECK(threads.Has(kKthreadd));
  std::size_t named = 0;
  for (const pid_t pid : AllProcesses()) {
    if (!threads.Has(pid)) continue;
    ++named;
    CHECK(ExecutesNothing(pid));
  }
  CHECK(named > 10);
  for (const pid_t pid : {::getpid(), idle.pid(), headless.pid(), zombie}) {
    CHECK_FALSE(threads.Has(pid));
  }
  // Not even when asked to.
  for (const pid_t pid : {::getpid(), idle.pid(), headless.pid(), zombie}) {
    threads.Learn(pid);
    CHECK_FALSE(threads.Has(pid));
  }
  CHECK(::waitpid(zombie, nullptr, 0) == zombie);
}

TEST_CASE("a number of another pid namespace than that of /proc says nothing") {
  if (!MachineIsSeen()) return;
  ChildProcess child([] {
    if (::unshare(CLONE_NEWPID) != 0) return false;
    const pid_t first = ::fork();
    if (first == 0) {
      // In there this is a program, in /proc the number is kthreadd's, or that of another of the
      // kernel's first threads where a sanitizer has a thread of its own.
      const pid_t second = ::fork();
      if (second == 0) {
        while (true) ::pause();
      }
      KernelThreads threads;
      const bool opened = threads.Proc().has_value() && ExecutesNothing(second);
      threads.Learn(second);
      ::_exit(opened && !threads.Has(second) ? 0 : 1);
    }
    int status = 1;
    return ::waitpid(first, &status, 0) == first && status == 0;
  });
  CHECK(child.ready());
}

TEST_CASE("what a process maps after it has been looked into is found by the very next scan") {
  Scanned scanned("tmpfs");
  if (!scanned.ready()) return;
  KernelThreads threads;
  REQUIRE_FALSE(scanned.Finds(&threads));
  constexpr int kTurns = 200;
  int command[2];
  REQUIRE(::pipe2(command, O_CLOEXEC) == 0);
  int answer[2];
  REQUIRE(::pipe2(answer, O_CLOEXEC) == 0);
  ChildProcess child([&] {
    if (::fork() != 0) return true;
    ::close(command[1]);
    char word = 0;
    while (::read(command[0], &word, 1) == 1) {
      if (!(word == 'm' ? scanned.Map() : UnmapShared())) ::_exit(1);
      if (::write(answer[1], &word, 1) != 1) ::_exit(1);
    }
    ::_exit(0);
  });
  REQUIRE(child.ready());
  int missed = 0;
  int invented = 0;
  for (int i = 0; i < kTurns; ++i) {
    for (const char word : {'m', 'u'}) {
      char done = 0;
      REQUIRE(::write(command[1], &word, 1) == 1);
      REQUIRE(::read(answer[0], &done, 1) == 1);
      const bool found = scanned.Finds(&threads, i % 2 == 0);
      if (word == 'm' && !found) ++missed;
      if (word == 'u' && found) ++invented;
    }
  }
  CHECK(missed == 0);
  CHECK(invented == 0);
  for (const int fd : {command[0], command[1], answer[0], answer[1]}) ::close(fd);
}

TEST_CASE("a program that has the number of a kernel thread that has ended is looked into") {
  Scanned scanned("tmpfs");
  auto with_thread = TestFilesystem::Create("ext4");
  if (!scanned.ready() || !MachineIsSeen()) return;
  if (!with_thread) {
    WARN("SKIPPED: " << with_thread.error().message);
    return;
  }
  KernelThreads threads;
  for (int i = 0; i < 20; ++i) {
    const pid_t number = JournalThread(*with_thread);
    REQUIRE(number != 0);
    REQUIRE_FALSE(scanned.Finds(&threads));
    REQUIRE(threads.Has(number));
    REQUIRE(with_thread->Unmount());
    REQUIRE(AwaitFree(number));
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    const pid_t child = ForkAs(number);
    if (child == 0) {
      const char word = scanned.Map() ? 'y' : 'n';
      if (::write(ready[1], &word, 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    if (child < 0) {
      WARN("SKIPPED: a process cannot be given a number: errno " << errno);
      return;
    }
    char word = 0;
    const bool told = ::read(ready[0], &word, 1) == 1 && word == 'y';
    const bool found = told && scanned.Finds(&threads, i % 2 == 0);
    const bool known = threads.Has(number);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    REQUIRE(child == number);
    REQUIRE(told);
    REQUIRE(found);
    REQUIRE_FALSE(known);
    REQUIRE(with_thread->Mount());
  }
}

TEST_CASE("what is beyond the limit of kernel threads is looked into each time") {
  Scanned scanned("tmpfs");
  if (!scanned.ready() || !MachineIsSeen()) return;
  ChildProcess child([&] { return scanned.Map(); });
  REQUIRE(child.ready());
  for (const std::size_t most : {0, 1, 5}) {
    KernelThreads threads(most);
    for (int i = 0; i < 3; ++i) {
      CHECK(scanned.Finds(&threads));
      CHECK(threads.size() == most);
    }
  }
}

TEST_CASE("kernel threads take no more than their part of the descriptors") {
  Scanned scanned("tmpfs");
  if (!scanned.ready() || !MachineIsSeen()) return;
  ChildProcess mapper([&] { return scanned.Map(); });
  REQUIRE(mapper.ready());
  const pid_t child = ::fork();
  if (child == 0) {
    // A process of its own: what this one has open does not count there.
    const rlimit few{64, 64};
    if (::close_range(3, ~0U, 0) != 0 || ::setrlimit(RLIMIT_NOFILE, &few) != 0) ::_exit(2);
    KernelThreads threads;
    for (int i = 0; i < 3; ++i) {
      auto found = FindSilentWriters(scanned.volumes, true, &threads);
      if (!found || found->size() != 1) ::_exit(3);
    }
    ::_exit(threads.size() == few.rlim_cur / KernelThreads::kLeastDescriptorsForEach ? 0 : 4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace cj
