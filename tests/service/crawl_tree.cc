#include "tests/service/crawl_tree.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/oracle/comparison.h"

namespace cj {

void MakeTree(const std::string& top) {
  MakeDirectory(top);
  for (const std::string directory : {"/a", "/b", "/c"}) {
    MakeDirectory(top + directory);
    MakeDirectory(top + directory + "/d");
    MakeDirectory(top + directory + "/d/e");
    for (const std::string file : {"/f", "/g", "/d/f", "/d/e/f", "/d/e/g", "/d/e/h"}) {
      WriteFile(top + directory + file, directory + file);
    }
  }
}

std::unique_ptr<TestJournal> JournalOfTree(const std::string& type) {
  auto journal = std::make_unique<TestJournal>(type, "tree");
  if (!journal->usable()) return journal;
  RemoveTree(journal->path("tree/lost+found"));
  journal->Stop();
  RemoveTree(journal->path("tree"));
  MakeTree(journal->path("tree"));
  MakeTree(journal->path("outside"));
  Rename(journal->path("outside/a/d"), journal->path("outside/d"));
  TestJournal::Age();
  journal->Start();
  journal->AwaitCrawl();
  TestJournal::Age();
  journal->Mark();
  return journal;
}

std::vector<Change> ChangesOf(TestJournal& journal) {
  Question question;
  question.since.token = journal.token();
  auto opened = journal.service().OpenAnswer(question);
  if (!opened.has_value()) FAIL(opened.error().message);
  std::vector<Change> changes;
  for (bool more = true; more;) {
    auto next = opened->answer->Next(100, &changes);
    if (!next.has_value()) FAIL(next.error().message);
    more = *next;
  }
  return changes;
}

namespace {

bool Covered(const Change& change, const std::string& told, const std::string& path) {
  return told == path || (change.recursive && PathContains(told, path));
}

}  // namespace

TreeCopy::TreeCopy(const TestJournal& journal, const std::string& type)
    : tree_(journal.root() + "/tree") {
  auto made = TestFilesystem::Create(type);
  if (!made.has_value()) return;
  filesystem_ = std::make_unique<TestFilesystem>(std::move(made).value());
  REQUIRE(RunProgram({"cp", "-a", "--", tree_, filesystem_->path()}));
}

std::vector<std::string> TreeCopy::Uncovered(const std::vector<Change>& changes) const {
  const auto none = [](const std::string&) { return false; };
  std::vector<std::string> uncovered;
  // Links too many in the copy are no difference: which of the names was made anew is told, and the
  // comparison would blame another one.
  constexpr auto kRule = oracle::LinkRule::kNoLinkIsMissing;
  for (const auto& difference : oracle::Compare(tree_, filesystem_->path("tree"), kRule, none)) {
    const std::string path =
        difference.relative.empty() ? tree_ : tree_ + "/" + difference.relative;
    const bool covered = std::any_of(changes.begin(), changes.end(), [&](const Change& change) {
      return Covered(change, change.path, path) ||
             (!change.from.empty() && Covered(change, change.from, path));
    });
    if (!covered) uncovered.push_back(difference.relative + ": " + difference.what);
  }
  return uncovered;
}

}  // namespace cj
