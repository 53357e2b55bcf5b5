// Every way to change a file's content through a descriptor, and whether MODIFY comes at once or
// only CLOSE_WRITE at the end.
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <functional>

#include "../support/filesystems.h"
#include "../support/on_every_filesystem.h"
#include "base/unique_fd.h"
#include "recorder.h"

namespace cj {
namespace {

using Texts = std::vector<std::string>;
constexpr std::size_t kPage = 4096;

// What an operation on an open file sends while the file stays open.
struct Row {
  const char* what;
  // 0 or an errno; EOPNOTSUPP and EINVAL: this filesystem cannot, which is said and skipped.
  std::function<int(int fd, const std::string& path)> act;
  Texts expected;
};

int Failed(bool failed) { return failed ? errno : 0; }

int PipeInto(int fd, bool move_pages) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
  UniqueFd reader(ends[0]), writer(ends[1]);
  static std::array<char, kPage> page{};
  if (move_pages) {
    iovec vector{page.data(), page.size()};
    if (::vmsplice(writer.get(), &vector, 1, 0) < 0) return errno;
  } else if (::write(writer.get(), page.data(), page.size()) < 0) {
    return errno;
  }
  return Failed(::splice(reader.get(), nullptr, fd, nullptr, page.size(), 0) <= 0);
}

int SendFile(int fd) {
  UniqueFd source(::memfd_create("source", MFD_CLOEXEC));
  if (::ftruncate(source.get(), kPage) != 0) return errno;
  return Failed(::sendfile(fd, source.get(), nullptr, kPage) <= 0);
}

int CopyFrom(const std::string& path, int fd, bool clone) {
  UniqueFd source(::open((path + ".source").c_str(), O_RDONLY | O_CLOEXEC));
  if (clone) return Failed(::ioctl(fd, FICLONE, source.get()) != 0);
  loff_t from = 0;
  loff_t to = 0;
  return Failed(::copy_file_range(source.get(), &from, fd, &to, kPage, 0) <= 0);
}

int AsynchronousWrite(int fd) {
  aio_context_t context = 0;
  if (::syscall(SYS_io_setup, 4, &context) != 0) return errno;
  alignas(kPage) static std::array<char, kPage> page{};
  iocb request{};
  request.aio_lio_opcode = IOCB_CMD_PWRITE;
  request.aio_fildes = static_cast<std::uint32_t>(fd);
  request.aio_buf = reinterpret_cast<std::uint64_t>(page.data());
  request.aio_nbytes = page.size();
  iocb* requests[] = {&request};
  if (::syscall(SYS_io_submit, context, 1, requests) != 1) return errno;
  io_event done{};
  if (::syscall(SYS_io_getevents, context, 1, 1, &done, nullptr) != 1) return errno;
  (void)::syscall(SYS_io_destroy, context);
  return static_cast<std::int64_t>(done.res) == static_cast<std::int64_t>(page.size())
             ? 0
             : -static_cast<int>(done.res);
}

// One write through a ring, by the system calls alone. `force_async`: by the kernel's worker
// thread.
int RingWrite(int fd, bool force_async) {
  io_uring_params params{};
  UniqueFd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &params)));
  if (!ring) return errno;
  auto map = [&](std::size_t bytes, off_t offset) {
    return static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_POPULATE, ring.get(), offset));
  };
  const std::size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(std::uint32_t);
  const std::size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
  const std::size_t sqe_bytes = params.sq_entries * sizeof(io_uring_sqe);
  char* sq = map(sq_bytes, IORING_OFF_SQ_RING);
  char* cq = map(cq_bytes, IORING_OFF_CQ_RING);
  char* sqes = map(sqe_bytes, IORING_OFF_SQES);
  static std::array<char, kPage> page{};
  io_uring_sqe entry{};
  entry.opcode = IORING_OP_WRITE;
  entry.flags = force_async ? IOSQE_ASYNC : 0;
  entry.fd = fd;
  entry.addr = reinterpret_cast<std::uint64_t>(page.data());
  entry.len = page.size();
  std::memcpy(sqes, &entry, sizeof(entry));
  const std::uint32_t index = 0;
  std::memcpy(sq + params.sq_off.array, &index, sizeof(index));
  const std::uint32_t tail = 1;
  std::memcpy(sq + params.sq_off.tail, &tail, sizeof(tail));
  const long entered =
      ::syscall(SYS_io_uring_enter, ring.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
  io_uring_cqe done{};
  std::memcpy(&done, cq + params.cq_off.cqes, sizeof(done));
  const int problem = entered != 1 ? errno : done.res < 0 ? -done.res : 0;
  ::munmap(sq, sq_bytes);
  ::munmap(cq, cq_bytes);
  ::munmap(sqes, sqe_bytes);
  return problem;
}

int StoreThroughMapping(int fd) {
  void* at = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return errno;
  std::memset(at, 'm', kPage);
  const int result = Failed(::msync(at, kPage, MS_SYNC) != 0);
  ::munmap(at, kPage);
  return result;
}

