// Directories that stood somewhere for a while: a reader may have copied what was in them, which no
// record names, since it came and left with its directory.
#include <catch2/catch.hpp>
#include <functional>

#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

// The directory y stands at x for a while and ends at z.
struct Visit {
  const char* what;
  bool file_before;                                // there is a file x before
  std::function<void(const TestJournal&)> before;  // what happens before it comes, may be empty
  std::function<void(const TestJournal&)> after;   // and when it has left
  Lines told;                                      // among others
};

void MakeFile(const TestJournal& journal) { WriteFile(journal.path("x"), "2"); }
void RemoveFile(const TestJournal& journal) { Unlink(journal.path("x")); }
void MoveAway(const TestJournal& journal) { Rename(journal.path("x"), journal.path("w")); }
void MoveBack(const TestJournal& journal) { Rename(journal.path("w"), journal.path("x")); }
void MakeAndRemove(const TestJournal& journal) {
  MakeFile(journal);
  RemoveFile(journal);
}
void MoveAnotherThere(const TestJournal& journal) {
  Rename(journal.path("other"), journal.path("x"));
}

const std::vector<Visit>& Visits() {
  static const std::vector<Visit> visits = {
      {"the name is gone, and was a file's last",
       false,
       {},
       MakeAndRemove,
       {"deleted x recursive transient"}},
      {"the name is gone, and was a file's first", true, RemoveFile, {}, {"deleted x recursive"}},
      {"the file whose name it was is told as renamed",
       true,
       MoveAway,
       {},
       {"renamed x -> w", "deleted x recursive transient"}},
      {"another file has the name of the one before",
       true,
       RemoveFile,
       MakeFile,
       {"modified x data metadata recursive"}},
      {"a new file has the name", false, {}, MakeFile, {"created x recursive"}},
      {"the same file is back at the name",
       true,
       MoveAway,
       MoveBack,
       {"modified x metadata recursive"}},
      {"another file was renamed to the name",
       false,
       {},
       MoveAnotherThere,
       {"renamed other -> x recursive"}},
  };
  return visits;
}

TEST_CASE("visitors: every line of the name tells of all below it") {
  for (const Visit& visit : Visits()) {
    CAPTURE(visit.what);
    TestJournal journal("ext4");
    if (!journal.usable()) return;
    MakeDirectory(journal.path("y"));
    WriteFile(journal.path("y/member"), "1");
    WriteFile(journal.path("other"), "1");
    if (visit.file_before) WriteFile(journal.path("x"), "1");
    journal.Mark();
    if (visit.before) visit.before(journal);
    Rename(journal.path("y"), journal.path("x"));
    Rename(journal.path("x"), journal.path("z"));
    if (visit.after) visit.after(journal);
    const Lines lines = journal.Changes();
    CAPTURE(lines);
    for (const std::string& line : visit.told) CHECK(Has(lines, line));
  }
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
