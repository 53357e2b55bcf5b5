// RocksDB's log: bounded, readable by us alone, and nobody's problem when it cannot be written.
#include "journal/rocks_log.h"

#include <sys/stat.h>

#include <algorithm>

#include "fixture.h"

namespace cj {
namespace {

TEST_CASE("rocks log: warnings are kept, chatter is not, long lines are cut") {
  ScratchDirectory scratch;
  std::shared_ptr<rocksdb::Logger> log = OpenRocksLog(scratch.path());
  rocksdb::Info(log.get(), "chatter");
  rocksdb::Header(log.get(), "options");
  rocksdb::Warn(log.get(), "a %s of %d", "warning", 7);
  rocksdb::Error(log.get(), "%s", std::string(5'000, 'x').c_str());
  std::string text = Snapshot(scratch.path()).at("LOG");
  CHECK(text.find("chatter") == std::string::npos);
  CHECK(text.find("options") == std::string::npos);
  CHECK(text.find("a warning of 7\n") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.size() < 1'200);
  CHECK(text.back() == '\n');
  struct stat state {};
  REQUIRE(stat((scratch / "LOG").c_str(), &state) == 0);
  CHECK((state.st_mode & 07777) == 0600);
}

TEST_CASE("rocks log: a megabyte for each process, and one old file") {
  ScratchDirectory scratch;
  std::string line(900, 'x');
  for (int start = 0; start < 4; ++start) {
    std::shared_ptr<rocksdb::Logger> log = OpenRocksLog(scratch.path());
    for (std::size_t i = 0; i < 2 * kRocksLogLimit / line.size(); ++i) {
      rocksdb::Warn(log.get(), "%s", line.c_str());
    }
  }
  auto files = Snapshot(scratch.path());
  CHECK(files.size() == 2);
  for (const auto& [name, bytes] : files) {
    CAPTURE(name);
    CHECK(bytes.size() > kRocksLogLimit / 2);
    CHECK(bytes.size() <= 2 * kRocksLogLimit);
  }
}

TEST_CASE("rocks log: where it cannot be there is none") {
  std::shared_ptr<rocksdb::Logger> log = OpenRocksLog("/nonexistent");
  REQUIRE(log);
  rocksdb::Warn(log.get(), "to nobody");
}

}  // namespace
}  // namespace cj
