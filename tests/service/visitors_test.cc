// Directories that stood somewhere for a while: a reader may have copied what was in them, which no
// record names, since it came and left with its directory.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

using Lines = std::vector<std::string>;

bool Has(const Lines& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

// The directory y, which stands at x for a while and ends at z; there may be a file x before.
class Visit {
 public:
  explicit Visit(bool file_before) : journal("ext4") {
    if (!journal.usable()) return;
    MakeDirectory(journal.path("y"));
    WriteFile(journal.path("y/member"), "1");
    if (file_before) WriteFile(journal.path("x"), "1");
    journal.Mark();
  }
  void Come() { Rename(journal.path("y"), journal.path("x")); }
  void Leave() { Rename(journal.path("x"), journal.path("z")); }

  TestJournal journal;
};

TEST_CASE("visitors: the name is gone, and was a file's last") {
  Visit visit(false);
  if (!visit.journal.usable()) return;
  visit.Come();
  visit.Leave();
  WriteFile(visit.journal.path("x"), "2");
  Unlink(visit.journal.path("x"));
  const Lines lines = visit.journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "deleted x recursive transient"));
}

TEST_CASE("visitors: the name is gone, and was a file's first") {
  Visit visit(true);
  if (!visit.journal.usable()) return;
  Unlink(visit.journal.path("x"));
  visit.Come();
  visit.Leave();
  const Lines lines = visit.journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "deleted x recursive"));
}

TEST_CASE("visitors: the file whose name it was is told as renamed") {
  Visit visit(true);
  if (!visit.journal.usable()) return;
  Rename(visit.journal.path("x"), visit.journal.path("w"));
  visit.Come();
  visit.Leave();
  const Lines lines = visit.journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "renamed x -> w"));
  CHECK(Has(lines, "deleted x recursive transient"));
}

TEST_CASE("visitors: another file has the name of the one before") {
  Visit visit(true);
  if (!visit.journal.usable()) return;
  Unlink(visit.journal.path("x"));
  visit.Come();
  visit.Leave();
  WriteFile(visit.journal.path("x"), "2");
  const Lines lines = visit.journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "modified x data metadata recursive"));
}

TEST_CASE("visitors: a new file has the name") {
  Visit visit(false);
  if (!visit.journal.usable()) return;
  visit.Come();
  visit.Leave();
  WriteFile(visit.journal.path("x"), "2");
  const Lines lines = visit.journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "created x recursive"));
}

TEST_CASE("visitors: the same file is back at the name") {
  Visit visit(true);
  if (!visit.journal.usable()) return;
  Rename(visit.journal.path("x"), visit.journal.path("w"));
  visit.Come();
  visit.Leave();
  Rename(visit.journal.path("w"), visit.journal.path("x"));
  const Lines lines = visit.journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "modified x metadata recursive"));
}

TEST_CASE("visitors: another file was renamed to the name") {
  Visit visit(false);
  if (!visit.journal.usable()) return;
  WriteFile(visit.journal.path("other"), "1");
  visit.journal.Mark();
  visit.Come();
  visit.Leave();
  Rename(visit.journal.path("other"), visit.journal.path("x"));
  const Lines lines = visit.journal.Changes();
  CAPTURE(lines);
  CHECK(Has(lines, "renamed other -> x recursive"));
}

// The reader that has copied x/member finds a directory at x, when it comes to what `first` tells.
TEST_CASE("visitors: an answer while the directory is there, and the same interval again") {
  Visit visit(false);
  if (!visit.journal.usable()) return;
  visit.Come();
  visit.journal.Changes();
  visit.Leave();
  WriteFile(visit.journal.path("x"), "2");
  Unlink(visit.journal.path("x"));
  const Lines first = visit.journal.Changes();
  visit.journal.Mark();
  MakeDirectory(visit.journal.path("x"));
  const Lines second = visit.journal.Changes();
  CAPTURE(first, second);
  const auto tells_all = [](const std::string& line) {
    return line.find(" x ") != std::string::npos && line.find("recursive") != std::string::npos;
  };
  const bool told = std::any_of(first.begin(), first.end(), tells_all) ||
                    std::any_of(second.begin(), second.end(), tells_all);
  CHECK(told);
}

