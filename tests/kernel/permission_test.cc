// What strict mode stands on: which calls wait for a permission event, how writers are told from
// readers, what ignore marks hide, and what releases those who wait.
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <thread>

#include "../support/on_every_filesystem.h"
#include "fanotify/kernel_abi.h"
#include "permission_listener.h"
#include "recorder.h"

namespace cj {
namespace {

UniqueFd Open(const std::string& path, int flags) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
}

bool WaitsForWriting(PermissionListener& listener, const std::string& path, int flags) {
  UniqueFd fd = Open(path, flags);
  REQUIRE(fd.valid());
  auto seen = listener.Take();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].mask == FAN_OPEN_PERM);
  return seen[0].may_be_written;
}

}  // namespace

TEST_CASE("a lease tells an open for writing from one for reading") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, "x");
    PermissionListener listener(filesystem.path(), PreMode::kOpen);
    CHECK_FALSE(WaitsForWriting(listener, path, O_RDONLY));
    CHECK(WaitsForWriting(listener, path, O_WRONLY));
    CHECK(WaitsForWriting(listener, path, O_RDWR));
    CHECK(WaitsForWriting(listener, path, O_WRONLY | O_TRUNC));
    CHECK(WaitsForWriting(listener, path, O_WRONLY | O_APPEND));
    CHECK(WaitsForWriting(listener, filesystem.path("new"), O_WRONLY | O_CREAT | O_EXCL));
    // Opened for reading while somebody else has it open for writing: perhaps.
    UniqueFd writer = Open(path, O_WRONLY);
    listener.Take();
    CHECK(WaitsForWriting(listener, path, O_RDONLY));
    // A mapping counts as long as it is there, with its descriptor closed.
    UniqueFd both = Open(path, O_RDWR);
    void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, both.get(), 0);
    REQUIRE(mapped != MAP_FAILED);
    both.reset();
    writer.reset();
    listener.Take();
    CHECK(WaitsForWriting(listener, path, O_RDONLY));
    ::munmap(mapped, 4096);
    CHECK_FALSE(WaitsForWriting(listener, path, O_RDONLY));
  });
}

TEST_CASE("the descriptor of a permission event has the handle of the file's other events") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    WriteFile(filesystem.path("f"), "x");
    Recorder recorder(filesystem.path());
    PermissionListener listener(filesystem.path(), PreMode::kOpen);
    {
      UniqueFd fd = Open(filesystem.path("f"), O_WRONLY);
      REQUIRE(::write(fd.get(), "y", 1) == 1);
    }
    auto seen = listener.Take();
    REQUIRE(seen.size() == 1);
    auto events = recorder.Drain();
    REQUIRE_FALSE(events.empty());
    for (const RecordedEvent& event : events) CHECK(event.object == seen[0].object);
  });
}

TEST_CASE("an ignored object sends nothing to its group, and all to the next one") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, "x");
    PermissionListener first(filesystem.path(), PreMode::kOpen, /*ignore=*/true);
    for (int i = 0; i < 3; ++i) {
      UniqueFd fd = Open(path, O_WRONLY);
      REQUIRE(::write(fd.get(), "y", 1) == 1);
    }
    CHECK(first.Take().size() == 1);
    PermissionListener second(filesystem.path(), PreMode::kOpen);
    UniqueFd fd = Open(path, O_WRONLY);
    CHECK(second.Take().size() == 1);
    CHECK(first.Take().empty());
  });
}

TEST_CASE("what sends no FAN_OPEN_PERM: directories, O_PATH, pipes, sockets, truncate by path") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    WriteFile(filesystem.path("f"), "xyz");
    REQUIRE(::mkfifo(filesystem.path("fifo").c_str(), 0644) == 0);
    PermissionListener listener(filesystem.path(), PreMode::kOpen);
    CHECK(Open(filesystem.path(), O_RDONLY | O_DIRECTORY).valid());
    CHECK(Open(filesystem.path("f"), O_PATH).valid());
    CHECK(listener.Take().empty());
    REQUIRE(::truncate(filesystem.path("f").c_str(), 1) == 0);
    CHECK(listener.Take().empty());
    CHECK(Open(filesystem.path("fifo"), O_RDONLY | O_NONBLOCK).valid());
    CHECK(listener.Take().empty());
  });
}

// Why a crawl looks at files after a loss of power, although intents are on record.
TEST_CASE("changes of attributes ask nobody, whatever the mode") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, "xyz");
    for (const PreMode mode : {PreMode::kOpen, PreMode::kAccess}) {
      if (mode == PreMode::kAccess && filesystem.type() == "tmpfs") continue;
      PermissionListener listener(filesystem.path(), mode);
      REQUIRE(::chmod(path.c_str(), 0600) == 0);
      REQUIRE(::chown(path.c_str(), 1, 1) == 0);
      REQUIRE(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0);
      REQUIRE(::setxattr(path.c_str(), "trusted.cj", "1", 1, 0) == 0);
      CHECK(listener.Take().empty());
    }
  });
}

