// The engine on the real kernel and the real store. Needs root.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "checkpoint/engine.h"
#include "journal/rocks_store.h"
#include "tests/checkpoint/harness.h"
#include "tests/checkpoint/history.h"
#include "tests/checkpoint/real_engine.h"
#include "tests/support/filesystems.h"

namespace cj {
namespace {

void WriteFile(const std::string& path, const std::string& text) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  REQUIRE(fd.valid());
  REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

// A file mapped shared and writable, with its descriptor closed.
class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(fd.valid());
    void* mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    REQUIRE(mapped != MAP_FAILED);
    bytes_ = static_cast<volatile char*>(mapped);
  }
  ~Mapping() { ::munmap(const_cast<char*>(bytes_), kBytes); }
  void Store(char value) { bytes_[0] = value; }

 private:
  static constexpr std::size_t kBytes = 4096;
  volatile char* bytes_ = nullptr;
};

TEST_CASE("real: operations come into the period in which they were done") {
  for (const std::string& type : TestedFilesystemTypes()) {
    auto real = RealEngine::Start(type);
    if (real == nullptr) continue;
    CAPTURE(type);
    const PeriodId first = real->open_period();
    const auto path = [&](const char* name) { return real->filesystem.path(name); };
    WriteFile(path("a"), "a");
    WriteFile(path("victim"), "v");
    REQUIRE(::mkdir(path("directory").c_str(), 0755) == 0);
    REQUIRE(real->engine->Checkpoint(""));
    REQUIRE(::rename(path("a").c_str(), path("victim").c_str()) == 0);
    REQUIRE(::link(path("victim").c_str(), path("second").c_str()) == 0);
    REQUIRE(::rmdir(path("directory").c_str()) == 0);
    REQUIRE(real->engine->Checkpoint(""));
    WriteFile(path("second"), "changed");
    REQUIRE(real->engine->Flush());

    auto operations = real->OperationsIn(first);
    CHECK((operations["a"] & kCreated) != 0);
    CHECK((operations["a"] & kModified) != 0);
    CHECK((operations["directory"] & (kCreated | kDirectory)) == (kCreated | kDirectory));
    operations = real->OperationsIn(first.Next());
    CHECK(operations["victim"] == (kRenamed | kReplaced));
    CHECK(operations["second"] == (kCreated | kLinked));
    CHECK(operations["directory"] == (kDeleted | kDirectory));
    operations = real->OperationsIn(first.Next().Next());
    CHECK((operations["second"] & kModified) != 0);
    CHECK(operations.size() == 1);

    for (const Record& record : real->Records()) {
      if ((record.operations & kDeleted) != 0) {
        auto dead = real->store->FindDeadDirectory(record.volume, record.object);
        REQUIRE(dead);
        REQUIRE(dead->has_value());
        CHECK((*dead)->name == "directory");
      }
      if (record.name == "second" && (record.operations & kCreated) != 0) {
        auto names = real->store->FindLinkNames(record.volume, record.object);
        REQUIRE(names);
        CHECK(names->size() == 1);
      }
    }
  }
}

TEST_CASE("real: stores through a mapping are in every period in which it was there") {
  for (const std::string& type : TestedFilesystemTypes()) {
    auto real = RealEngine::Start(type);
    if (real == nullptr) continue;
    CAPTURE(type);
    WriteFile(real->filesystem.path("mapped"), std::string(4096, 'x'));
    REQUIRE(real->engine->Checkpoint(""));
    const PeriodId second = real->open_period();
    {
      Mapping mapping(real->filesystem.path("mapped"));
      mapping.Store('1');
      REQUIRE(real->engine->Checkpoint(""));
      mapping.Store('2');
      REQUIRE(real->engine->Checkpoint(""));
      mapping.Store('3');
    }
    REQUIRE(real->engine->Checkpoint(""));
    REQUIRE(real->engine->Checkpoint(""));
    CHECK((real->OperationsIn(second)["mapped"] & kSilent) != 0);
    CHECK((real->OperationsIn(second.Next())["mapped"] & kSilent) != 0);
    // Unmapped before the checkpoint: the event alone tells.
    CHECK((real->OperationsIn(second.Next().Next())["mapped"] & kClosedWrite) != 0);
    CHECK(real->OperationsIn(second.Next().Next().Next()).empty());
  }
}

