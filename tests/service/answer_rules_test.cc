// Every rule of answering, on real filesystems: what was done, and what the answer says. Lines are
// sorted; see TestJournal::Changes for their form.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

using Lines = std::vector<std::string>;

// Most rules do not depend on the filesystem; one with and one without a disk shows that.
const char* const kTypes[] = {"ext4", "tmpfs"};

TEST_CASE("answers: creating, writing, changing attributes, deleting") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    WriteFile(journal.path("old"), "1");
    WriteFile(journal.path("gone"), "1");
    WriteFile(journal.path("same"), "1");
    journal.Mark();
    WriteFile(journal.path("new"), "1");
    AppendFile(journal.path("old"), "2");
    Chmod(journal.path("same"), 0600);
    Unlink(journal.path("gone"));
    CHECK(journal.Changes() == Lines{"created new", "deleted gone", "modified . metadata",
                                     "modified old data", "modified same metadata"});
  }
}

TEST_CASE("answers: nothing happened, nothing is told") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  WriteFile(journal.path("a"), "1");
  journal.Mark();
  CHECK(journal.Changes().empty());
}

TEST_CASE("answers: what came and went is told as transient") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("a"), "1");
  Unlink(journal.path("a"));
  CHECK(journal.Changes() == Lines{"deleted a transient", "modified . metadata"});
}

TEST_CASE("answers: renamed and renamed back is transient at both names") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("a"), "1");
  journal.Mark();
  Rename(journal.path("a"), journal.path("b"));
  Rename(journal.path("b"), journal.path("a"));
  CHECK(journal.Changes() ==
        Lines{"deleted b transient", "modified . metadata", "modified a metadata transient"});
}

TEST_CASE("answers: created then renamed is created at the new name") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("a"), "1");
  Rename(journal.path("a"), journal.path("b"));
  CHECK(journal.Changes() == Lines{"created b", "deleted a transient", "modified . metadata"});
}

TEST_CASE("answers: an editor's save is a modification and the end of the temporary name") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    WriteFile(journal.path("text"), "1");
    journal.Mark();
    WriteFile(journal.path("text.tmp"), "2");
    Rename(journal.path("text.tmp"), journal.path("text"));
    CHECK(journal.Changes() == Lines{"deleted text.tmp transient", "modified . metadata",
                                     "modified text data metadata"});
  }
}

TEST_CASE("answers: a file renamed, with and without a change of its data") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("a"), "1");
  WriteFile(journal.path("c"), "1");
  journal.Mark();
  Rename(journal.path("a"), journal.path("b"));
  Rename(journal.path("c"), journal.path("d"));
  AppendFile(journal.path("d"), "2");
  CHECK(journal.Changes() == Lines{"modified . metadata", "renamed a -> b", "renamed c -> d"});
  Question data_only;
  data_only.classes = kDataClass;
  CHECK(journal.Changes(data_only) == Lines{"renamed c -> d"});
}

TEST_CASE("answers: exchange") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  WriteFile(journal.path("a"), "1");
  WriteFile(journal.path("b"), "2");
  journal.Mark();
  Exchange(journal.path("a"), journal.path("b"));
  CHECK(journal.Changes() == Lines{"modified . metadata", "renamed a -> b", "renamed b -> a"});
}

TEST_CASE("answers: a directory renamed tells both paths, and what is inside by its present path") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    MakeDirectory(journal.path("d"));
    WriteFile(journal.path("d/before"), "1");
    WriteFile(journal.path("d/after"), "1");
    WriteFile(journal.path("d/gone"), "1");
    journal.Mark();
    AppendFile(journal.path("d/before"), "2");
    Rename(journal.path("d"), journal.path("e"));
    AppendFile(journal.path("e/after"), "2");
    Unlink(journal.path("e/gone"));
    CHECK(journal.Changes() == Lines{"deleted e/gone", "modified . metadata",
                                     "modified e/after data", "modified e/before data",
                                     "renamed d -> e recursive"});
  }
}

TEST_CASE("answers: rm -r tells the top directory, and the members on request") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("d"));
  MakeDirectory(journal.path("d/e"));
  WriteFile(journal.path("d/e/f"), "1");
  WriteFile(journal.path("d/g"), "1");
  journal.Mark();
  RemoveTree(journal.path("d"));
  CHECK(journal.Changes() == Lines{"deleted d recursive", "modified . metadata"});
  Question expanded;
  expanded.expand = true;
  CHECK(journal.Changes(expanded) == Lines{"deleted d recursive", "deleted d/e recursive",
                                           "deleted d/e/f", "deleted d/g", "modified . metadata"});
}

