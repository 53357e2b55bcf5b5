// The members of renamed directories at their former paths (`expand`), while the tree goes on
// changing under the answer: whoever copies by a list of plain paths may find another directory at
// the former path, and would keep there what nobody named.
#include <catch2/catch.hpp>

#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

Question Expanded() {
  Question question;
  question.expand = true;
  return question;
}

// A directory renamed, and another made in its place.
class Renamed {
 public:
  Renamed() : journal("ext4") {
    if (!journal.usable()) return;
    MakeDirectory(journal.path("d"));
    MakeDirectory(journal.path("d/sub"));
    WriteFile(journal.path("d/stays"), "1");
    WriteFile(journal.path("d/goes"), "1");
    WriteFile(journal.path("d/sub/f"), "1");
    MakeDirectory(journal.path("other"));
    journal.Mark();
    Rename(journal.path("d"), journal.path("e"));
    MakeDirectory(journal.path("d"));
  }

  TestJournal journal;
};

TEST_CASE("former trees: every member is told at its former path") {
  Renamed tree;
  if (!tree.journal.usable()) return;
  Lines lines = tree.journal.Changes(Expanded());
  CAPTURE(lines);
  for (const char* gone : {"d/stays", "d/goes", "d/sub/f"}) {
    CHECK(Has(lines, std::string("deleted ") + gone));
  }
  CHECK(tree.journal.unlistable().empty());
}

TEST_CASE("former trees: a directory that took the path of the one that it had been in") {
  TestJournal journal("ext4");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("g"));
  MakeDirectory(journal.path("g/g"));
  MakeDirectory(journal.path("g/g/k"));
  WriteFile(journal.path("g/g/k/f"), "1");
  journal.Mark();
  Rename(journal.path("g/g"), journal.path("aside"));
  RemoveTree(journal.path("g"));
  Rename(journal.path("aside"), journal.path("g"));
  Rename(journal.path("g/k"), journal.path("h"));
  Lines lines = journal.Changes(Expanded());
  CAPTURE(lines);
  CHECK(journal.unlistable().empty());
  for (const char* gone : {"g/g/k/f", "aside/k/f", "g/k/f"}) {
    CHECK(Has(lines, std::string("deleted ") + gone));
  }
  CHECK_FALSE(Has(lines, "deleted g/g/g/k/f"));  // it was never in itself
}

TEST_CASE("former trees: what goes while the answer is made is told at its former path") {
  Renamed tree;
  if (!tree.journal.usable()) return;
  Lines lines = tree.journal.Changes(Expanded(), [&] {
    Unlink(tree.journal.path("e/goes"));
    RemoveTree(tree.journal.path("e/sub"));
  });
  CAPTURE(lines);
  CHECK(Has(lines, "deleted d/goes"));
  CHECK(Has(lines, "deleted d/sub recursive"));
  CHECK(Has(lines, "deleted d/sub/f"));
  CHECK(tree.journal.unlistable().empty());
}

TEST_CASE("former trees: what moves to another directory meanwhile is told at its former path") {
  Renamed tree;
  if (!tree.journal.usable()) return;
  Lines lines = tree.journal.Changes(
      Expanded(), [&] { Rename(tree.journal.path("e/goes"), tree.journal.path("other/goes")); });
  CAPTURE(lines);
  CHECK(Has(lines, "deleted d/goes"));
  CHECK(tree.journal.unlistable().empty());
}

TEST_CASE("former trees: the whole directory goes meanwhile") {
  Renamed tree;
  if (!tree.journal.usable()) return;
  Lines lines = tree.journal.Changes(Expanded(), [&] { RemoveTree(tree.journal.path("e")); });
  CAPTURE(lines);
  for (const char* gone : {"d/stays", "d/goes", "d/sub/f"}) {
    CHECK(Has(lines, std::string("deleted ") + gone));
  }
}

// Its members are not where the walk looks, and no record names them.
TEST_CASE("former trees: a directory renamed meanwhile leaves no list") {
  const std::vector<std::pair<std::string, std::string>> moves = {
      {"e", "elsewhere"}, {"e/sub", "other/sub"}, {"e/sub", "e/bus"}};
  for (const auto& [from, to] : moves) {
    CAPTURE(from, to);
    Renamed tree;
    if (!tree.journal.usable()) return;
    tree.journal.Changes(Expanded(),
                         [&] { Rename(tree.journal.path(from), tree.journal.path(to)); });
    CHECK(tree.journal.unlistable().find("renamed while") != std::string::npos);
  }
}

TEST_CASE("former trees: a directory renamed and renamed back meanwhile leaves no list") {
  Renamed tree;
  if (!tree.journal.usable()) return;
  tree.journal.Changes(Expanded(), [&] {
    Rename(tree.journal.path("e/sub"), tree.journal.path("other/sub"));
    Rename(tree.journal.path("other"), tree.journal.path("another"));
    Rename(tree.journal.path("another/sub"), tree.journal.path("e/sub"));
  });
  CHECK(tree.journal.unlistable().find("renamed while") != std::string::npos);
}

