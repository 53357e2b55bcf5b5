// Every rule of answering, on real filesystems: what was done, and what the answer says. Lines are
// sorted; see TestJournal::Changes for their form.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

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
  CHECK(journal.Changes() == Lines{"modified . metadata", "renamed a -> b", "renamed c -> d data"});
  Question data_only;
  data_only.classes = kDataClass;
  CHECK(journal.Changes(data_only) == Lines{"renamed c -> d data"});
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

TEST_CASE("answers: more changed names than an answer may hold: scan anew") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  AnswerLimits limits;
  limits.max_names = 10;  // two more may come with the next record
  journal.service().SetAnswerLimits(limits);
  for (int i = 0; i < 8; ++i) WriteFile(journal.path(std::to_string(i)), "1");
  CHECK(journal.Changes().size() == 9);
  WriteFile(journal.path("8"), "1");
  WriteFile(journal.path("9"), "1");
  CHECK(journal.Changes() == Lines{"rescan . recursive"});
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

TEST_CASE("answers: changed outside of every watch, and back under another name") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  WriteFile(journal.path("watched/a"), "1");
  MakeDirectory(journal.path("watched/d"));
  WriteFile(journal.path("watched/d/f"), "1");
  MakeDirectory(journal.path("watched/e"));
  WriteFile(journal.path("watched/only"), "1");
  journal.Mark();
  Rename(journal.path("watched/only"), journal.path("watched/e/only"));
  CHECK(journal.Changes() == Lines{"modified watched metadata", "modified watched/e metadata",
                                   "renamed watched/only -> watched/e/only"});
  Rename(journal.path("watched/a"), journal.path("a"));
  AppendFile(journal.path("a"), "2");
  Rename(journal.path("a"), journal.path("watched/b"));
  CHECK(journal.Changes() == Lines{"modified watched metadata", "modified watched/e metadata",
                                   "renamed watched/a -> watched/b data metadata",
                                   "renamed watched/only -> watched/e/only"});
  // The file was outside with its directory, and left that there.
  journal.Mark();
  Rename(journal.path("watched/d"), journal.path("d"));
  AppendFile(journal.path("d/f"), "2");
  Rename(journal.path("d/f"), journal.path("watched/f"));
  Rename(journal.path("d"), journal.path("watched/d"));
  CHECK(journal.Changes() == Lines{"modified watched metadata",
                                   "modified watched/d metadata recursive",
                                   "renamed watched/d/f -> watched/f data metadata"});
}

TEST_CASE("answers: changed while its only name was outside, and linked back in") {
  TestJournal journal("ext4", "watched");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("watched/a"));
  MakeDirectory(journal.path("watched/b"));
  MakeDirectory(journal.path("out"));
  const std::string in = journal.path("watched/a/f"), out = journal.path("out/g");
  struct Way {
    const char* what;
    std::function<void()> leave;
    std::function<void()> come;
    std::string told;
  };
  const std::string other = journal.path("watched/b/h");
  const std::string told = "renamed watched/a/f -> watched/b/h data metadata";
  const Way ways[] = {
      {"linked and unlinked, moved", [&] { Link(in, out), Unlink(in); },
       [&] { Rename(out, other); }, told},
      {"moved, linked", [&] { Rename(in, out); }, [&] { Link(out, other); }, told},
      {"linked and replaced, moved",
       [&] {
         Link(in, out);
         WriteFile(in + ".new", "other");
         Rename(in + ".new", in);
       },
       [&] { Rename(out, other); }, "created watched/b/h"},
      {"linked back to its place", [&] { Link(in, out), Unlink(in); }, [&] { Link(out, in); },
       "modified watched/a/f data metadata"},
  };
  for (const Way& way : ways) {
    CAPTURE(way.what);
    WriteFile(in, "1");
    journal.Mark();
    way.leave();
    (void)journal.Changes();  // so that it is judged where it is
    AppendFile(out, "2");
    (void)journal.Changes();
    way.come();
    const Lines lines = journal.Changes();
    CAPTURE(lines);
    CHECK(std::count(lines.begin(), lines.end(), way.told) == 1);
    for (const std::string& path : {in, out, other}) ::unlink(path.c_str());
  }
}

TEST_CASE("answers: a directory above the watch is renamed: scan anew") {
  TestJournal journal("ext4", "a");
  if (!journal.usable()) return;
  Rename(journal.path("a"), journal.path("b"));
  MakeDirectory(journal.path("a"));
  Lines lines = journal.Changes();
  CHECK(std::find(lines.begin(), lines.end(), "modified a data metadata recursive") != lines.end());
}

TEST_CASE("answers: unmounted and mounted again: scan anew, then go on") {
  for (const char* type : {"ext4", "xfs", "btrfs"}) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    WriteFile(journal.path("before"), "1");
    journal.Remount();
    WriteFile(journal.path("unseen"), "1");
    Question up_to_now;
    up_to_now.checkpoint = false;
    // Whoever asks finds out; a crawl then fills the gap, or has done so already.
    Lines lines = journal.Changes(up_to_now);
    REQUIRE(lines.size() >= 1);
    const bool refused =
        lines.front().find("it was unmounted, and mounted again") != std::string::npos;
    CHECK((refused || lines.back().find("rescan .") == 0));
    journal.AwaitCrawl();
    lines = journal.Changes(up_to_now);
    CHECK(std::find(lines.begin(), lines.end(), "rescan . recursive") != lines.end());
    // The token that goes with the refusal is of a period without the gap.
    if (refused) {
      journal.GoOnAfterRescan();
    } else {
      journal.Mark();
    }
    WriteFile(journal.path("seen"), "1");
    CHECK(journal.Changes(up_to_now) == Lines{"created seen", "modified . metadata"});
  }
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
