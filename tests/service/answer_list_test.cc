// A list of plain paths is told while the records are read. It has the paths that the answer has
// which knows all records before it tells the first, whatever happened to the names.
#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>
#include <random>

#include "tests/service/journal_fixture.h"
#include "tests/service/recorded_tree.h"
#include "tests/support/seed.h"

namespace cj {
namespace {

// Nothing where no list can be made of it.
Paths Told(TestJournal& journal, Question question, bool list, std::size_t batch) {
  question.list = list;
  const OpenedAnswer opened = journal.Open(question);
  Paths paths = PathsOf(journal.root(), *opened.answer, batch);
  return opened.answer->unlistable().empty() ? paths : Paths();
}

// Those of `wanted` that `told` has not.
Paths Missing(const Paths& told, const Paths& wanted) {
  Paths missing;
  std::set_difference(wanted.begin(), wanted.end(), told.begin(), told.end(),
                      std::inserter(missing, missing.end()));
  return missing;
}

// Names of files, most of which a tree of this size has.
class Names {
 public:
  explicit Names(std::uint64_t seed) : random_(seed) {}
  int Any(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  // A tenth of them where no watch covers them.
  std::string Directory() { return Any(10) == 0 ? "excluded" : "d" + std::to_string(Any(8)); }
  std::string File() { return Directory() + "/f" + std::to_string(Any(12)); }

 private:
  std::mt19937_64 random_;
};

void ChangeFile(const TestJournal& journal, Names& names) {
  const std::string path = journal.path(names.File());
  const std::string other = journal.path(names.File());
  auto has_place = [](const std::string& file) { return IsThere(file.substr(0, file.rfind('/'))); };
  if (!has_place(path) || !has_place(other)) return;
  if (!IsThere(path)) return WriteFile(path, "1");
  switch (names.Any(7)) {
    case 0:
      return Unlink(path);
    case 1:
      if (!IsThere(other)) Link(path, other);
      return;
    case 2:
      return Rename(path, other);
    case 3:
      return Chmod(path, 0600U + static_cast<unsigned>(names.Any(8)));
    default:
      return AppendFile(path, "2");
  }
}

void ChangeDirectory(const TestJournal& journal, Names& names) {
  const std::string from = journal.path("d" + std::to_string(names.Any(8)));
  const std::string to = journal.path("d" + std::to_string(names.Any(8)));
  if (!IsThere(from)) {
    MakeDirectory(from);
  } else if (!IsThere(to)) {
    Rename(from, to);
  } else if (from != to && names.Any(4) == 0) {
    RemoveTree(to);
  }
}

void DoMany(TestJournal& journal, Names& names, bool directories) {
  for (int i = 0; i < 300; ++i) {
    ChangeFile(journal, names);
    if (directories && i % 10 == 0) ChangeDirectory(journal, names);
    if (i % 100 == 50) REQUIRE(journal.service().Checkpoint("").has_value());
  }
}

void Fill(const TestJournal& journal) {
  MakeDirectory(journal.path("excluded"));
  for (int d = 0; d < 8; ++d) MakeDirectory(journal.path("d" + std::to_string(d)));
  for (int d = 0; d < 8; ++d) {
    for (int f = 0; f < 10; ++f) {
      WriteFile(journal.path("d" + std::to_string(d) + "/f" + std::to_string(f)), "1");
    }
  }
}

}  // namespace

TEST_CASE("lists: the paths of the answer that is not a list") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  for (const char* type : {"ext4", "btrfs", "tmpfs"}) {
    CAPTURE(type);
    TestJournal journal(type, "", {"excluded", "d1/f1", "d2/f2"});
    if (!journal.usable()) continue;
    Names names(seed);
    Fill(journal);
    for (const bool directories : {false, true}) {
      for (int turn = 0; turn < 5; ++turn) {
        CAPTURE(directories, turn);
        journal.Mark();
        DoMany(journal, names, directories);
        Question question;
        if (turn % 2 == 1) {
          question = journal.UntilHere();
          DoMany(journal, names, false);
        }
        for (const bool expand : {false, true}) {
          CAPTURE(expand);
          question.expand = expand;
          const Paths told = Told(journal, question, false, 100'000);
          for (const std::size_t batch : {1, 3, 100'000}) {
            const Paths listed = Told(journal, question, true, batch);
            CHECK(Missing(listed, told) == Paths());
            // Names that a file got after the interval may be told, and differ from time to time.
            if (!question.until.has_value()) CHECK(Missing(told, listed) == Paths());
          }
        }
      }
    }
  }
}

// Each is one way for a file to have changed at a name that no plain record tells.
TEST_CASE("lists: the other names of a changed file") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    WriteFile(journal.path("a"), "1");
    Link(journal.path("a"), journal.path("b"));
    WriteFile(journal.path("c"), "1");
    Link(journal.path("c"), journal.path("d"));
    WriteFile(journal.path("e"), "1");
    journal.Mark();
    AppendFile(journal.path("a"), "2");
    AppendFile(journal.path("c"), "2");
    Unlink(journal.path("c"));
    // Another object at a name that was plain so far.
    Unlink(journal.path("e"));
    Link(journal.path("b"), journal.path("e"));
    CHECK(Told(journal, {}, true, 1) == Paths{"", "/a", "/b", "/c", "/d", "/e"});
  }
}

TEST_CASE("lists: a file that had one name when somebody looked, and got another one since") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    WriteFile(journal.path("a"), "1");
    journal.Mark();
    AppendFile(journal.path("a"), "2");
    CHECK(Told(journal, {}, true, 1) == Paths{"/a"});
    Link(journal.path("a"), journal.path("b"));
    CHECK(Told(journal, {}, true, 1) == Paths{"", "/a", "/b"});
    journal.Mark();
    AppendFile(journal.path("a"), "3");
    CHECK(Told(journal, {}, true, 1) == Paths{"/a", "/b"});
    Unlink(journal.path("b"));
    journal.Mark();
    AppendFile(journal.path("a"), "4");
    CHECK(Told(journal, {}, true, 1) == Paths{"/a"});
  }
}

