// Hard links: a change shows at every name of its file, also where the kernel named another one.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <climits>

#include "base/unique_fd.h"
#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

TEST_CASE("answers: hard links: data changed through one name shows at every name") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    MakeDirectory(journal.path("d"));
    WriteFile(journal.path("a"), "1");
    Link(journal.path("a"), journal.path("d/b"));
    journal.Mark();
    AppendFile(journal.path("a"), "2");
    CHECK(journal.Changes() == Lines{"modified a data", "modified d/b data"});
    journal.Mark();
    Rename(journal.path("d/b"), journal.path("d/c"));
    journal.Mark();
    AppendFile(journal.path("a"), "3");
    CHECK(journal.Changes() == Lines{"modified a data", "modified d/c data"});
  }
}

// The kernel may merge the creation of the link with the change before it; then it looks like that
// of a new file.
TEST_CASE(
    "answers: hard links: an interval that is over, and a name that went and was made again") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  journal.Stop();
  WriteFile(journal.path("a"), "1");
  Link(journal.path("a"), journal.path("c"));
  journal.NewJournal();  // which knows of no link
  journal.Mark();
  AppendFile(journal.path("c"), "2");
  Unlink(journal.path("c"));
  Link(journal.path("a"), journal.path("c"));
  const Question question = journal.UntilHere();
  const Lines lines = journal.Changes(question);
  CAPTURE(lines);
  CHECK((Has(lines, "modified a data") || Has(lines, "modified a data metadata")));
}

// Nobody tells the other name later: its record belongs to the interval that is over.
TEST_CASE("answers: hard links: an interval that is over, and the file has left its name since") {
  for (const bool renamed : {true, false}) {
    CAPTURE(renamed);
    TestJournal journal("ext4");
    if (!journal.usable()) return;
    WriteFile(journal.path("a"), "1");
    Link(journal.path("a"), journal.path("b"));
    WriteFile(journal.path("one"), "1");
    Link(journal.path("one"), journal.path("two"));
    journal.Mark();
    AppendFile(journal.path("a"), "2");
    Link(journal.path("one"), journal.path("three"));
    const Question question = journal.UntilHere();
    for (const char* name : {"a", "three"}) {
      if (renamed) Rename(journal.path(name), journal.path(std::string("was ") + name));
      if (!renamed) Unlink(journal.path(name));
    }
    const Lines lines = journal.Changes(question);
    CAPTURE(lines);
    CHECK(Has(lines, "modified a data"));
    CHECK(Has(lines, "modified b data"));
    CHECK(Has(lines, "created three"));
    CHECK(Has(lines, "modified one metadata"));
    CHECK(Has(lines, "modified two metadata"));
  }
}

TEST_CASE("answers: a link made or renamed tells every name of its file") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("f"), "1");
  journal.Mark();
  Link(journal.path("f"), journal.path("g"));
  CHECK(journal.Changes() == Lines{"created g", "modified . metadata", "modified f metadata"});
  journal.Mark();
  Rename(journal.path("g"), journal.path("h"));
  CHECK(journal.Changes() == Lines{"modified . metadata", "modified f metadata", "renamed g -> h"});
}

TEST_CASE("answers: one name of a file is renamed and another goes: both are told") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    WriteFile(journal.path("a"), "1");
    Link(journal.path("a"), journal.path("g"));
    journal.Mark();
    Rename(journal.path("a"), journal.path("b"));
    Unlink(journal.path("g"));
    CHECK(journal.Changes() ==
          Lines{"deleted g", "modified . metadata", "renamed a -> b data metadata"});
  }
}

TEST_CASE("answers: a change through a link that is gone again") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("f"), "1");
  journal.Mark();
  Link(journal.path("f"), journal.path("g"));
  AppendFile(journal.path("g"), "2");
  Unlink(journal.path("g"));
  Lines lines = journal.Changes();
  CHECK(std::find(lines.begin(), lines.end(), "modified f data") != lines.end());
}

TEST_CASE("answers: hard links of a file outside of the watch") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  WriteFile(journal.path("outside"), "1");
  Link(journal.path("outside"), journal.path("watched/inside"));
  journal.Mark();
  AppendFile(journal.path("outside"), "2");
  CHECK(journal.Changes() == Lines{"modified watched/inside data"});
}

TEST_CASE("answers: a name that came into the watch while nobody listened") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  WriteFile(journal.path("outside"), "1");
  Link(journal.path("outside"), journal.path("watched/inside"));
  journal.Mark();
  AppendFile(journal.path("watched/inside"), "2");
  // Its other name has been searched for, and is not where anybody watches.
  CHECK(journal.Changes() == Lines{"modified watched/inside data"});
  journal.Remount();
  Rename(journal.path("outside"), journal.path("watched/came"));
  REQUIRE(journal.service().CheckMounts());
  journal.AwaitCrawl();
  journal.Mark();
  AppendFile(journal.path("watched/inside"), "3");
  CHECK(journal.Changes() == Lines{"modified watched/came data", "modified watched/inside data"});
}

TEST_CASE("answers: a directory renamed tells the other names of the files in it") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("d"));
  MakeDirectory(journal.path("d/e"));
  WriteFile(journal.path("d/e/f"), "1");
  WriteFile(journal.path("d/g"), "1");
  WriteFile(journal.path("d/single"), "1");
  Link(journal.path("d/e/f"), journal.path("other"));
  Link(journal.path("d/g"), journal.path("d/e/g"));  // both are below what is told
  // First the links are unknown and searched for, then they are known.
  for (const auto& [from, to] : {std::pair("d", "b"), std::pair("b", "c")}) {
    journal.Mark();
    Rename(journal.path(from), journal.path(to));
    CHECK(journal.Changes() == Lines{"modified . metadata", "modified other metadata",
                                     std::string("renamed ") + from + " -> " + to + " recursive"});
  }
  Question narrow;
  narrow.classes = kDataClass;
  CHECK(journal.Changes(narrow) == Lines{"renamed b -> c recursive"});
}

