// What a configuration's text means, and what is said of a bad one.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "service/config/config.h"

using namespace cj;

namespace {

ParsedConfig Parse(const std::string& text) { return ParseConfig({{"f", text}}); }

std::string Joined(const std::vector<Diagnostic>& diagnostics) {
  std::string all;
  for (const auto& diagnostic : diagnostics) all += FormatDiagnostic(diagnostic) + "\n";
  return all;
}

Config Good(const std::string& text) {
  ParsedConfig parsed = Parse(text);
  INFO(text);
  CHECK(Joined(parsed.errors) == "");
  CHECK(Joined(parsed.warnings) == "");
  return parsed.config;
}

struct BadRow {
  const char* text;
  const char* error;  // the one error, complete
};
const BadRow kBad[] = {
    {"[Journal]\nStateDirectory=var/lib\n",
     "f:2: StateDirectory=: 'var/lib' is not absolute; write the path from / on\n"},
    {"[Journal]\nMaxUse=10X\n",
     "f:2: MaxUse=: '10X' is not a size; write for example 4096, 512M or 10G\n"},
    {"[Journal]\n\nMaxAge=soon\n",
     "f:3: MaxAge=: 'soon' is not a time span; write for example 500ms, 90s or 2h 30min\n"},
    {"[Journal]\nKeepAcknowledged=a while\n",
     "f:2: KeepAcknowledged=: 'a while' is not a time span; write for example 500ms, 90s or 2h "
     "30min\n"},
    {"[Journal]\nKeepFree=-1\n",
     "f:2: KeepFree=: '-1' is not a size; write for example 4096, 512M or 10G\n"},
    {"[Journal]\nSyncIntervalSec=1us\n",
     "f:2: SyncIntervalSec=1us is out of range; use 10ms to 1min\n"},
    {"[Journal]\nCrawlMarginSec=1ms\n",
     "f:2: CrawlMarginSec=1ms is out of range; use 20ms to 1d\n"},
    {"[Journal]\nCrawlRate=fast\n",
     "f:2: CrawlRate=: 'fast' is not a number of files per second from 0 (no limit) to "
     "1000000000\n"},
    {"[Journal]\nCrawlRate=1000000001\n",
     "f:2: CrawlRate=: '1000000001' is not a number of files per second from 0 (no limit) to "
     "1000000000\n"},
    {"[Journal]\nSyncIntervalSec=2min\n",
     "f:2: SyncIntervalSec=2min is out of range; use 10ms to 1min\n"},
    {"[Journal]\nAllowUserCheckpoints=maybe\n",
     "f:2: AllowUserCheckpoints=: 'maybe' is not known; use yes or no\n"},
    {"[Journal]\nAttribution=maybe\n", "f:2: Attribution=: 'maybe' is not known; use yes or no\n"},
    {"[Journal]\nQueueLimit=16384\n",
     "f:2: QueueLimit=: '16384' is not known; use unlimited or kernel\n"},
    {"[Watch]\nPath=srv\n", "f:2: Path=: 'srv' is not absolute; write the path from / on\n"},
    {"[Watch]\nPath=\n", "f:2: Path=: the path is empty; write an absolute one\n"},
    {"[Watch]\nPath=\"/srv\"\n",
     "f:2: Path=: '\"/srv\"' is not absolute; write the path from / on\n"},
    {"[Watch]\nPath=/srv/../etc\n",
     "f:2: Path=: '/srv/../etc' has '..' in it; write the path that is meant without it\n"},
    {"\n[Watch]\nExclude=*.o\n",
     "f:2: the [Watch] section has no Path=; add one, for example Path=/srv\n"},
    {"[Watch]\nPath=/a\nPath=/b\n",
     "f:3: Path= is already set on line 2; start another [Watch] section for another tree\n"},
    {"[Watch]\nPath=/a\n[Watch]\nPath=/a/.//\n",
     "f:4: Path=/a is watched already (f:2); keep one of the two\n"},
    {"[Watch]\nPath=/a\nPreModify=yes\n",
     "f:3: PreModify=: 'yes' is not known; use off, open or access\n"},
    {"[Watch]\nPath=/a\nDurability=fsync\n",
     "f:3: Durability=: 'fsync' is not known; use wal or sync\n"},
    {"[Watch]\nPath=/a\nExclude=/a/tmp\n",
     "f:3: Exclude=/a/tmp would never match: patterns are matched with the path below Path=; leave "
     "out "
     "the slash at the front and the watch's own path\n"},
    {"[Watch]\nPath=/a\nExclude=tmp/\n",
     "f:3: Exclude=tmp/ would never match; leave out the slash at the end\n"},
    {"[Journal]\nMaxUse=127M\n",
     "f:2: MaxUse=127M is less than the journal's log and tables need for themselves; write 128M "
     "or "
     "more\n"},
    {"MaxUse=1G\n", "f:1: MaxUse= stands before any section; put [Journal] or [Watch] above it\n"},
    {"[Journal\nMaxUse=1G\n", nullptr},
    {"[]\n", "f:1: a section's line must be of the form [Name]\n"},
    {"[Journal]\nnonsense\n",
     "f:2: the line is neither [Section] nor Key=Value; start it with '#' if it is a comment\n"},
    {"[Journal]\n=x\n", "f:2: there is no key before '='; write Key=Value\n"},
};

}  // namespace