const Texts kModify{"MODIFY top/f f"};

std::vector<Row> Rows() {
  auto fallocate = [](int mode) {
    return [mode](int fd, const std::string&) {
      return Failed(::fallocate(fd, mode, 0, static_cast<off_t>(kPage)) != 0);
    };
  };
  return {
      {"write", [](int fd, const std::string&) { return Failed(::write(fd, "x", 1) != 1); },
       kModify},
      {"pwritev2 with RWF_DSYNC",
       [](int fd, const std::string&) {
         char byte = 'x';
         iovec vector{&byte, 1};
         return Failed(::pwritev2(fd, &vector, 1, 0, RWF_DSYNC) != 1);
       },
       kModify},
      {"splice", [](int fd, const std::string&) { return PipeInto(fd, false); }, kModify},
      {"vmsplice and splice", [](int fd, const std::string&) { return PipeInto(fd, true); },
       kModify},
      {"sendfile", [](int fd, const std::string&) { return SendFile(fd); }, kModify},
      {"copy_file_range", [](int fd, const std::string& path) { return CopyFrom(path, fd, false); },
       kModify},
      {"FICLONE", [](int fd, const std::string& path) { return CopyFrom(path, fd, true); },
       kModify},
      {"ftruncate", [](int fd, const std::string&) { return Failed(::ftruncate(fd, 1) != 0); },
       kModify},
      {"ftruncate to the same size",
       [](int fd, const std::string&) { return Failed(::ftruncate(fd, 2 * kPage) != 0); }, kModify},
      {"fallocate", fallocate(0), kModify},
      {"fallocate: punch a hole", fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE), kModify},
      {"fallocate: zero a range", fallocate(FALLOC_FL_ZERO_RANGE), kModify},
      {"fallocate: collapse a range", fallocate(FALLOC_FL_COLLAPSE_RANGE), kModify},
      {"fallocate: insert a range", fallocate(FALLOC_FL_INSERT_RANGE), kModify},
      {"io_uring write", [](int fd, const std::string&) { return RingWrite(fd, false); }, kModify},
      {"io_uring write by a worker thread",
       [](int fd, const std::string&) { return RingWrite(fd, true); }, kModify},
      {"io_submit sends nothing",
       [](int fd, const std::string&) { return AsynchronousWrite(fd); },
       {}},
      {"a store through a mapping, msync and munmap send nothing",
       [](int fd, const std::string&) { return StoreThroughMapping(fd); },
       {}},
  };
}

void Check(const TestFilesystem& filesystem, const Row& row, int number) {
  INFO(filesystem.type() << ": " << row.what);
  const std::string top = filesystem.path("top" + std::to_string(number));
  MakeDirectory(top);
  const std::string path = top + "/f";
  WriteFile(path, std::string(2 * kPage, 'x'));
  WriteFile(path + ".source", std::string(2 * kPage, 'y'));
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(fd.valid());
  Recorder recorder(filesystem.path());
  recorder.Label(top, "top");
  recorder.Label(path, "f");
  const int problem = row.act(fd.get(), path);
  if (problem == EOPNOTSUPP || problem == EINVAL || problem == EXDEV || problem == ENOTTY) {
    WARN("SKIPPED: " << filesystem.type() << " cannot do " << row.what);
    return;
  }
  REQUIRE(problem == 0);
  CHECK(recorder.DrainText() == row.expected);
  fd.reset();
  // A worker of io_uring may hold the file for a moment longer.
  Texts closed = recorder.DrainText();
  while (closed.empty()) closed = recorder.DrainText();
  CHECK(closed == Texts{"CLOSE_WRITE top/f f"});
}

}  // namespace

TEST_CASE(
    "ways of writing: MODIFY at once, but for io_submit and mappings; CLOSE_WRITE at the end") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    int number = 0;
    for (const Row& row : Rows()) Check(filesystem, row, number++);
  });
}

TEST_CASE("truncation when opening sends MODIFY even if the file is only opened") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, "content");
    Recorder recorder(filesystem.path());
    recorder.Label(filesystem.path(), "top");
    recorder.Label(path, "f");
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    CHECK(recorder.DrainText() == kModify);
    REQUIRE(::truncate(path.c_str(), 100) == 0);
    CHECK(recorder.DrainText() == kModify);
  });
}

TEST_CASE("CLOSE_WRITE comes when the last mapping of a file that was open for writing goes") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, std::string(kPage, 'x'));
    Recorder recorder(filesystem.path());
    recorder.Label(filesystem.path(), "top");
    recorder.Label(path, "f");
    void* at = MAP_FAILED;
    {
      UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
      at = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    }
    REQUIRE(at != MAP_FAILED);
    std::memset(at, 'm', kPage);
    CHECK(recorder.DrainText().empty());
    ::munmap(at, kPage);
    CHECK(recorder.DrainText() == Texts{"CLOSE_WRITE top/f f"});
  });
}

}  // namespace cj