// No record says that another file is at the name: the directory was outside when it came.
TEST_CASE("answers: a change through a name that another file has when its directory comes in") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("other"));
  MakeDirectory(journal.path("other/d"));
  WriteFile(journal.path("other/d/f"), "1");
  Link(journal.path("other/d/f"), journal.path("watched/h"));
  journal.Mark();
  AppendFile(journal.path("other/d/f"), "2");
  journal.Changes();  // recorded, before the file is another one
  WriteFile(journal.path("over"), "3");
  Rename(journal.path("over"), journal.path("other/d/f"));
  Rename(journal.path("other/d"), journal.path("watched/d"));
  const Lines lines = journal.Changes();
  CAPTURE(lines);
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.rfind("modified watched/h data", 0) == 0;
        }) == 1);
}

// Made with openat(2), step by step; the directory's own path is short enough for one call. The
// file's other name is searched for below the watch, where it is not.
TEST_CASE("answers: a further name whose path is too long for any system call") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("other"));
  WriteFile(journal.path("other/h"), "1");
  UniqueFd directory(::open(journal.path("watched").c_str(), O_PATH | O_CLOEXEC));
  std::size_t length = journal.path("watched").size();
  while (length < PATH_MAX - 200) {
    const std::string name(std::min<std::size_t>(100, PATH_MAX - 100 - length), 'd');
    REQUIRE(::mkdirat(directory.get(), name.c_str(), 0755) == 0);
    directory.reset(::openat(directory.get(), name.c_str(), O_PATH | O_CLOEXEC));
    REQUIRE(directory.valid());
    length += name.size() + 1;
  }
  journal.Mark();
  const std::string name(NAME_MAX, 'n');
  REQUIRE(::linkat(AT_FDCWD, journal.path("other/h").c_str(), directory.get(), name.c_str(), 0) ==
          0);
  const Lines lines = journal.Changes();
  CAPTURE(lines);
  CHECK(std::any_of(lines.begin(), lines.end(),
                    [&](const std::string& line) { return line.find(name) != std::string::npos; }));
}

// The link is gone by the time anybody can ask how many names the file has.
TEST_CASE("answers: a change through a link outside of the watch that is removed at once") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  constexpr int kFiles = 100;
  MakeDirectory(journal.path("other"));
  for (int i = 0; i < kFiles; ++i) {
    const std::string number = std::to_string(i);
    WriteFile(journal.path("other/" + number), "1");
    Link(journal.path("other/" + number), journal.path("watched/" + number));
  }
  journal.Mark();
  for (int i = 0; i < kFiles; ++i) {
    const std::string file = journal.path("other/" + std::to_string(i));
    AppendFile(file, "2");
    if (i % 2 == 0) {
      Unlink(file);
    } else {
      WriteFile(journal.path("over"), "3");
      Rename(journal.path("over"), file);
    }
  }
  const Lines lines = journal.Changes();
  int told = 0;
  for (int i = 0; i < kFiles; ++i) {
    const std::string line = "modified watched/" + std::to_string(i) + " data";
    for (const std::string& had : lines) told += had.rfind(line, 0) == 0 ? 1 : 0;
  }
  CAPTURE(lines);
  CHECK(told == kFiles);
  CHECK(lines.size() == kFiles);
}

TEST_CASE("answers: more links below moved directories than an answer may hold: scan anew") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  AnswerLimits limits;
  limits.max_moved_links = 3;
  journal.service().SetAnswerLimits(limits);
  MakeDirectory(journal.path("d"));
  auto add_linked = [&](const std::string& name) {
    WriteFile(journal.path("d/" + name), "1");
    Link(journal.path("d/" + name), journal.path(name));
  };
  for (const char* name : {"1", "2", "3"}) add_linked(name);
  journal.Mark();
  Rename(journal.path("d"), journal.path("e"));
  CHECK(journal.Changes().size() == 5);  // the rename, the root, three other names
  Rename(journal.path("e"), journal.path("d"));
  add_linked("4");
  journal.Mark();
  Rename(journal.path("d"), journal.path("e"));
  Lines lines = journal.Changes();
  REQUIRE(lines.size() == 1);
  CHECK(lines.front().find("more than 3 files with several names") != std::string::npos);
}

// A file with a name outside of the watch is searched for once; then that is remembered. What comes
// without a link's event has to undo that.
class LinkedOutside {
 public:
  LinkedOutside() : journal("ext4", "watched") {
    if (!journal.usable()) return;
    MakeDirectory(journal.path("outside"));
    MakeDirectory(journal.path("outside/d"));
    WriteFile(journal.path("watched/a"), "1");
    Link(journal.path("watched/a"), journal.path("outside/d/b"));
    journal.Mark();
    AppendFile(journal.path("watched/a"), "2");
    CHECK(journal.Changes() == Lines{"modified watched/a data"});
    journal.Mark();
  }

  TestJournal journal;
};

TEST_CASE("answers: hard links: a name that came with a directory is told") {
  LinkedOutside linked;
  TestJournal& journal = linked.journal;
  if (!journal.usable()) return;
  Rename(journal.path("outside/d"), journal.path("watched/d"));
  SECTION("asked about the move") { journal.Changes(); }
  SECTION("not asked") {}
  journal.Mark();
  AppendFile(journal.path("watched/a"), "3");
  const Lines lines = journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "modified watched/d/b data"));
}

}  // namespace
}  // namespace cj