// The directories of a change are looked for after the interval has ended: one that is renamed in
// between has the change told at its new path alone. `Overtake` does that to d, when the answer has
// found the first directory of its records, and makes another d.
class Overtaken {
 public:
  Overtaken() : journal("ext4") {
    if (!journal.usable()) return;
    MakeDirectory(journal.path("d"));
    WriteFile(journal.path("d/gone"), "1");
    journal.Mark();
    WriteFile(journal.path("first"), "1");
    Unlink(journal.path("d/gone"));
  }
  bool done() const { return done_; }
  Question Overtake() {
    Question question;
    question.cancelled = [this] {
      if (!done_) {
        done_ = true;
        Rename(journal.path("d"), journal.path("e"));
        MakeDirectory(journal.path("d"));
      }
      return false;
    };
    return question;
  }

  TestJournal journal;

 private:
  bool done_ = false;
};

TEST_CASE("overtaken: the former path is told as well, with all below it") {
  Overtaken tree;
  if (!tree.journal.usable()) return;
  const Lines lines = tree.journal.Changes(tree.Overtake());
  CAPTURE(lines);
  const bool told =
      Has(lines, "deleted d/gone") || Has(lines, "modified d data metadata recursive transient");
  CHECK(told);
}

TEST_CASE("overtaken: a list is refused or made anew") {
  Overtaken tree;
  if (!tree.journal.usable()) return;
  Question question = tree.Overtake();
  question.expand = true;
  const Lines lines = tree.journal.Changes(question);
  CAPTURE(lines, tree.journal.unlistable());
  const bool safe = Has(lines, "deleted d/gone") || !tree.journal.unlistable().empty();
  CHECK(safe);
  CHECK(tree.done());
}

TEST_CASE("overtaken: an older interval is told without what came after it, and not as a list") {
  Overtaken tree;
  if (!tree.journal.usable()) return;
  Question question;
  question.since.token = tree.journal.token();
  tree.journal.Mark();
  question.until.emplace();
  question.until->token = tree.journal.token();
  Rename(tree.journal.path("d"), tree.journal.path("e"));
  const Lines lines = tree.journal.ChangesSince(question);
  CAPTURE(lines);
  CHECK(Has(lines, "deleted e/gone"));
  CHECK_FALSE(Has(lines, "deleted d recursive transient"));
  question.expand = true;
  tree.journal.ChangesSince(question);
  CHECK(tree.journal.unlistable().find("since the interval ended") != std::string::npos);
}

TEST_CASE("overtaken: a rename that concerns no change is not told, nor one of what is not asked") {
  Overtaken tree;
  if (!tree.journal.usable()) return;
  MakeDirectory(tree.journal.path("other"));
  MakeDirectory(tree.journal.path("other/in"));
  tree.journal.Mark();
  WriteFile(tree.journal.path("first"), "2");
  WriteFile(tree.journal.path("other/in/f"), "1");
  Question question = tree.Overtake();
  question.expand = true;
  SECTION("nothing changed in d") {}
  SECTION("only another tree is asked for") {
    Unlink(tree.journal.path("first"));
    WriteFile(tree.journal.path("d/f"), "1");
    question.paths = {tree.journal.path("other")};
  }
  const Lines lines = tree.journal.Changes(question);
  CAPTURE(lines);
  CHECK(tree.journal.unlistable().empty());
  CHECK(Has(lines, "created other/in/f"));
  CHECK(tree.done());
}

TEST_CASE("overtaken: what is asked for is the former path") {
  Overtaken tree;
  if (!tree.journal.usable()) return;
  Question question = tree.Overtake();
  question.paths = {tree.journal.path("d")};
  const Lines lines = tree.journal.Changes(question);
  CAPTURE(lines);
  CHECK(Has(lines, "modified d data metadata recursive transient"));
  CHECK(tree.done());
}

}  // namespace
}  // namespace cj