TEST_CASE("former trees: directories renamed elsewhere meanwhile do not matter") {
  Renamed tree;
  if (!tree.journal.usable()) return;
  Lines lines = tree.journal.Changes(Expanded(), [&] {
    Rename(tree.journal.path("other"), tree.journal.path("another"));
    Unlink(tree.journal.path("e/goes"));
  });
  CAPTURE(lines);
  CHECK(Has(lines, "deleted d/goes"));
  CHECK(tree.journal.unlistable().empty());
}

// `watched`, which is watched, and `outside`.
class Border {
 public:
  Border() : journal("ext4", "watched") {
    if (!journal.usable()) return;
    MakeDirectory(journal.path("watched/x"));
    WriteFile(journal.path("watched/x/member"), "1");
    MakeDirectory(journal.path("outside"));
    MakeDirectory(journal.path("outside/sub"));
    WriteFile(journal.path("outside/sub/f"), "1");
    journal.Mark();
    question = Expanded();
    question.since.token = journal.token();
  }
  // Out with x, and what happens there is read, and so dropped, while it is outside.
  void TakeOut(const std::string& to) {
    Rename(journal.path("watched/x"), journal.path(to));
    Unlink(journal.path(to + "/member"));
    journal.Mark();
  }
  // The list names what went from x outside, or is refused.
  bool IsSafe() {
    const Lines lines = journal.ChangesSince(question);
    return Has(lines, "deleted watched/x/member") || !journal.unlistable().empty();
  }

  TestJournal journal;
  Question question;
};

TEST_CASE("former trees: one that lay in a directory outside of the watch is refused") {
  Border border;
  if (!border.journal.usable()) return;
  border.TakeOut("outside/x");
  Rename(border.journal.path("outside"), border.journal.path("watched/came"));
  MakeDirectory(border.journal.path("watched/x"));
  CHECK(border.IsSafe());
}

TEST_CASE("former trees: one that lay in a directory that came in later and was left there") {
  Border border;
  if (!border.journal.usable()) return;
  border.TakeOut("outside/x");
  Rename(border.journal.path("outside/x"), border.journal.path("watched/x"));
  Rename(border.journal.path("outside"), border.journal.path("watched/came"));
  CHECK(border.IsSafe());
}

TEST_CASE("former trees: one that lay below a directory that came in later and moved on") {
  Border border;
  if (!border.journal.usable()) return;
  border.TakeOut("outside/sub/x");
  Rename(border.journal.path("outside"), border.journal.path("watched/came"));
  Rename(border.journal.path("watched/came/sub"), border.journal.path("watched/sub"));
  MakeDirectory(border.journal.path("watched/x"));
  CHECK(border.IsSafe());
}

TEST_CASE("former trees: a directory that came in may be renamed, and those in it") {
  Border border;
  if (!border.journal.usable()) return;
  Rename(border.journal.path("outside"), border.journal.path("watched/new"));
  Rename(border.journal.path("watched/new"), border.journal.path("watched/app"));
  Rename(border.journal.path("watched/app/sub"), border.journal.path("watched/app/lib"));
  Rename(border.journal.path("watched/x"), border.journal.path("watched/app/x"));
  const Lines lines = border.journal.ChangesSince(border.question);
  CAPTURE(lines, border.journal.unlistable());
  CHECK(border.journal.unlistable().empty());
  CHECK(Has(lines, "deleted watched/x/member"));
  CHECK(Has(lines, "created watched/app/lib/f"));
}

TEST_CASE("former trees: one that lay two levels below a directory that came in later") {
  Border border;
  if (!border.journal.usable()) return;
  MakeDirectory(border.journal.path("outside/sub/deep"));
  border.TakeOut("outside/sub/deep/x");
  Rename(border.journal.path("outside"), border.journal.path("watched/came"));
  Rename(border.journal.path("watched/came/sub/deep"), border.journal.path("watched/deep"));
  Rename(border.journal.path("watched/came/sub"), border.journal.path("watched/sub"));
  MakeDirectory(border.journal.path("watched/x"));
  CHECK(border.IsSafe());
}

TEST_CASE("former trees: one that was moved into a directory that had come in, which is renamed") {
  Border border;
  if (!border.journal.usable()) return;
  Rename(border.journal.path("outside"), border.journal.path("watched/app"));
  Rename(border.journal.path("watched/x"), border.journal.path("watched/app/sub/x"));
  Rename(border.journal.path("watched/app/sub"), border.journal.path("watched/lib"));
  const Lines lines = border.journal.ChangesSince(border.question);
  CAPTURE(lines, border.journal.unlistable());
  CHECK(border.journal.unlistable().empty());
  CHECK(Has(lines, "deleted watched/x/member"));
}

}  // namespace
}  // namespace cj
