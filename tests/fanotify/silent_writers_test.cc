// Files that change without an event are found: by the scan through the interface, as the
// checkpoint uses it.
#include "fanotify/silent_writers.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <set>

#include "../kernel/recorder.h"
#include "../support/on_every_filesystem.h"
#include "child_process.h"
#include "fanotify/proc_text.h"

namespace cj {
namespace {

std::set<FileHandle> Objects(const std::vector<SilentWriter>& writers) {
  std::set<FileHandle> objects;
  for (const SilentWriter& writer : writers) objects.insert(writer.object);
  return objects;
}

std::vector<SilentWriter> Scan(const TestFilesystem& filesystem) {
  auto volume = FindVolume(filesystem.path());
  REQUIRE(volume);
  volume->id = VolumeId(7);
  auto found = LinuxKernel().ScanSilentWriters(std::vector<VolumeMount>{*volume});
  if (!found) FAIL(found.error().message);
  // The way of older kernels must find the same.
  auto by_text = FindSilentWriters(std::vector<VolumeMount>{*volume}, false);
  if (!by_text) FAIL(by_text.error().message);
  CHECK(Objects(*by_text) == Objects(*found));
  return *std::move(found);
}

std::vector<std::string> Names(const std::vector<SilentWriter>& writers) {
  std::vector<std::string> names;
  for (const SilentWriter& writer : writers) names.push_back(writer.name);
  std::sort(names.begin(), names.end());
  return names;
}

using Texts = std::vector<std::string>;

TEST_CASE("open writers: found, with the file's change time") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    UniqueFd writer(::open(filesystem.path("f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    UniqueFd reader(::open(filesystem.path("f").c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    REQUIRE(::fstat(writer.get(), &info) == 0);
    auto volume = FindVolume(filesystem.path());
    REQUIRE(volume);
    auto found = LinuxKernel().ScanOpenWriters(std::vector<VolumeMount>{*volume});
    REQUIRE(found);
    REQUIRE(Names(*found) == Texts{"f"});
    CHECK(found->front().ctime_nsec ==
          info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec);
    writer.reset();
    found = LinuxKernel().ScanOpenWriters(std::vector<VolumeMount>{*volume});
    REQUIRE(found);
    CHECK(found->empty());
  });
}

// A loop device for this file, detached with the object.
class LoopDevice {
 public:
  LoopDevice(std::vector<std::string> command, const std::string& file) : file_(file) {
    command.push_back(file);
    REQUIRE(RunProgram(command));
  }
  ~LoopDevice() {
    (void)RunProgram({"sh", "-c", "losetup -n -O NAME -j \"$0\" | xargs -r losetup -d", file_});
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;

 private:
  std::string file_;
};

// Swapping is turned off with the object.
class SwapFile {
 public:
  explicit SwapFile(const std::string& file) : file_(file), on_(RunProgram({"swapon", file})) {}
  ~SwapFile() {
    if (on_) (void)RunProgram({"swapoff", file_});
  }
  SwapFile(const SwapFile&) = delete;
  SwapFile& operator=(const SwapFile&) = delete;
  const Status& on() const { return on_; }

 private:
  std::string file_;
  Status on_;
};

}  // namespace

TEST_CASE("shared mappings of files open for writing are found, each once, with handle and name") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    for (const char* name : {"d/writable", "readable", "read-only", "private", "gone"}) {
      WriteFile(filesystem.path(name), std::string(kMappedBytes, 'x'));
    }
    Recorder recorder(filesystem.path());
    const FileHandle writable = recorder.HandleAtPath(filesystem.path("d/writable"));
    ChildProcess child([&] {
      return MapShared(filesystem.path("d/writable"), O_RDWR, PROT_READ | PROT_WRITE) &&
             MapShared(filesystem.path("d/writable"), O_RDWR, PROT_READ | PROT_WRITE) &&
             MapShared(filesystem.path("readable"), O_RDWR, PROT_READ) &&
             MapShared(filesystem.path("read-only"), O_RDONLY, PROT_READ) &&
             MapPrivate(filesystem.path("private")) &&
             MapShared(filesystem.path("gone"), O_RDWR, PROT_READ | PROT_WRITE);
    });
    REQUIRE(child.ready());
    REQUIRE(::unlink(filesystem.path("gone").c_str()) == 0);
    const auto found = Scan(filesystem);
    CHECK(Names(found) == Texts{"", "readable", "writable"});
    for (const SilentWriter& writer : found) {
      CHECK(writer.volume == VolumeId(7));
      CHECK(writer.pid == child.pid());
      if (writer.name != "writable") continue;
      CHECK(writer.object == writable);
      CHECK(writer.parent == recorder.HandleAtPath(filesystem.path("d")));
    }
    child.End();
    CHECK(Scan(filesystem).empty());
  });
}

TEST_CASE("a mapped file that has been renamed is found at its new name") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    WriteFile(filesystem.path("before"), std::string(kMappedBytes, 'x'));
    ChildProcess child(
        [&] { return MapShared(filesystem.path("before"), O_RDWR, PROT_READ | PROT_WRITE); });
    REQUIRE(child.ready());
    REQUIRE(::rename(filesystem.path("before").c_str(), filesystem.path("d/after\n\xff").c_str()) ==
            0);
    const auto found = Scan(filesystem);
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == "after\n\xff");
  });
}

