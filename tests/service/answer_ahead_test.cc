// Names are looked at before they are told, many at a time and by two threads: the answer is the
// same however many, and whoever looks.
#include <catch2/catch.hpp>
#include <random>

#include "tests/service/journal_fixture.h"
#include "tests/support/seed.h"

namespace cj {
namespace {

constexpr int kDirectories = 12;
constexpr int kFiles = 40;

std::string Directory(int number) { return "d" + std::to_string(number); }
std::string File(int directory, int number) {
  return Directory(directory) + "/f" + std::to_string(number);
}

void Fill(const TestJournal& journal) {
  for (int d = 0; d < kDirectories; ++d) {
    MakeDirectory(journal.path(Directory(d)));
    for (int f = 0; f < kFiles; ++f) WriteFile(journal.path(File(d, f)), "1");
  }
}

// Of everything that makes one name's answer depend on another's: trees that go, links, renames
// between directories, a directory made again where one was.
void ChangeMuch(const TestJournal& journal, std::mt19937_64& random) {
  auto any = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };
  for (int i = 0; i < 200; ++i) AppendFile(journal.path(File(any(kDirectories), any(kFiles))), "2");
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    const std::string linked = journal.path(File(any(kDirectories), any(kFiles)));
    if (IsThere(linked)) Link(linked, journal.path("link" + number));
    const std::string from = journal.path(File(any(kDirectories), any(kFiles)));
    const std::string to = journal.path(Directory(any(kDirectories)) + "/to" + number);
    if (IsThere(from)) Rename(from, to);
  }
  RemoveTree(journal.path(Directory(0)));
  RemoveTree(journal.path(Directory(1)));
  MakeDirectory(journal.path(Directory(1)));
  WriteFile(journal.path(File(1, 0)), "new");
  Rename(journal.path(Directory(2)), journal.path("moved"));
}

// In the order in which they are told.
std::vector<std::string> Told(TestJournal& journal, Question question, std::size_t batch,
                              std::size_t names_for_two) {
  AnswerLimits limits;
  limits.names_for_two = names_for_two;
  journal.service().SetAnswerLimits(limits);
  const std::vector<Change> changes = TellAll(*journal.Open(question).answer, batch);
  std::vector<std::string> lines;
  for (const Change& change : changes) {
    lines.push_back(std::to_string(static_cast<int>(change.kind)) + " " + change.from + " " +
                    change.path + (change.data ? " data" : "") +
                    (change.metadata ? " metadata" : "") + (change.recursive ? " recursive" : ""));
  }
  return lines;
}

}  // namespace

TEST_CASE("answers: the same however many names are looked at together and by whom") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  for (const char* type : {"ext4", "btrfs"}) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    Fill(journal);
    journal.Mark();
    std::mt19937_64 random(seed);
    ChangeMuch(journal, random);
    for (const bool expand : {false, true}) {
      CAPTURE(expand);
      Question question;
      question.expand = expand;
      const auto one_by_one = Told(journal, question, 1, SIZE_MAX);
      CHECK(one_by_one.size() > 200);
      for (const std::size_t batch : {2, 7, 100, 100'000}) {
        CAPTURE(batch);
        CHECK(Told(journal, question, batch, SIZE_MAX) == one_by_one);
        CHECK(Told(journal, question, batch, 1) == one_by_one);
      }
    }
  }
}

// What was a directory is told with all that was in it.
TEST_CASE("answers: a directory's inode number that is given to a file after the interval") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("before"));
  WriteFile(journal.path("before/member"), "1");
  journal.Mark();
  Rename(journal.path("before"), journal.path("after"));
  const Question question = journal.UntilHere();
  const std::uint64_t directory = InodeOf(journal.path("after"));
  RemoveTree(journal.path("after"));
  WriteFile(journal.path("after"), "2");
  if (InodeOf(journal.path("after")) != directory) {
    WARN("SKIPPED: ext4 did not give the number out again");
    return;
  }
  const Lines lines = journal.Changes(question);
  CAPTURE(lines);
  CHECK(Has(lines, "renamed before -> after recursive"));
}

// The file at the name has the inode number of the one that the records tell of, and is another.
TEST_CASE("answers: an inode number that is given out again after the interval") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("a"), "1");
  journal.Mark();
  AppendFile(journal.path("a"), "2");
  const Question question = journal.UntilHere();
  const std::uint64_t before = InodeOf(journal.path("a"));
  Unlink(journal.path("a"));
  WriteFile(journal.path("b"), "3");
  if (InodeOf(journal.path("b")) != before) {
    WARN("SKIPPED: ext4 did not give the number out again");
    return;
  }
  Link(journal.path("b"), journal.path("b's link"));
  Rename(journal.path("b"), journal.path("a"));
  CHECK(journal.Changes(question) == Lines{"modified a data"});
  const Lines all = journal.Changes();
  CHECK(Has(all, "created b's link"));
}

}  // namespace cj