TEST_CASE("closing a group lets everybody through who waits for it") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    WriteFile(filesystem.path("f"), "x");
    auto volume = FindVolume(filesystem.path());
    REQUIRE(volume);
    auto group = CreateLinuxPreGroup(PreMode::kOpen);
    REQUIRE(group);
    REQUIRE((*group)->Mark(*volume));
    bool opened[2] = {false, false};
    std::thread unread([&] { opened[0] = Open(filesystem.path("f"), O_WRONLY).valid(); });
    std::thread read([&] { opened[1] = Open(filesystem.path("f"), O_RDONLY).valid(); });
    std::array<std::byte, abi::kMetadataBytes> one_event;
    std::size_t size = 0;
    while (size == 0) {
      auto result = (*group)->Read(one_event);
      REQUIRE(result);
      size = *result;
    }
    std::span<const std::byte> rest(one_event.data(), size);
    PreEvent event;
    REQUIRE(ParsePreEvent(&rest, &event));
    UniqueFd held(event.fd);
    group->reset();
    unread.join();
    read.join();
    CHECK(opened[0]);
    CHECK(opened[1]);
  });
}

// Why the answering thread must always have room for descriptors.
TEST_CASE("an open whose event gets no descriptor is refused by the kernel") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  WriteFile(filesystem->path("f"), "x");
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  auto group = CreateLinuxPreGroup(PreMode::kOpen);
  REQUIRE(group);
  const std::string path = filesystem->path("f");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Wait until the filesystem is marked: an open that is refused.
    for (;;) {
      const int fd = ::open(path.c_str(), O_RDONLY);
      if (fd < 0) ::_exit(errno == EPERM ? 0 : 1);
      ::close(fd);
    }
  }
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE((*group)->Mark(*volume));
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  std::array<std::byte, kPreReadBytes> buffer;
  int status = -1;
  int failures = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) failures += (*group)->Read(buffer) ? 0 : 1;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(failures >= 1);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("FAN_PRE_ACCESS: which calls wait, and what they say") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    auto volume = FindVolume(filesystem.path());
    REQUIRE(volume);
    auto group = CreateLinuxPreGroup(PreMode::kAccess);
    const Status marked = group ? (*group)->Mark(*volume) : Status(group.error());
    if (filesystem.type() == "tmpfs") {
      REQUIRE_FALSE(marked);
      CHECK(marked.error().code == ErrorCode::kUnsupported);
      CHECK(marked.error().message.find("use PreModify=open") != std::string::npos);
      return;
    }
    if (!marked) {
      WARN("SKIPPED: " << marked.error().message);
      return;
    }
    group->reset();
    const std::string path = filesystem.path("f");
    WriteFile(path, std::string(8192, 'x'));
    UniqueFd before = Open(path, O_RDWR);
    PermissionListener listener(filesystem.path(), PreMode::kAccess);
    // Opened before anybody listened on this filesystem: its accesses never wait.
    REQUIRE(::pwrite(before.get(), "y", 1, 0) == 1);
    CHECK(listener.Take().empty());
    before.reset();

    UniqueFd fd = Open(path, O_RDWR);
    auto seen = listener.Take();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].mask == FAN_OPEN_PERM);
    REQUIRE(::pwrite(fd.get(), "y", 1, 100) == 1);
    seen = listener.Take();
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].mask == abi::kFanPreAccess);
    CHECK(seen[0].may_be_written);
    CHECK(seen[0].has_range);
    // In whole pages.
    CHECK(seen[0].offset <= 100);
    CHECK(seen[0].offset + seen[0].length > 100);
    REQUIRE(::ftruncate(fd.get(), 4096) == 0);
    CHECK(listener.Take().size() == 1);
    REQUIRE(::truncate(path.c_str(), 4000) == 0);
    CHECK(listener.Take().size() == 1);
    void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    REQUIRE(mapped != MAP_FAILED);
    CHECK(listener.Take().size() == 1);
    static_cast<volatile char*>(mapped)[0] = 'z';
    CHECK(listener.Take().empty());
    ::munmap(mapped, 4096);
    fd.reset();

    UniqueFd reader = Open(path, O_RDONLY);
    listener.Take();
    char byte = 0;
    REQUIRE(::pread(reader.get(), &byte, 1, 0) == 1);
    seen = listener.Take();
    REQUIRE(seen.size() == 1);
    CHECK_FALSE(seen[0].may_be_written);
  });
}

TEST_CASE("programs that are run and libraries that are mapped are opens for reading") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    REQUIRE(RunProgram({"cp", "/bin/true", filesystem.path("true")}));
    PermissionListener listener(filesystem.path(), PreMode::kOpen);
    REQUIRE(RunProgram({filesystem.path("true")}));
    const auto seen = listener.Take();
    CHECK_FALSE(seen.empty());
    for (const SeenPermission& one : seen) CHECK_FALSE(one.may_be_written);
  });
}

}  // namespace cj