// A file server opens files by their handles. One that has no name in the cache sends events
// without a name; its ATTRIB must not be taken for that of a link count.
TEST_CASE("real: attributes changed through a handle are recorded") {
  for (const char* type : {"ext4", "xfs"}) {
    auto made = MakeFilesystem(type);
    if (!made.has_value()) continue;
    CAPTURE(type);
    REQUIRE(::mkdir(made->path("directory").c_str(), 0755) == 0);
    WriteFile(made->path("directory/file"), "x");
    alignas(file_handle) char bytes[sizeof(file_handle) + MAX_HANDLE_SZ];
    auto* handle = reinterpret_cast<file_handle*>(bytes);
    handle->handle_bytes = MAX_HANDLE_SZ;
    int mount_id = 0;
    REQUIRE(::name_to_handle_at(AT_FDCWD, made->path("directory/file").c_str(), handle, &mount_id,
                                0) == 0);
    const FileHandle object(
        HandleView{handle->handle_type,
                   {reinterpret_cast<const char*>(handle->f_handle), handle->handle_bytes}});
    REQUIRE(made->Unmount());
    REQUIRE(made->Mount());
    auto real = RealEngine::Start(std::move(*made));
    UniqueFd mount(::open(real->filesystem.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    UniqueFd file(::open_by_handle_at(mount.get(), handle, O_RDONLY | O_CLOEXEC));
    REQUIRE(file.valid());
    REQUIRE(::fchmod(file.get(), 0600) == 0);
    REQUIRE(real->engine->Flush());
    const std::vector<Record> records = real->Records();
    REQUIRE(records.size() == 1);
    CHECK(records[0].operations == kAttributes);
    CHECK(records[0].object == object);
    CHECK(records[0].parent.empty());
  }
}

// The race that the barrier closes is a few instructions wide: writers as fast as they can, one
// checkpoint after the other, every change looked for.
void StressCheckpoints(const std::string& type, int checkpoints) {
  auto real = RealEngine::Start(type);
  if (real == nullptr) return;
  constexpr int kWriters = 3;
  // A writer waits when it is this far ahead, so that a slow build of the store can follow.
  constexpr int kChangesPerCheckpoint = 1000;
  History history;
  std::atomic<int> answered = 0;
  std::atomic<bool> stop = false;
  std::atomic<int> failures = 0;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      // Noted as visible before it is made: that can only ask for less than G1 does.
      for (int i = 0; !stop; ++i) {
        for (int seen = answered; !stop && i >= (seen + 1) * kChangesPerCheckpoint;
             seen = answered) {
          answered.wait(seen);
        }
        const std::string name = std::to_string(writer) + "-" + std::to_string(i);
        const std::string path = real->filesystem.path(name);
        const std::size_t change = history.Visible(name);
        UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        if (!fd.valid()) ++failures;
        history.Returned(change);
        fd.reset();
        if (::unlink(path.c_str()) != 0) ++failures;
      }
    });
  }
  std::int64_t slowest_usec = 0;
  for (int i = 0; i < checkpoints; ++i) {
    const std::size_t number = history.Asked();
    const std::int64_t begin_usec = Clock::System().MonotonicUsec();
    auto result = real->engine->Checkpoint("");
    slowest_usec = std::max(slowest_usec, Clock::System().MonotonicUsec() - begin_usec);
    if (result) {
      history.Answered(number, result->sealed.id);
    } else {
      ++failures;
    }
    ++answered;
    answered.notify_all();
  }
  stop = true;
  ++answered;
  answered.notify_all();
  for (std::thread& writer : writers) writer.join();
  REQUIRE(real->engine->Flush());
  CHECK(failures == 0);
  for (const PeriodInfo& period : real->store->Periods()) CHECK(period.gaps.empty());
  // The deletion, which may come into a later period, must not stand in for the creation.
  std::vector<Record> created = real->Records();
  std::erase_if(created, [](const Record& record) { return (record.operations & kCreated) == 0; });
  const auto violations = history.Violations(created);
  for (const std::string& violation : violations) FAIL_CHECK(violation);
  WARN(type << ": " << history.changes() << " changes, " << checkpoints
            << " checkpoints, the slowest took " << slowest_usec << " us");
  REQUIRE(real->engine->Stop());
}

TEST_CASE("real: checkpoints under writers that never pause lose nothing") {
  const char* given = std::getenv("CJ_STRESS_CHECKPOINTS");
  const int checkpoints = given != nullptr ? std::atoi(given) : 60;
  for (const char* type : {"tmpfs", "ext4"}) StressCheckpoints(type, checkpoints);
}

}  // namespace
}  // namespace cj