TEST_CASE("answers: a tree deleted and made again under the same name") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("d"));
  WriteFile(journal.path("d/old"), "1");
  WriteFile(journal.path("d/both"), "1");
  journal.Mark();
  RemoveTree(journal.path("d"));
  MakeDirectory(journal.path("d"));
  WriteFile(journal.path("d/both"), "2");
  WriteFile(journal.path("d/new"), "2");
  CHECK(journal.Changes() == Lines{"created d/new", "deleted d/old", "modified . metadata",
                                   "modified d data metadata recursive",
                                   "modified d/both data metadata"});
}

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

TEST_CASE("answers: a directory made where another one had been is told with all below") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("x"));
  WriteFile(journal.path("x/b"), "1");
  Rename(journal.path("x"), journal.path("c"));
  MakeDirectory(journal.path("x"));
  Lines lines = journal.Changes();
  CHECK(std::find(lines.begin(), lines.end(), "created x recursive") != lines.end());
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

TEST_CASE("answers: moves over the border of the watch") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("watched/goes"));
  WriteFile(journal.path("watched/goes/f"), "1");
  MakeDirectory(journal.path("comes"));
  WriteFile(journal.path("comes/f"), "1");
  WriteFile(journal.path("watched/away"), "1");
  journal.Mark();
  Rename(journal.path("watched/goes"), journal.path("gone"));
  Rename(journal.path("comes"), journal.path("watched/came"));
  Rename(journal.path("watched/away"), journal.path("away"));
  AppendFile(journal.path("away"), "2");
  Rename(journal.path("away"), journal.path("watched/away"));
  CHECK(journal.Changes() == Lines{"created watched/came recursive",
                                   "deleted watched/goes recursive", "modified watched metadata",
                                   "modified watched/away data metadata"});
}

TEST_CASE("answers: a directory above the watch is renamed: scan anew") {
  TestJournal journal("ext4", "a");
  if (!journal.usable()) return;
  Rename(journal.path("a"), journal.path("b"));
  MakeDirectory(journal.path("a"));
  Lines lines = journal.Changes();
  CHECK(std::find(lines.begin(), lines.end(), "modified a data metadata recursive") != lines.end());
}

TEST_CASE("answers: excluded directories are not told") {
  TestJournal journal("tmpfs", "", {"*/.cache", ".cache", "*.o"});
  if (!journal.usable()) return;
  MakeDirectory(journal.path(".cache"));
  MakeDirectory(journal.path("u"));
  MakeDirectory(journal.path("u/.cache"));
  journal.Mark();
  WriteFile(journal.path(".cache/a"), "1");
  WriteFile(journal.path("u/.cache/a"), "1");
  WriteFile(journal.path("u/x.o"), "1");
  WriteFile(journal.path("u/x.c"), "1");
  CHECK(journal.Changes() == Lines{"created u/x.c", "modified u metadata"});
}

TEST_CASE("answers: a mapping kept open over checkpoints is told in every interval") {
  for (const char* type : kTypes) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    WriteFile(journal.path("m"), std::string(4096, 'a'));
    UniqueFd fd(::open(journal.path("m").c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(fd.valid());
    char* memory =
        static_cast<char*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
    REQUIRE(memory != MAP_FAILED);
    fd.reset();
    for (int round = 0; round < 3; ++round) {
      journal.Mark();
      memory[0] = static_cast<char>('b' + round);
      CHECK(journal.Changes() == Lines{"modified m data"});
    }
    ::munmap(memory, 4096);
  }
}

TEST_CASE("answers: a file of odd name, and a fiction of a name") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  std::string odd = "new\nline \xff\xfe";
  WriteFile(journal.path(odd), "1");
  UniqueFd fd(::open(journal.root().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  REQUIRE(fd.valid());
  REQUIRE(::write(fd.get(), "x", 1) == 1);
  std::string self = "/proc/self/fd/" + std::to_string(fd.get());
  REQUIRE(::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, journal.path("linked").c_str(),
                   AT_SYMLINK_FOLLOW) == 0);
  CHECK(journal.Changes() == Lines{"created linked", "created " + odd, "modified . metadata"});
}

TEST_CASE("answers: narrowed to a path, to what exists, to what is gone") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("d"));
  MakeDirectory(journal.path("e"));
  WriteFile(journal.path("e/old"), "1");
  journal.Mark();
  WriteFile(journal.path("d/x"), "1");
  WriteFile(journal.path("e/x"), "1");
  Rename(journal.path("e/old"), journal.path("e/renamed"));
  Question one;
  one.paths = {journal.path("d")};
  CHECK(journal.Changes(one) == Lines{"created d/x", "modified d metadata"});
  Question gone;
  gone.presence = Presence::kDeleted;
  CHECK(journal.Changes(gone) == Lines{"deleted e/old"});
  Question outside;
  outside.paths = {"/nowhere"};
  CHECK(journal.Changes(outside).front().find("not under any watch") != std::string::npos);
}

}  // namespace
}  // namespace cj
