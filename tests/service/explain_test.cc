// Why a path is in an answer: on real filesystems, one kind of change after the other.
#include "service/explain.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <functional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "tests/service/journal_fixture.h"
#include "tests/support/seed.h"

namespace cj {
namespace {

Explanation Explained(TestJournal& journal, const std::string& path) {
  ExplainQuestion question;
  question.path = journal.path(path);
  question.since.token = journal.token();
  auto explanation = Explain(journal.service(), question);
  if (!explanation.has_value()) FAIL(explanation.error().message);
  return *std::move(explanation);
}

// "role path" or "role from -> path" of each record, below the root.
std::vector<std::string> RecordsOf(const TestJournal& journal, const Explanation& explanation) {
  constexpr const char* kRoles[] = {"name", "former", "link", "above", "member"};
  auto shown = [&](const std::string& path) {
    return path.size() > journal.root().size() ? path.substr(journal.root().size() + 1) : ".";
  };
  std::vector<std::string> lines;
  for (const ExplainedRecord& one : explanation.records) {
    std::string line = kRoles[static_cast<std::size_t>(one.role)];
    if (!one.entry.from.empty()) line += " " + shown(one.entry.from) + " ->";
    line += " " + shown(one.entry.path);
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
  }
  return lines;
}

struct Row {
  const char* name;
  std::function<void(const TestJournal&)> before;
  std::function<void(const TestJournal&)> change;
  const char* path;
  bool told;
  std::vector<std::string> records;  // at least these
};

}  // namespace

TEST_CASE("explain: every kind of change") {
  auto nothing = [](const TestJournal&) {};
  auto file = [](const TestJournal& t) { WriteFile(t.path("f"), "1"); };
  auto tree = [](const TestJournal& t) {
    MakeDirectory(t.path("d"));
    MakeDirectory(t.path("d/e"));
    WriteFile(t.path("d/e/f"), "1");
  };
  const Row rows[] = {
      {"created", nothing, file, "f", true, {"name f"}},
      {"modified", file, file, "f", true, {"name f"}},
      {"attributes", file, [](auto& t) { Chmod(t.path("f"), 0600); }, "f", true, {"name f"}},
      {"deleted", file, [](auto& t) { Unlink(t.path("f")); }, "f", true, {"name f"}},
      {"renamed: the new name",
       file,
       [](auto& t) { Rename(t.path("f"), t.path("g")); },
       "g",
       true,
       {"name f -> g"}},
      {"renamed: the old name",
       file,
       [](auto& t) { Rename(t.path("f"), t.path("g")); },
       "f",
       true,
       {"name f -> g"}},
      {"written, then renamed twice",
       file,
       [](auto& t) {
         AppendFile(t.path("f"), "2");
         Rename(t.path("f"), t.path("g"));
         Rename(t.path("g"), t.path("h"));
       },
       "h",
       true,
       {"former f", "former f -> g", "name g -> h"}},
      {"renamed, then written: the first name",
       file,
       [](auto& t) {
         Rename(t.path("f"), t.path("g"));
         AppendFile(t.path("g"), "2");
       },
       "f",
       true,
       {"name f -> g", "former g"}},
      {"saved as editors do",
       file,
       [](auto& t) {
         WriteFile(t.path("f.new"), "2");
         Rename(t.path("f.new"), t.path("f"));
       },
       "f",
       true,
       {"former f.new", "name f.new -> f"}},
      {"by another name",
       [](auto& t) {
         WriteFile(t.path("f"), "1");
         Link(t.path("f"), t.path("g"));
       },
       [](auto& t) { AppendFile(t.path("f"), "2"); },
       "g",
       true,
       {"link f"}},
      {"an entry of a directory",
       tree,
       [](auto& t) { WriteFile(t.path("d/e/g"), "1"); },
       "d/e",
       true,
       {"member d/e/g"}},
      {"a directory above was renamed",
       tree,
       [](auto& t) { Rename(t.path("d"), t.path("x")); },
       "x/e/f",
       true,
       {"above d -> x"}},
      {"and its former path",
       tree,
       [](auto& t) { Rename(t.path("d"), t.path("x")); },
       "d/e/f",
       true,
       {"above d -> x"}},
      {"a directory above was renamed twice",
       tree,
       [](auto& t) {
         Rename(t.path("d"), t.path("x"));
         Rename(t.path("x"), t.path("y"));
       },
       "y/e/f",
       true,
       {"above d -> x", "above x -> y"}},
      {"changed below a directory that was renamed",
       tree,
       [](auto& t) {
         AppendFile(t.path("d/e/f"), "2");
         Rename(t.path("d"), t.path("x"));
       },
       "x/e/f",
       true,
       {"name x/e/f", "above d -> x"}},
      {"a tree was deleted",
       tree,
       [](auto& t) { RemoveTree(t.path("d")); },
       "d/e/f",
       true,
       {"name d/e/f", "above d", "above d/e"}},
      {"created and deleted",
       nothing,
       [](auto& t) {
         WriteFile(t.path("f"), "1");
         Unlink(t.path("f"));
       },
       "f",
       true,
       {"name f"}},
      {"nothing happened", file, nothing, "f", false, {}},
      {"its neighbour changed", file, [](auto& t) { WriteFile(t.path("g"), "1"); }, "f", false, {}},
      {"made with the directory above it, and not there",
       nothing,
       tree,
       "d/none",
       false,
       {"above d"}},
  };
  for (const char* type : kTypes) {
    for (const Row& row : rows) {
      CAPTURE(type, row.name);
      TestJournal journal(type);
      if (!journal.usable()) return;
      row.before(journal);
      journal.Mark();
      row.change(journal);
      const Explanation explanation = Explained(journal, row.path);
      CHECK(explanation.refused.empty());
      CHECK(!explanation.changes.empty() == row.told);
      CHECK(explanation.why_not.empty() == row.told);
      const std::vector<std::string> records = RecordsOf(journal, explanation);
      CAPTURE(records);
      for (const std::string& wanted : row.records) {
        CAPTURE(wanted);
        CHECK(std::find(records.begin(), records.end(), wanted) != records.end());
      }
      if (row.records.empty()) CHECK(records.empty());
    }
  }
}

TEST_CASE("explain: what is not watched, and why") {
  TestJournal journal("tmpfs", "tree", {"*.tmp", "cache"});
  if (!journal.usable()) return;
  auto why = [&](const std::string& path) { return Explained(journal, path).why_not; };
  CHECK(why("elsewhere") == "no watch covers it; there are: " + journal.path("tree"));
  CHECK(why("tree/cache/a") ==
        "Exclude=cache of the watch " + journal.path("tree") + " keeps it out");
  CHECK(why("tree/a.tmp") ==
        "Exclude=*.tmp of the watch " + journal.path("tree") + " keeps it out");
  CHECK(why("tree/a").find("no record of the interval") == 0);
}

TEST_CASE("explain: why records leave nothing to be told") {
  struct Row {
    std::vector<std::pair<EvidenceRole, std::uint32_t>> records;
    const char* why;
  };
  const auto name = EvidenceRole::kName;
  const Row rows[] = {
      {{}, "no record of the interval speaks of it"},
      {{{EvidenceRole::kAbove, kCreated | kDirectory}}, "directories above it only"},
      {{{name, kIntent}}, "its change time proves that it was not changed"},
      {{{name, kIntent}, {name, kIntent}}, "its change time proves that it was not changed"},
      {{{name, kIntent}, {name, kCrawled}}, "different at the ends of the interval"},
      {{{name, kCrawled}}, "for a gap that is not in the interval"},
      {{{name, kModified}}, "different at the ends of the interval"},
  };
  for (const Row& row : rows) {
    Explanation explanation;
    for (const auto& [role, operations] : row.records) {
      LogEntry entry;
      entry.record.operations = operations;
      explanation.records.push_back({entry, role});
    }
    const std::string why = WhyNotTold(explanation);
    CAPTURE(why);
    CHECK(why.find(row.why) != std::string::npos);
  }
}

TEST_CASE("explain: a gap, and what a crawl found for it") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("d"));
  WriteFile(journal.path("d/f"), "1");
  TestJournal::Age();
  journal.Mark();
  journal.Restart([&] { AppendFile(journal.path("d/f"), "2"); });
  journal.AwaitCrawl();
  const Explanation explanation = Explained(journal, "d/f");
  CHECK(explanation.refused.empty());
  REQUIRE(explanation.gaps.size() == 1);
  CHECK(explanation.gaps[0].gap.filled());
  CHECK(explanation.gaps[0].gap.cause.find("the daemon") != std::string::npos);
  CHECK(!explanation.changes.empty());
  CHECK(std::any_of(explanation.records.begin(), explanation.records.end(),
                    [](const auto& one) { return (one.entry.record.operations & kCrawled) != 0; }));
}