TEST_CASE("lists: what was changed in a directory that was renamed later") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("d"));
  WriteFile(journal.path("d/changed"), "1");
  WriteFile(journal.path("d/goes"), "1");
  WriteFile(journal.path("d/stays"), "1");
  journal.Mark();
  AppendFile(journal.path("d/changed"), "2");
  Unlink(journal.path("d/goes"));
  WriteFile(journal.path("d/comes"), "1");
  Rename(journal.path("d"), journal.path("e"));
  Question question;
  question.expand = true;
  CHECK(Told(journal, question, true, 1) == Paths{"", "/d", "/e", "/d/changed", "/d/goes",
                                                  "/d/stays", "/d/comes", "/e/changed", "/e/goes",
                                                  "/e/stays", "/e/comes"});
}

TEST_CASE("lists: the first paths come before the last records are read") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  constexpr std::size_t kFiles = 50;
  constexpr std::size_t kLimit = 20;
  AnswerLimits limits;
  limits.max_names = kLimit;
  journal.service().SetAnswerLimits(limits);
  journal.Mark();
  for (std::size_t i = 0; i < kFiles; ++i) WriteFile(journal.path(std::to_string(i)), "1");
  Question question;
  question.list = true;
  const OpenedAnswer opened = journal.Open(question);
  std::vector<Change> changes;
  auto more = opened.answer->Next(10, &changes);
  REQUIRE(more.has_value());
  CHECK(*more);
  CHECK(changes.size() == 10);
  CHECK_FALSE(opened.answer->wants_rescan());
  // The limit is crossed by what has been told, too.
  PathsOf(journal.root(), *opened.answer, 1000);
  CHECK(opened.answer->wants_rescan());
  CHECK(opened.answer->rescan_reason().find("more than 20 changed names and") != std::string::npos);
}

TEST_CASE("lists: what happens meanwhile is left to the next one") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  for (const char* name : {"a", "b", "c"}) WriteFile(journal.path(name), "1");
  journal.Mark();
  AppendFile(journal.path("a"), "2");
  Rename(journal.path("b"), journal.path("d"));
  Question question;
  question.list = true;
  const OpenedAnswer opened = journal.Open(question);
  std::vector<Change> changes;
  REQUIRE(opened.answer->Next(1, &changes).has_value());
  Rename(journal.path("c"), journal.path("e"));
  AppendFile(journal.path("d"), "2");
  REQUIRE(journal.service().Checkpoint("").has_value());
  CHECK(PathsOf(journal.root(), *opened.answer, 1) == Paths{"", "/b", "/d"});
}

TEST_CASE("answers: a step ends where its paths are long") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  std::string directory = journal.root();
  while (directory.size() < 3500) {
    directory += "/" + std::string(250, 'd');
    MakeDirectory(directory);
  }
  constexpr std::size_t kFiles = 2000;
  REQUIRE(kFiles * directory.size() > Answer::kStepBytes * 3 / 2);
  journal.Mark();
  for (std::size_t i = 0; i < kFiles; ++i) WriteFile(directory + "/" + std::to_string(i), "1");
  for (const bool list : {false, true}) {
    CAPTURE(list);
    Question question;
    question.list = list;
    const OpenedAnswer opened = journal.Open(question);
    std::vector<Change> changes;
    auto more = opened.answer->Next(10 * kFiles, &changes);
    REQUIRE(more.has_value());
    CHECK(*more);
    CHECK(changes.size() > kFiles / 4);
    CHECK(changes.size() < kFiles);
    CHECK(PathsOf(journal.root(), *opened.answer, 10 * kFiles).size() + changes.size() ==
          kFiles + 1);
  }
}

TEST_CASE("lists: many records of one name are one path") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  WriteFile(journal.path("f"), "1");
  journal.Mark();
  for (int i = 0; i < 20; ++i) {
    AppendFile(journal.path("f"), "2");
    REQUIRE(journal.service().Checkpoint("").has_value());
  }
  Question question;
  question.list = true;
  CHECK(TellAll(*journal.Open(question).answer, 1).size() == 1);
}

}  // namespace cj
