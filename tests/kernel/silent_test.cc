// What can be seen from outside of files that change without an event.
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "../support/filesystems.h"
#include "../support/on_every_filesystem.h"
#include "base/unique_fd.h"
#include "fanotify/proc_text.h"
#include "recorder.h"

namespace cj {
namespace {

constexpr std::size_t kPage = 4096;

// A shared mapping of one page of a file that was opened with `open_flags`.
class Mapping {
 public:
  Mapping(const std::string& path, int open_flags, int protection) {
    UniqueFd fd(::open(path.c_str(), open_flags | O_CLOEXEC));
    at_ = ::mmap(nullptr, kPage, protection, MAP_SHARED, fd.get(), 0);
  }
  ~Mapping() {
    if (valid()) ::munmap(at_, kPage);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool valid() const { return at_ != MAP_FAILED; }
  char* data() const { return static_cast<char*>(at_); }

 private:
  void* at_;
};

struct OwnLine {
  std::string range;
  dev_t device = 0;
  std::uint64_t inode = 0;
};

// The line of our own maps for a shared mapping that starts at `at`, or whose path ends like this.
std::optional<OwnLine> FindOwnLine(const void* at, const std::string& path_end) {
  UniqueFd fd(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!ReadAll(fd.get(), &text)) return std::nullopt;
  std::array<char, 32> start;
  std::snprintf(start.data(), start.size(), "%08lx-", reinterpret_cast<unsigned long>(at));
  std::string_view rest = text;
  MapsLine line;
  while (NextMapsLine(&rest, &line)) {
    if (!line.shared) continue;
    const bool found = at != nullptr ? line.range.rfind(start.data(), 0) == 0
                                     : line.path.find(path_end) != std::string_view::npos;
    if (found) return OwnLine{std::string(line.range), line.device, line.inode};
  }
  return std::nullopt;
}

mode_t LinkMode(const OwnLine& line) {
  struct stat info;
  const std::string link = "/proc/self/map_files/" + line.range;
  return ::lstat(link.c_str(), &info) == 0 ? info.st_mode : 0;
}

}  // namespace

TEST_CASE("maps has the device of mountinfo for a mapping, on btrfs another one than stat") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, std::string(kPage, 'x'));
    Mapping mapping(path, O_RDWR, PROT_READ | PROT_WRITE);
    REQUIRE(mapping.valid());
    const auto line = FindOwnLine(mapping.data(), "");
    auto volume = FindVolume(filesystem.path());
    REQUIRE(line);
    REQUIRE(volume);
    CHECK(line->device == volume->superblock_device);
    CHECK((line->device == volume->device) == (filesystem.type() != "btrfs"));
    struct stat info;
    REQUIRE(::stat(("/proc/self/map_files/" + line->range).c_str(), &info) == 0);
    CHECK(info.st_dev == volume->device);
    CHECK(info.st_ino == line->inode);
  });
}

TEST_CASE("the link in map_files can be written through when the file was opened for writing") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, std::string(kPage, 'x'));
    Mapping read_write(path, O_RDWR, PROT_READ | PROT_WRITE);
    Mapping read_now(path, O_RDWR, PROT_READ);
    Mapping read_only(path, O_RDONLY, PROT_READ);
    REQUIRE((read_write.valid() && read_now.valid() && read_only.valid()));
    CHECK((LinkMode(*FindOwnLine(read_write.data(), "")) & S_IWUSR) != 0);
    CHECK((LinkMode(*FindOwnLine(read_now.data(), "")) & S_IWUSR) != 0);
    CHECK((LinkMode(*FindOwnLine(read_only.data(), "")) & S_IWUSR) == 0);
    // Which is right: only the second can become writable.
    CHECK(::mprotect(read_now.data(), kPage, PROT_READ | PROT_WRITE) == 0);
    CHECK(::mprotect(read_only.data(), kPage, PROT_READ | PROT_WRITE) != 0);
  });
}

TEST_CASE("a process with an asynchronous I/O context has a mapping called /[aio]") {
  CHECK_FALSE(FindOwnLine(nullptr, "/[aio]"));
  aio_context_t context = 0;
  REQUIRE(::syscall(SYS_io_setup, 4, &context) == 0);
  CHECK(FindOwnLine(nullptr, "/[aio]"));
  REQUIRE(::syscall(SYS_io_destroy, context) == 0);
  CHECK_FALSE(FindOwnLine(nullptr, "/[aio]"));
}

