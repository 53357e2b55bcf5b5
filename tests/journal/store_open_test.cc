// Directories that are opened, and those that are refused: each with its words.
#include <fcntl.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/unique_fd.h"
#include "fixture.h"
#include "journal/rocks_options.h"

namespace cj {
namespace {

Error OpenFailure(const std::string& path, const RocksStoreOptions& options = {}) {
  return FailureOf(OpenRocksStore(path, options));
}

bool Says(const Error& error, const std::string& words) {
  INFO(error.message);
  return error.message.find(words) != std::string::npos;
}

mode_t ModeOf(const std::string& path) {
  struct stat state {};
  REQUIRE(stat(path.c_str(), &state) == 0);
  return state.st_mode & 07777;
}

TEST_CASE("open: no journal, and none wanted") {
  ScratchDirectory scratch;
  RocksStoreOptions options;
  options.create = false;
  CHECK(OpenFailure(scratch / "journal", options).code == ErrorCode::kNotFound);
  CHECK_FALSE(std::filesystem::exists(scratch / "journal"));
  CHECK(OpenFailure(scratch.path(), options).code == ErrorCode::kNotFound);
  CHECK(std::filesystem::is_empty(scratch.path()));
  OpenStore(scratch / "journal").reset();
  CHECK(OpenStore(scratch / "journal", options)->Periods().size() == 1);
}

TEST_CASE("open: places where no directory can be") {
  ScratchDirectory scratch;
  Error no_parent = OpenFailure(scratch / "a/b");
  CHECK(no_parent.code == ErrorCode::kNotFound);
  CHECK(Says(no_parent, "parent directory does not exist"));
  std::ofstream(scratch / "file") << "text";
  Error file = OpenFailure(scratch / "file");
  CHECK(file.code == ErrorCode::kInvalidArgument);
  CHECK(Says(file, "is not a directory"));
  CHECK_FALSE(OpenRocksStore(scratch / "file/below").has_value());
}

TEST_CASE("open: a directory that others may read is taken over only when nothing else is in it") {
  ScratchDirectory scratch;
  std::string path = scratch / "journal";
  REQUIRE(mkdir(path.c_str(), 0700) == 0);
  REQUIRE(chmod(path.c_str(), 0755) == 0);
  std::ofstream(path + "/letter") << "text";
  Error error = OpenFailure(path);
  CHECK(error.code == ErrorCode::kInvalidArgument);
  CHECK(Says(error, "name an empty directory"));
  CHECK(ModeOf(path) == 0755);
  CHECK(Snapshot(path).size() == 1);
  std::filesystem::remove(path + "/letter");
  OpenStore(path).reset();
  CHECK(ModeOf(path) == 0700);
  // One that was opened up later is closed again.
  REQUIRE(chmod(path.c_str(), 0755) == 0);
  OpenStore(path).reset();
  CHECK(ModeOf(path) == 0700);
  // Private already: what else is in it is nobody's business.
  std::string other = scratch / "other";
  REQUIRE(mkdir(other.c_str(), 0700) == 0);
  std::ofstream(other + "/letter") << "text";
  OpenStore(other).reset();
  CHECK(std::filesystem::exists(other + "/letter"));
}

TEST_CASE("open: a read-only place is refused by its name") {
  if (geteuid() == 0) {
    // Root passes every mode: become nobody in a child.
    ScratchDirectory scratch;
    REQUIRE(chmod(scratch.path().c_str(), 0755) == 0);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      constexpr uid_t kNobody = 65534;
      if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(2);
      Result<std::unique_ptr<RocksStore>> here = OpenRocksStore(scratch.path());
      Result<std::unique_ptr<RocksStore>> below = OpenRocksStore(scratch / "journal");
      bool refused = !here.has_value() && here.error().code == ErrorCode::kPermissionDenied &&
                     !below.has_value() && below.error().code == ErrorCode::kPermissionDenied &&
                     here.error().message.find(scratch.path()) != std::string::npos;
      _exit(refused ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(std::filesystem::is_empty(scratch.path()));
  } else {
    WARN("SKIPPED: needs root to become another user");
  }
}

TEST_CASE("open: a second store in this process is refused, and the first keeps its lock") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (int i = 0; i < 3; ++i) {
    Error error = OpenFailure(scratch / "journal");
    CHECK(error.code == ErrorCode::kBusy);
    CHECK(Says(error, "in use by this process"));
  }
  AppendRecords(*store, 5);
  store.reset();
  CHECK(OpenStore(scratch / "journal")->next_sequence() == SequenceNumber(6));
}

TEST_CASE("open: another process that has it is named") {
  ScratchDirectory scratch;
  std::string path = scratch / "journal";
  OpenStore(path).reset();
  int ready[2];
  int done[2];
  REQUIRE(pipe(ready) == 0);
  REQUIRE(pipe(done) == 0);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Only system calls: the lock as RocksDB takes it.
    int fd = open((path + "/LOCK").c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    char byte = fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
    bool told = write(ready[1], &byte, 1) == 1 && read(done[0], &byte, 1) == 1;
    _exit(told ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(read(ready[0], &byte, 1) == 1);
  REQUIRE(byte == 'y');
  auto before = Snapshot(path);
  Error error = OpenFailure(path);
  CHECK(error.code == ErrorCode::kBusy);
  CHECK(Says(error, "another changejournald (process " + std::to_string(child) + ")"));
  CHECK(Snapshot(path) == before);
  CHECK(write(done[1], &byte, 1) == 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  for (int fd : {ready[0], ready[1], done[0], done[1]}) close(fd);
  CHECK(OpenStore(path)->Periods().size() == 1);
}

TEST_CASE("open: a creation that was interrupted anywhere before its end is done again") {
  // RocksDB's part may be there in any measure: nothing, the default column family alone, or all.
  for (std::size_t columns : {std::size_t{1}, std::size_t{2}, kColumnCount}) {
    CAPTURE(columns);
    ScratchDirectory scratch;
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    REQUIRE(rocksdb::DB::Open(options, scratch.path(), &db).ok());
    for (std::size_t i = 1; i < columns; ++i) {
      rocksdb::ColumnFamilyHandle* handle = nullptr;
      REQUIRE(db->CreateColumnFamily({}, kColumnNames[i], &handle).ok());
      delete handle;
    }
    delete db;
    CHECK(OpenStore(scratch.path())->Periods().size() == 1);
    CHECK(OpenStore(scratch.path())->Periods().size() == 1);
  }
}

}  // namespace
}  // namespace cj
