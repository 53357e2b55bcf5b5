// Files that are written again and again, on the real kernel. Needs root.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <string>

#include "base/unique_fd.h"
#include "tests/checkpoint/real_engine.h"

namespace cj {
namespace {

constexpr int kWrites = 1000;

class HotFile {
 public:
  HotFile(RealEngine& real, const std::string& name)
      : real_(real), name_(name), path_(real.filesystem.path(name)) {}

  void Open() {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    REQUIRE(file_.valid());
  }
  void Close() { file_.reset(); }
  void Write() { REQUIRE(::pwrite(file_.get(), "x", 1, 0) == 1); }
  void WriteAndStore() {
    Write();
    REQUIRE(real_.engine->Drain());
  }
  // How many events a thousand writes are, each with a drain.
  std::uint64_t EventsOfWrites() {
    const std::uint64_t before = real_.engine->counters().events_read;
    for (int i = 0; i < kWrites; ++i) WriteAndStore();
    return real_.engine->counters().events_read - before;
  }
  void AwaitIgnored() {
    const std::uint64_t before = real_.engine->counters().ignored;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (real_.engine->counters().ignored == before) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      WriteAndStore();
    }
  }
  bool IsIn(PeriodId period) const {
    const auto operations = real_.OperationsIn(period);
    const auto found = operations.find(name_);
    return found != operations.end() && (found->second & kModified) != 0;
  }

 private:
  RealEngine& real_;
  const std::string name_;
  const std::string path_;
  UniqueFd file_;
};

TEST_CASE("real: a hot file is ignored, and is on record in every period") {
  for (const std::string& type : TestedFilesystemTypes()) {
    auto real = RealEngine::Start(type);
    if (real == nullptr) continue;
    CAPTURE(type);
    HotFile file(*real, "hot");
    file.Open();
    for (int i = 0; i < 5; ++i) {
      file.AwaitIgnored();
      CHECK(file.EventsOfWrites() < kWrites / 10);
      const PeriodId period = real->open_period();
      REQUIRE(real->engine->Checkpoint(""));
      CHECK(file.IsIn(period));
      // The first write of the next one, too.
      file.Write();
      REQUIRE(real->engine->Checkpoint(""));
      CHECK(file.IsIn(period.Next()));
      REQUIRE(real->engine->Checkpoint(""));
      CHECK_FALSE(file.IsIn(period.Next().Next()));
    }
  }
}

// The mark goes with the inode; so it does with a file that is made anew under the name.
TEST_CASE("real: a hot file whose inode has left memory, or that is another now") {
  for (const std::string& type : TestedFilesystemTypes()) {
    auto real = RealEngine::Start(type);
    if (real == nullptr) continue;
    CAPTURE(type);
    HotFile file(*real, "hot");
    file.Open();
    file.AwaitIgnored();
    file.Close();
    ::sync();
    if (std::FILE* caches = std::fopen("/proc/sys/vm/drop_caches", "w")) {
      std::fputs("3", caches);
      std::fclose(caches);
    }
    file.Open();
    const PeriodId period = real->open_period();
    for (int i = 0; i < 10; ++i) file.WriteAndStore();
    file.Close();
    const auto before = real->Records().size();
    REQUIRE(::unlink(real->filesystem.path("hot").c_str()) == 0);
    file.Open();
    file.WriteAndStore();
    CHECK(real->Records().size() >= before + 2);  // gone, made
    REQUIRE(real->engine->Checkpoint(""));
    CHECK(file.IsIn(period));
    file.WriteAndStore();
    CHECK(file.IsIn(period.Next()));
  }
}

}  // namespace
}  // namespace cj