TEST_CASE(
    "writes to a loop device send nothing for its backing file; detaching sends CLOSE_WRITE") {
  auto outer = TestFilesystem::Create("ext4");
  if (!outer) {
    WARN("SKIPPED: " << outer.error().message);
    return;
  }
  const std::string image = outer->path("image");
  WriteFile(image, "");
  REQUIRE(::truncate(image.c_str(), 64 << 20) == 0);
  REQUIRE(RunProgram({"mkfs.ext4", "-q", image}));
  const std::string point = outer->work_directory() + "/inner";
  MakeDirectory(point);
  REQUIRE(RunProgram({"mount", "-o", "loop", image, point}));
  Recorder recorder(outer->path());
  recorder.Label(outer->path(), "top");
  recorder.Label(image, "image");
  WriteFile(point + "/f", std::string(1 << 20, 'x'));
  {
    UniqueFd inner(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(::syncfs(inner.get()) == 0);
  }
  CHECK(recorder.DrainText().empty());
  REQUIRE(RunProgram({"umount", point}));
  // The kernel lets go of the device, and of the file behind it, when the last opener has closed
  // it.
  std::vector<std::string> texts;
  for (int attempt = 0; attempt < 1000 && texts.empty(); ++attempt) {
    REQUIRE(LinuxKernel().Barrier());
    texts = recorder.DrainText();
  }
  CHECK(texts == std::vector<std::string>{"CLOSE_WRITE top/image image"});
}

TEST_CASE("discards on a loop device punch holes in its backing file without any event") {
  auto outer = TestFilesystem::Create("ext4");
  if (!outer) {
    WARN("SKIPPED: " << outer.error().message);
    return;
  }
  const std::string image = outer->path("image");
  WriteFile(image, "");
  REQUIRE(::truncate(image.c_str(), 64 << 20) == 0);
  REQUIRE(RunProgram({"mkfs.ext4", "-q", image}));
  const std::string point = outer->work_directory() + "/inner";
  MakeDirectory(point);
  REQUIRE(RunProgram({"mount", "-o", "loop", image, point}));
  WriteFile(point + "/f", std::string(1 << 20, 'x'));
  const auto sync = [&] {
    UniqueFd inner(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return ::syncfs(inner.get()) == 0;
  };
  const auto blocks = [&] {
    struct stat info;
    return ::stat(image.c_str(), &info) == 0 ? info.st_blocks : 0;
  };
  REQUIRE(sync());
  REQUIRE(::unlink((point + "/f").c_str()) == 0);
  REQUIRE(sync());
  const auto blocks_before = blocks();
  Recorder recorder(outer->path());
  recorder.Label(outer->path(), "top");
  recorder.Label(image, "image");
  const Status trimmed = RunProgram({"fstrim", point});
  const auto texts = recorder.DrainText();
  ::umount2(point.c_str(), MNT_DETACH);
  if (!trimmed) {
    WARN("SKIPPED: " << trimmed.error().message);
    return;
  }
  CHECK(blocks() < blocks_before);
  CHECK(texts.empty());
}

// Who looks at a process in /proc (ps, a scan of another test) holds its memory for a moment, and
// then the mapping goes when he lets go.
TEST_CASE(
    "the CLOSE_WRITE of an exiting process's mapping is queued before it can be waited for, unless "
    "somebody else holds its memory") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  const std::string path = filesystem->path("f");
  WriteFile(path, std::string(kPage, 'x'));
  Recorder recorder(filesystem->path());
  recorder.Label(filesystem->path(), "top");
  recorder.Label(path, "f");
  constexpr int kChildren = 200;
  int late = 0;
  for (int i = 0; i < kChildren; ++i) {
    REQUIRE(InChild([&] {
      Mapping* mapping = new Mapping(path, O_RDWR, PROT_READ | PROT_WRITE);
      if (!mapping->valid()) return false;
      mapping->data()[0] = 'y';
      return true;  // leaves by _exit, so the kernel takes the mapping down
    }));
    auto events = recorder.DrainText();
    if (events.empty()) ++late;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (events.empty() && std::chrono::steady_clock::now() < deadline) {
      events = recorder.DrainText();
    }
    REQUIRE(events == std::vector<std::string>{"CLOSE_WRITE top/f f"});
  }
  CHECK(late < kChildren / 4);
}

TEST_CASE(
    "through an overlay a mapping is the overlay's in maps, and its end is CLOSE_WRITE above") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  for (const char* name : {"lower", "upper", "work", "merged"})
    MakeDirectory(filesystem->path(name));
  const std::string options = "lowerdir=" + filesystem->path("lower") +
                              ",upperdir=" + filesystem->path("upper") +
                              ",workdir=" + filesystem->path("work");
  const std::string merged = filesystem->path("merged");
  if (::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()) != 0) {
    WARN("SKIPPED: no overlayfs");
    return;
  }
  WriteFile(merged + "/f", std::string(kPage, 'x'));
  auto upper = FindVolume(filesystem->path());
  auto overlay = FindVolume(merged);
  REQUIRE(upper);
  REQUIRE(overlay);
  Recorder recorder(filesystem->path());
  recorder.Label(filesystem->path("upper"), "upper");
  recorder.Label(filesystem->path("upper/f"), "f");
  {
    Mapping mapping(merged + "/f", O_RDWR, PROT_READ | PROT_WRITE);
    REQUIRE(mapping.valid());
    mapping.data()[0] = 'y';
    const auto line = FindOwnLine(mapping.data(), "");
    REQUIRE(line);
    CHECK(line->device == overlay->superblock_device);
    CHECK(recorder.DrainText().empty());
  }
  CHECK(recorder.DrainText() == std::vector<std::string>{"CLOSE_WRITE upper/f f"});
  ::umount2(merged.c_str(), MNT_DETACH);
}

}  // namespace cj
