#include "tests/oracle/replica.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <vector>

#include "tests/oracle/comparison.h"
#include "tests/oracle/operation_log.h"
#include "tests/oracle/tree.h"
#include "tests/support/filesystems.h"

namespace cj::oracle {
namespace {

const auto kNothingIgnored = [](const std::string&) { return false; };

void WriteText(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// A source with its replica, equal at the start.
struct Pair {
  Pair() {
    source = work.path() + "/source";
    mirror = work.path() + "/mirror";
    mkdir(source.c_str(), 0755);
    mkdir(mirror.c_str(), 0755);
    mkdir((source + "/dir").c_str(), 0755);
    WriteText(source + "/dir/file", "one");
    WriteText(source + "/plain", "two");
    link((source + "/dir/file").c_str(), (source + "/link").c_str());
    replica = std::make_unique<Replica>(source, mirror, kNothingIgnored);
    Answer({""}, true);
  }
  void Answer(const std::vector<std::string>& paths, bool recursive = false) {
    replica->BeginAnswer();
    for (const std::string& path : paths) replica->Sync(path, recursive);
  }
  std::vector<std::string> Missed() const {
    std::vector<std::string> missed;
    for (const Difference& difference :
         Compare(source, mirror, LinkRule::kSameGroups, kNothingIgnored)) {
      missed.push_back(difference.relative);
    }
    return missed;
  }

  TemporaryDirectory work;
  std::string source;
  std::string mirror;
  std::unique_ptr<Replica> replica;
};

using Paths = std::vector<std::string>;

TEST_CASE("a recursive report of the root makes all equal") {
  const Pair pair;
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("only what was reported is copied") {
  Pair pair;
  WriteText(pair.source + "/plain", "TWO");
  WriteText(pair.source + "/dir/new", "x");
  pair.Answer({"plain"});
  CHECK(pair.Missed() == Paths{"dir", "dir/new"});
  pair.Answer({"dir"});
  CHECK(pair.Missed() == Paths{"dir/new"});
  pair.Answer({"dir/new"});
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("an inode that changed is stale at the name that was not reported") {
  Pair pair;
  WriteText(pair.source + "/link", "ONE");
  pair.Answer({"link"});
  CHECK(pair.Missed() == Paths{"dir/file", "link"});
  pair.Answer({"link", "dir/file"});
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("a report without a change does not part hard links") {
  Pair pair;
  pair.Answer({"link"});
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("a new name of an old inode is a link only when the old name is reported, too") {
  Pair pair;
  link((pair.source + "/plain").c_str(), (pair.source + "/second").c_str());
  pair.Answer({"second", ""});
  CHECK(pair.Missed() == Paths{"second"});
  pair.Answer({"second", "plain"});
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("another inode of the same looks takes the name without keeping the old link") {
  Pair pair;
  struct stat status;
  stat((pair.source + "/link").c_str(), &status);
  WriteText(pair.source + "/twin", "one");
  const timespec times[2] = {status.st_mtim, status.st_mtim};
  utimensat(AT_FDCWD, (pair.source + "/twin").c_str(), times, 0);
  rename((pair.source + "/twin").c_str(), (pair.source + "/link").c_str());
  pair.Answer({"link", "twin", ""});
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("a parent that nobody reported does not pass for the real one") {
  Pair pair;
  mkdir((pair.source + "/made").c_str(), 0755);
  WriteText(pair.source + "/made/inside", "x");
  pair.Answer({"made/inside", ""});
  CHECK(pair.Missed() == Paths{"made"});
}

TEST_CASE("a directory that became a symlink leads nobody astray") {
  Pair pair;
  pair.Answer({""}, true);
  rename((pair.source + "/dir").c_str(), (pair.source + "/moved").c_str());
  symlink("moved", (pair.source + "/dir").c_str());
  pair.Answer({"dir/file"});
  CHECK_FALSE(std::ifstream(pair.mirror + "/dir/file").good());
  pair.Answer({"dir", "moved", "moved/file", "link", ""});
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("a plain directory report leaves its entries alone, a recursive one does not") {
  Pair pair;
  unlink((pair.source + "/dir/file").c_str());
  pair.Answer({"dir"});
  CHECK(pair.Missed() == Paths{"dir/file"});
  pair.Answer({"dir"}, true);
  CHECK(pair.Missed() == Paths{});
}

TEST_CASE("the counters tell what was reported without need") {
  Pair pair;
  const ReplicaCounters before = pair.replica->counters();
  WriteText(pair.source + "/plain", "TWO");
  pair.Answer({"plain", "link"});
  CHECK(pair.replica->counters().looked_at - before.looked_at == 2);
  CHECK(pair.replica->counters().differed - before.differed == 1);
}

TEST_CASE("a path is explained by what happened to it, above it and below it") {
  const TemporaryDirectory work;
  {
    OperationLog log(work.path(), "writer0");
    log.Add("write", 0, "/w/a b");
    log.Add("write", 0, "/w/unrelated");
    log.Add("rename", 0, "/w", "/v");
    log.Add("mkdir", 0, "/w/a b/below");
  }
  const std::vector<std::string> lines = Explain(work.path(), "/w/a b", 10);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].find("writer0 write ok /w/a\\x20b") != std::string::npos);
  CHECK(lines[1].find("rename") != std::string::npos);
  CHECK(lines[2].find("below") != std::string::npos);
  CHECK(Explain(work.path(), "/w/a b", 1).size() == 1);
}

TEST_CASE("what vanishes while it is copied is removed from the copy") {
  const Pair pair;
  const std::string going = pair.source + "/dir";
  const auto goes_when_asked_for = [&](const std::string& relative) {
    if (relative == "dir/file") RemoveTree(AT_FDCWD, going);
    return false;
  };
  Replica reader(pair.source, pair.mirror, goes_when_asked_for);
  reader.BeginAnswer();
  reader.Sync("dir", true);
  mkdir(going.c_str(), 0755);
  // Of a new directory the next answer says no more than this.
  Replica(pair.source, pair.mirror, kNothingIgnored).Sync("dir", false);
  CHECK(access((pair.mirror + "/dir/file").c_str(), F_OK) != 0);
}

}  // namespace
}  // namespace cj::oracle