TEST_CASE("explain: more records than are told") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("d"));
  journal.Mark();
  for (std::size_t i = 0; i < kMaxExplained + 5; ++i) {
    WriteFile(journal.path("d/" + std::to_string(i)), "");
  }
  const Explanation explanation = Explained(journal, "d");
  CHECK(explanation.records.size() == kMaxExplained);
  CHECK(explanation.left_out >= 5);
  CHECK(explanation.below >= kMaxExplained + 5);
}

TEST_CASE("explain: a file that was more files than are followed") {
  Evidence evidence("/t/f");
  auto judge = [&](int file) {
    LogEntry entry;
    entry.record.operations = kModified;
    entry.record.volume = VolumeId(1);
    entry.record.object.encoded = "handle " + std::to_string(file);
    entry.path = "/t/f";
    CHECK(evidence.Judge(entry) == EvidenceRole::kName);
  };
  for (std::size_t i = 0; i < Evidence::kMaxFollowed; ++i) judge(static_cast<int>(i));
  CHECK(evidence.complete());
  judge(-1);
  CHECK_FALSE(evidence.complete());
}

namespace {

// One step of somebody who does anything with a few names in a few directories. What fails, fails.
void DoAnything(const TestJournal& journal, std::mt19937_64& random) {
  const auto pick = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  const std::vector<std::string> directories = {"", "a/", "b/", "a/c/"};
  auto name = [&] {
    return journal.path(directories[pick(directories.size())] + std::string(1, "abcdef"[pick(6)]));
  };
  const std::string one = name();
  const std::string other = name();
  switch (pick(7)) {
    case 0:
      (void)::mkdir(one.c_str(), 0755);
      break;
    case 1:
    case 2: {
      const int fd = ::open(one.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
      if (fd >= 0) (void)!::write(fd, "x", 1);
      if (fd >= 0) ::close(fd);
      break;
    }
    case 3:
      (void)::rename(one.c_str(), other.c_str());
      break;
    case 4:
      (void)::link(one.c_str(), other.c_str());
      break;
    case 5:
      if (::unlink(one.c_str()) != 0) (void)::rmdir(one.c_str());
      break;
    default:
      (void)::chmod(one.c_str(), random() % 2 == 0 ? 0700 : 0755);
  }
}

}  // namespace

TEST_CASE("explain: every line of an answer has a record or a gap") {
  const std::uint64_t seed = TestSeed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) return;
    for (int round = 0; round < 8; ++round) {
      journal.Mark();
      for (int i = 0; i < 60; ++i) {
        if (i % 25 == 24) REQUIRE(journal.service().Checkpoint("").has_value());
        DoAnything(journal, random);
      }
      OpenedAnswer opened = journal.Open({});
      std::set<std::string> told;
      for (const Change& change : TellAll(*opened.answer, 100)) {
        told.insert(change.path);
        if (!change.from.empty()) told.insert(change.from);
      }
      for (const std::string& path : told) {
        CAPTURE(round, path);
        if (path == journal.root()) continue;
        const Explanation explanation = Explained(journal, path.substr(journal.root().size() + 1));
        CHECK_FALSE(explanation.changes.empty());
        CHECK(explanation.why_not.empty());
        CHECK(explanation.records.size() + explanation.gaps.size() > 0);
      }
    }
  }
}

}  // namespace cj