TEST_CASE("mappings in another mount namespace are found with their name in ours") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    MakeDirectory(filesystem.path("point"));
    WriteFile(filesystem.path("d/f"), std::string(kMappedBytes, 'x'));
    ChildProcess child([&] {
      return ::unshare(CLONE_NEWNS) == 0 &&
             ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
             ::mount(filesystem.path("d").c_str(), filesystem.path("point").c_str(), nullptr,
                     MS_BIND, nullptr) == 0 &&
             MapShared(filesystem.path("point/f"), O_RDWR, PROT_READ | PROT_WRITE);
    });
    REQUIRE(child.ready());
    Recorder recorder(filesystem.path());
    const auto found = Scan(filesystem);
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == "f");
    CHECK(found[0].parent == recorder.HandleAtPath(filesystem.path("d")));
  });
}

TEST_CASE("the mappings of a process whose first thread has exited are found") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    WriteFile(filesystem.path("f"), std::string(kMappedBytes, 'x'));
    ChildProcess child(
        [&] { return MapShared(filesystem.path("f"), O_RDWR, PROT_READ | PROT_WRITE); },
        ChildProcess::kOnSecondThread);
    REQUIRE(child.ready());
    REQUIRE(child.WaitForZombieLeader());
    CHECK(Names(Scan(filesystem)) == Texts{"f"});
  });
}

TEST_CASE("files open for writing in a process with an asynchronous I/O context are found") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    for (const char* name : {"written", "read"}) WriteFile(filesystem.path(name), "x");
    auto open_both = [&] {
      return ::open(filesystem.path("written").c_str(), O_WRONLY) >= 0 &&
             ::open(filesystem.path("read").c_str(), O_RDONLY) >= 0;
    };
    ChildProcess without(open_both);
    REQUIRE(without.ready());
    CHECK(Scan(filesystem).empty());
    ChildProcess with([&] {
      aio_context_t context = 0;
      return open_both() && ::syscall(SYS_io_setup, 4, &context) == 0;
    });
    REQUIRE(with.ready());
    CHECK(Names(Scan(filesystem)) == Texts{"written"});
  });
}

TEST_CASE("backing files of loop devices are found, those of read-only devices are not") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    for (const char* name : {"image", "constant"}) {
      WriteFile(filesystem.path(name), std::string(1 << 20, '\0'));
    }
    LoopDevice writable({"losetup", "--find"}, filesystem.path("image"));
    LoopDevice constant({"losetup", "--read-only", "--find"}, filesystem.path("constant"));
    const auto found = Scan(filesystem);
    CHECK(Names(found) == Texts{"image"});
  });
}

TEST_CASE("every loop device is among the virtual block devices, where they are looked for") {
  TemporaryDirectory directory;
  WriteFile(directory.path("image"), std::string(1 << 20, '\0'));
  LoopDevice device({"losetup", "--find"}, directory.path("image"));
  auto all = ListNames(AT_FDCWD, "/sys/block");
  auto looked_for = ListNames(AT_FDCWD, "/sys/devices/virtual/block");
  REQUIRE(all);
  if (!looked_for) {
    WARN("SKIPPED: they are looked for in /sys/block");
    return;
  }
  int devices = 0;
  for (const std::string& name : *all) {
    if (name.compare(0, 4, "loop") != 0) continue;
    ++devices;
    INFO(name);
    CHECK(std::count(looked_for->begin(), looked_for->end(), name) == 1);
  }
  CHECK(devices > 0);
}

TEST_CASE("a swap file is found") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  const std::string path = filesystem->path("swap file");
  WriteFile(path, std::string(4 << 20, '\0'));
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  REQUIRE(RunProgram({"sync", path}));
  REQUIRE(RunProgram({"mkswap", path}));
  SwapFile swapping(path);
  if (!swapping.on()) {
    WARN("SKIPPED: " << swapping.on().error().message);
    return;
  }
  const auto found = Scan(*filesystem);
  CHECK(Names(found) == Texts{"swap file"});
}

TEST_CASE("inside subvolumes of a btrfs silent writers are found through the top level") {
  auto filesystem = TestFilesystem::Create("btrfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  REQUIRE(RunProgram({"btrfs", "subvolume", "create", filesystem->path("sub")}));
  WriteFile(filesystem->path("sub/mapped"), std::string(kMappedBytes, 'x'));
  WriteFile(filesystem->path("sub/written"), "x");
  ChildProcess child([&] {
    aio_context_t context = 0;
    return MapShared(filesystem->path("sub/mapped"), O_RDWR, PROT_READ | PROT_WRITE) &&
           ::open(filesystem->path("sub/written").c_str(), O_RDWR) >= 0 &&
           ::syscall(SYS_io_setup, 4, &context) == 0;
  });
  REQUIRE(child.ready());
  CHECK(Names(Scan(*filesystem)) == Texts{"mapped", "written"});
}

TEST_CASE(
    "another filesystem's silent writers are not ours; of an unmounted volume none are known") {
  auto one = TestFilesystem::Create("ext4");
  auto two = TestFilesystem::Create("tmpfs");
  if (!one || !two) {
    WARN("SKIPPED: no ext4 or no tmpfs");
    return;
  }
  WriteFile(two->path("f"), std::string(kMappedBytes, 'x'));
  auto volume = FindVolume(one->path());
  REQUIRE(volume);
  {
    ChildProcess child([&] { return MapShared(two->path("f"), O_RDWR, PROT_READ | PROT_WRITE); });
    REQUIRE(child.ready());
    CHECK(Scan(*one).empty());
  }
  REQUIRE(one->Unmount());
  auto found = LinuxKernel().ScanSilentWriters(std::vector<VolumeMount>{*volume});
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::kNotFound);
}

}  // namespace cj
