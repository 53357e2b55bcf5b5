#include "filesystems.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"

namespace cj {
namespace {

constexpr std::chrono::seconds kUnmountDeadline(20);

struct Command {
  int status = 0;
  std::string output;
};

Result<Command> Capture(const std::vector<std::string>& arguments) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return ErrnoError(errno, "pipe2");
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDERR_FILENO);
  pid_t pid = 0;
  const int problem = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) return ErrnoError(problem, arguments[0]);
  writer.reset();
  Command command;
  std::array<char, 4096> chunk;
  for (ssize_t n; (n = ::read(reader.get(), chunk.data(), chunk.size())) > 0;) {
    command.output.append(chunk.data(), static_cast<std::size_t>(n));
  }
  if (::waitpid(pid, &command.status, 0) != pid) return ErrnoError(errno, "waitpid");
  return command;
}

Error Lacks(const std::string& what) { return Error{ErrorCode::kUnsupported, what, 0}; }

Status MakeImage(const std::string& image, const std::string& type, int mebibytes) {
  UniqueFd fd(::open(image.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return ErrnoError(errno, image);
  if (::ftruncate(fd.get(), static_cast<off_t>(mebibytes) << 20) != 0) {
    return ErrnoError(errno, image);
  }
  Status made = RunProgram({"mkfs." + type, "-q", image});
  if (!made) return Lacks("mkfs." + type + ": " + made.error().message);
  return {};
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = std::string(base == nullptr ? "/tmp" : base) + "/cj-test-XXXXXX";
  CJ_CHECK(::mkdtemp(pattern.data()) != nullptr, "mkdtemp fails");
  path_ = pattern;
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) (void)RunProgram({"rm", "-rf", "--one-file-system", path_});
}

Status RunProgram(const std::vector<std::string>& arguments) {
  CJ_ASSIGN_OR_RETURN(const Command command, Capture(arguments));
  if (WIFEXITED(command.status) && WEXITSTATUS(command.status) == 0) return {};
  std::string line;
  for (const std::string& argument : arguments) line += argument + " ";
  return Error{ErrorCode::kIo, line + "failed: " + command.output, 0};
}

Status UnmountIdle(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + kUnmountDeadline;
  while (::umount2(path.c_str(), 0) != 0) {
    if (errno != EBUSY || std::chrono::steady_clock::now() > deadline) {
      return ErrnoError(errno, "umount " + path);
    }
    std::this_thread::yield();
  }
  return {};
}

TestFilesystem::TestFilesystem(std::string type, int mebibytes)
    : type_(std::move(type)), mebibytes_(mebibytes), mount_point_(work_.path("mnt")) {}

TestFilesystem::TestFilesystem(TestFilesystem&& other) noexcept
    : work_(std::move(other.work_)),
      type_(std::move(other.type_)),
      mebibytes_(other.mebibytes_),
      image_(std::move(other.image_)),
      mount_point_(std::move(other.mount_point_)),
      mounted_(std::exchange(other.mounted_, false)),
      device_(std::move(other.device_)),
      held_device_(std::move(other.held_device_)) {}

Result<TestFilesystem> TestFilesystem::Create(const std::string& type, int mebibytes) {
  if (::geteuid() != 0) return Lacks("mounting a " + type + " needs root");
  TestFilesystem filesystem(type, mebibytes);
  if (::mkdir(filesystem.mount_point_.c_str(), 0755) != 0) {
    return ErrnoError(errno, filesystem.mount_point_);
  }
  if (type != "tmpfs") {
    filesystem.image_ = filesystem.work_.path("image");
    CJ_RETURN_IF_ERROR(MakeImage(filesystem.image_, type, mebibytes));
  }
  Status mounted = filesystem.Mount();
  if (!mounted) return Lacks("mounting a " + type + ": " + mounted.error().message);
  return filesystem;
}

Status TestFilesystem::Mount(const std::string& options) {
  const bool again = held_device_.valid();
  std::string all = type_ == "tmpfs" ? "size=" + std::to_string(mebibytes_) + "m" : "loop";
  if (again) all = "rw";
  if (!options.empty()) all += "," + options;
  const std::string source = type_ == "tmpfs" ? "tmpfs" : again ? device_ : image_;
  CJ_RETURN_IF_ERROR(RunProgram({"mount", "-t", type_, "-o", all, source, mount_point_}));
  held_device_.reset();
  mounted_ = true;
  return {};
}

// A disk stays the device that it is. The loop device would go with the mount, and somebody else
// might get its number, if nobody held it.
Status TestFilesystem::Unmount() {
  device_ = Device();
  if (!device_.empty()) held_device_ = UniqueFd(::open(device_.c_str(), O_RDONLY | O_CLOEXEC));
  CJ_RETURN_IF_ERROR(UnmountIdle(mount_point_));
  mounted_ = false;
  return {};
}

std::string TestFilesystem::Device() const {
  if (image_.empty()) return {};
  auto found = Capture({"losetup", "--noheadings", "--output", "NAME", "--associated", image_});
  if (!found) return {};
  return found->output.substr(0, found->output.find_first_of(" \n"));
}

TestFilesystem::~TestFilesystem() {
  // Whatever still holds it, the mount must not outlive the test; mount(8) made the loop device to
  // clear itself. More may be stacked on the point or mounted below it: -R takes all.
  if (mounted_) (void)RunProgram({"umount", "-R", "-l", mount_point_});
}

}  // namespace cj