TEST_CASE("an empty configuration is the defaults") {
  Config config = Good("");
  CHECK(config.state_directory == "/var/lib/changejournal");
  CHECK_FALSE(config.max_use);
  CHECK_FALSE(config.max_age_usec);
  CHECK_FALSE(config.keep_acknowledged_usec);
  CHECK_FALSE(config.keep_free);
  CHECK(config.sync_interval_usec == 1'000'000);
  CHECK_FALSE(config.queue_limited);
  CHECK(config.watches.empty());
}

TEST_CASE("every key is read") {
  Config config = Good(
      "# comment\n ; another\n[Journal]\n"
      "StateDirectory = /var/lib//cj/\nMaxUse=10G\nMaxAge=1month 2d\nKeepFree=512M\n"
      "KeepAcknowledged=0\nSyncIntervalSec=500ms\nQueueLimit=kernel\nAttribution=yes\n"
      "AllowUserCheckpoints=yes\n"
      "[Watch]\nPath=/srv\nExclude=*/.cache\nExclude=tmp/*.o\nExclude=*/.cache\nPreModify=off\n"
      "Durability=sync\n"
      "[Watch]\nPath=/home/\nPreModify=open\n[Watch]\nPath=/var\nPreModify=access\n");
  CHECK(config.state_directory == "/var/lib/cj");
  CHECK(config.max_use == 10ULL << 30);
  CHECK(config.max_age_usec == (2'629'800LL + 172'800) * 1'000'000);
  CHECK(config.keep_free == 512ULL << 20);
  CHECK(config.keep_acknowledged_usec == 0);
  CHECK(config.sync_interval_usec == 500'000);
  CHECK(config.queue_limited);
  CHECK(config.user_checkpoints);
  CHECK(config.attribution);
  REQUIRE(config.watches.size() == 3);
  CHECK(config.watches[1].pre_modify == PreModify::kOpen);
  CHECK(config.watches[2].pre_modify == PreModify::kAccess);
  CHECK(config.watches[0].path == "/srv");
  CHECK(config.watches[0].excludes == std::vector<std::string>{"*/.cache", "tmp/*.o"});
  CHECK(config.watches[0].pre_modify == PreModify::kOff);
  CHECK(config.watches[0].durability == Durability::kSync);
  CHECK(config.watches[1].path == "/home");
  CHECK(config.watches[1].excludes.empty());
  CHECK(config.watches[1].durability == Durability::kWal);
}

TEST_CASE("a journal without a limit of its own has a tenth of its filesystem and 4 GiB") {
  CHECK(DefaultMaxUse(0) == kMinMaxUse);
  CHECK(DefaultMaxUse(2ULL << 30) == (2ULL << 30) / 10);
  CHECK(DefaultMaxUse(1ULL << 40) == 4ULL << 30);
  CHECK_FALSE(Good("[Journal]\nMaxUse=0\nMaxUse=\n").max_use);
  CHECK(Good("[Journal]\nMaxUse=0\n").max_use == 0);
  CHECK(Good("[Journal]\nMaxUse=infinity\n").max_use == 0);
}

TEST_CASE("an empty assignment resets") {
  Config config = Good(
      "[Journal]\nMaxUse=1G\nMaxUse=\nMaxAge=1d\nMaxAge=infinity\nKeepFree=1G\nKeepFree=0\n"
      "KeepAcknowledged=1d\nKeepAcknowledged=\n"
      "SyncIntervalSec=5\nSyncIntervalSec=\nStateDirectory=/x\nStateDirectory=\nQueueLimit=kernel\n"
      "QueueLimit=\nAttribution=on\nAttribution=\n[Watch]\nPath=/"
      "a\nExclude=b\nExclude=\nExclude=c\nDurability=sync\nDurability=\n"
      "PreModify=\n");
  CHECK_FALSE(config.max_use);
  CHECK_FALSE(config.max_age_usec);
  CHECK_FALSE(config.keep_free);
  CHECK(config.sync_interval_usec == 1'000'000);
  CHECK(config.state_directory == "/var/lib/changejournal");
  CHECK_FALSE(config.queue_limited);
  CHECK_FALSE(config.attribution);
  CHECK(config.watches.at(0).excludes == std::vector<std::string>{"c"});
  CHECK(config.watches.at(0).durability == Durability::kWal);
}

TEST_CASE("later fragments override and add") {
  ParsedConfig parsed =
      ParseConfig({{"main", "[Journal]\nMaxUse=1G\nMaxAge=1d\n[Watch]\nPath=/a\n"},
                   {"10-x", "[Journal]\nMaxUse=2G\n[Watch]\nPath=/b\n"}});
  CHECK(parsed.errors.empty());
  CHECK(parsed.config.max_use == 2ULL << 30);
  CHECK(parsed.config.max_age_usec == 86'400'000'000);
  REQUIRE(parsed.config.watches.size() == 2);
  CHECK(parsed.config.watches[1].path == "/b");
}

TEST_CASE("a section does not reach into the next fragment") {
  ParsedConfig parsed = ParseConfig({{"main", "[Watch]\nPath=/a"}, {"10-x", "Exclude=b\n"}});
  CHECK(Joined(parsed.errors) ==
        "10-x:1: Exclude= stands before any section; put [Journal] or [Watch] above it\n");
}

TEST_CASE("the same tree in two fragments names both places") {
  ParsedConfig parsed =
      ParseConfig({{"main", "[Watch]\nPath=/a\n"}, {"10-x", "\n[Watch]\nExclude=b\nPath=/a/\n"}});
  CHECK(Joined(parsed.errors) ==
        "10-x:4: Path=/a is watched already (main:2); keep one of the two\n");
}

TEST_CASE("lines join, comments within them vanish, and line numbers stay right") {
  Config config =
      Good("[Watch]\nPath=\\\n  /srv\nExclude=a\\\n# no\n  ; neither\n b\nDurability=\\\n");
  CHECK(config.watches.at(0).path == "/srv");
  CHECK(config.watches.at(0).excludes == std::vector<std::string>{"a  b"});
  CHECK(Joined(Parse("[Journal]\nMaxUse=\\\n1\\\nX\nMaxAge=x\n").errors) ==
        "f:2: MaxUse=: '1 X' is not a size; write for example 4096, 512M or 10G\n"
        "f:5: MaxAge=: 'x' is not a time span; write for example 500ms, 90s or 2h 30min\n");
}

TEST_CASE("a doubled backslash at the end of a line does not join") {
  Config config = Good("[Watch]\nPath=/srv\\\\\nExclude=a\n");
  CHECK(config.watches.at(0).path == "/srv\\\\");
  CHECK(config.watches.at(0).excludes.size() == 1);
}

TEST_CASE("carriage returns, a byte order mark and a missing last newline are harmless") {
  CHECK(Good("\xef\xbb\xbf[Watch]\r\nPath=\\\r\n/srv\r\nExclude=x").watches.at(0).path == "/srv");
}

TEST_CASE("paths and patterns are bytes") {
  Config config = Good("[Watch]\nPath=/srv/\xff = x\nExclude=\xfe*\n");
  CHECK(config.watches.at(0).path == "/srv/\xff = x");
  CHECK(config.watches.at(0).excludes.at(0) == "\xfe*");
}

TEST_CASE("bad values: file, line and what to write instead") {
  for (const auto& row : kBad) {
    INFO(row.text);
    ParsedConfig parsed = Parse(row.text);
    if (row.error != nullptr) {
      CHECK(Joined(parsed.errors) == row.error);
    } else {
      CHECK_FALSE(parsed.errors.empty());
    }
  }
}

TEST_CASE("messages hold no control bytes of the file") {
  ParsedConfig parsed = Parse("[Journal]\nMaxUse=\x1b[31m\nBad\x07Key=1\n[S\xffX]\n");
  CHECK(Joined(parsed.errors) ==
        "f:2: MaxUse=: '\\x1b[31m' is not a size; write for example 4096, 512M or 10G\n");
  CHECK(Joined(parsed.warnings) ==
        "f:3: unknown key Bad\\x07Key= in [Journal], ignored; there are StateDirectory=, MaxUse=, "
        "MaxAge=, KeepFree=, KeepAcknowledged=, SyncIntervalSec=, QueueLimit=, CrawlMarginSec=, "
        "CrawlRate=, AllowUserCheckpoints= and Attribution=\n"
        "f:4: unknown section [S\\xffX], ignored with all its keys; there are [Journal] and "
        "[Watch]\n");
}

TEST_CASE("unknown keys and sections are warnings, with a guess at what was meant") {
  ParsedConfig parsed = Parse(
      "[Watch]\nPath=/"
      "a\nExcludes=x\nexclude=y\nColour=red\nX-Mine=1\n[Volume]\nPath=relative\n[X-Mine]\nA=b\n");
  CHECK(parsed.errors.empty());
  CHECK(Joined(parsed.warnings) ==
        "f:3: unknown key Excludes= in [Watch], ignored; did you mean Exclude=?\n"
        "f:4: unknown key exclude= in [Watch], ignored; did you mean Exclude=?\n"
        "f:5: unknown key Colour= in [Watch], ignored; there are Path=, Exclude=, PreModify= and "
        "Durability=\n"
        "f:7: unknown section [Volume], ignored with all its keys; there are [Journal] and "
        "[Watch]\n");
  CHECK(parsed.config.watches.at(0).excludes.empty());
}

TEST_CASE("a bad value leaves the earlier one and the rest is still read") {
  ParsedConfig parsed = Parse("[Journal]\nMaxUse=1G\nMaxUse=x\nMaxAge=1d\n[Watch]\nPath=b\n");
  CHECK(parsed.errors.size() == 2);
  CHECK(parsed.config.max_use == 1ULL << 30);
  CHECK(parsed.config.max_age_usec == 86'400'000'000);
}

TEST_CASE("normal paths") {
  struct Row {
    const char* path;
    const char* normal;
  };
  for (const Row& row :
       {Row{"/", "/"}, Row{"//", "/"}, Row{"/./", "/"}, Row{"/a", "/a"}, Row{"//a//b/", "/a/b"},
        Row{"/a/./b/.", "/a/b"}, Row{"/..a/b..", "/..a/b.."}}) {
    INFO(row.path);
    auto normal = NormalPath(row.path);
    REQUIRE(normal);
    CHECK(*normal == row.normal);
  }
  for (const char* path : {"", "a", "./a", "/..", "/a/..", "/a/../b"}) {
    INFO(path);
    CHECK_FALSE(NormalPath(path));
  }
  CHECK_FALSE(NormalPath(std::string_view("/a\0b", 4)));
}
