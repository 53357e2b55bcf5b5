// Lists of records that no filesystem tells on demand.
#include <catch2/catch.hpp>

#include "tests/service/journal_fixture.h"
#include "tests/service/recorded_tree.h"

namespace cj {
namespace {

std::unique_ptr<Answer> Begin(RecordedTree& tree, const AnswerRequest& request,
                              AnswerLimits limits = {}) {
  auto answer = tree.Ask(request, limits);
  if (!answer.has_value()) FAIL(answer.error().message);
  return std::move(*answer);
}

Paths PathsOf(RecordedTree& tree, std::size_t batch) {
  return PathsOf(tree.filesystem.path(), *Begin(tree, tree.ListRequest()), batch);
}

Paths ListSince(RecordedTree& tree, PeriodId from, bool until_now = true) {
  AnswerRequest request = tree.ListRequest();
  request.from = from;
  request.until_now = until_now;
  return PathsOf(tree.filesystem.path(), *Begin(tree, request), 100);
}

struct Step {
  bool more = false;
  std::size_t told = 0;
  friend bool operator==(const Step&, const Step&) = default;
};

Step Next(Answer& answer, std::size_t max) {
  std::vector<Change> changes;
  auto more = answer.Next(max, &changes);
  if (!more.has_value()) FAIL(more.error().message);
  return {*more, changes.size()};
}

}  // namespace

// What the kernel tells in events that have been merged: the second file looks as if it were new.
TEST_CASE("lists: another file at a name that was plain so far") {
  const auto tree = RecordedTree::On("ext4");
  if (tree == nullptr) return;
  WriteFile(tree->filesystem.path("name"), "1");
  WriteFile(tree->filesystem.path("other"), "1");
  tree->Add(tree->RecordOf("name", kModified));
  Unlink(tree->filesystem.path("name"));
  Link(tree->filesystem.path("other"), tree->filesystem.path("name"));
  tree->Add(tree->RecordOf("name", kCreated | kModified));
  CHECK(PathsOf(*tree, 100) == Paths{"", "/name", "/other"});
}

// No record tells of the link, so that whoever looks says so.
TEST_CASE("lists: what one has looked at serves another whose interval had begun by then") {
  const auto tree = RecordedTree::On("ext4");
  if (tree == nullptr) return;
  WriteFile(tree->filesystem.path("a"), "1");
  tree->Add(tree->RecordOf("a", kModified));
  tree->NextPeriod();
  // What one looked at whose interval is over is his own.
  CHECK(ListSince(*tree, PeriodId(1), false) == Paths{"/a"});
  Link(tree->filesystem.path("a"), tree->filesystem.path("b"));
  CHECK(ListSince(*tree, PeriodId(1)) == Paths{"/a", "/b"});
  Unlink(tree->filesystem.path("b"));
  CHECK(ListSince(*tree, PeriodId(1)) == Paths{"/a"});
  Link(tree->filesystem.path("a"), tree->filesystem.path("b"));
  CHECK(ListSince(*tree, PeriodId(1)) == Paths{"/a"});
  CHECK(ListSince(*tree, PeriodId(1), false) == Paths{"/a", "/b"});
  tree->Add(tree->RecordOf("a", kModified));
  tree->NextPeriod();
  CHECK(ListSince(*tree, PeriodId(1)) == Paths{"/a"});
  CHECK(ListSince(*tree, PeriodId(2)) == Paths{"/a", "/b"});
}

// The last thing that an answer does is to ask whether it was withdrawn: after it has looked.
TEST_CASE("lists: a look counts from the period in which it began") {
  int last = 0;
  for (const bool counting : {true, false}) {
    const auto tree = RecordedTree::On("tmpfs");
    if (tree == nullptr) return;
    WriteFile(tree->filesystem.path("a"), "1");
    tree->Add(tree->RecordOf("a", kModified));
    tree->NextPeriod();
    int calls = 0;
    tree->cancelled = [&] {
      last = counting ? ++calls : last;
      if (counting || ++calls != last) return false;
      Link(tree->filesystem.path("a"), tree->filesystem.path("b"));
      tree->NextPeriod();
      tree->NextPeriod();
      return false;
    };
    CHECK(Next(*Begin(*tree, tree->ListRequest()), 100) == Step{false, 1});
    tree->cancelled = nullptr;
    if (counting) continue;
    REQUIRE(IsThere(tree->filesystem.path("b")));
    tree->Add(tree->RecordOf("a", kModified));
    CHECK(ListSince(*tree, PeriodId(3)) == Paths{"/a", "/b"});
  }
}

// A program writes through a name that the file has lost: the record has the former directory.
TEST_CASE("lists: another directory has come to the path before anybody looked") {
  const auto tree = RecordedTree::On("ext4");
  if (tree == nullptr) return;
  auto path = [&](const char* name) { return tree->filesystem.path(name); };
  for (const char* name : {"d", "d2"}) MakeDirectory(path(name));
  WriteFile(path("d/n"), "1");
  const Record record = tree->RecordOf("d/n", kModified);
  Link(path("d/n"), path("d2/n"));
  Unlink(path("d/n"));
  tree->Add(record);
  tree->NextPeriod();
  AnswerLimits limits;
  limits.names_for_two = 0;  // few names, too, are looked at in the next step
  const auto slow = Begin(*tree, tree->ListRequest(), limits);
  REQUIRE(Next(*slow, 1) == Step{true, 1});
  Rename(path("d"), path("old"));
  Rename(path("d2"), path("d"));
  tree->NextPeriod();
  tree->Add(record);
  tree->NextPeriod();
  PathsOf(tree->filesystem.path(), *slow, 1);
  CHECK(ListSince(*tree, PeriodId(3)) == Paths{"/d/n", "/old/n"});
}

TEST_CASE("lists: more periods than one scan, or one step, looks at") {
  const auto tree = RecordedTree::On("tmpfs");
  if (tree == nullptr) return;
  Paths wanted;
  for (int i = 0; i < 3; ++i) {
    const std::string name = std::to_string(i);
    WriteFile(tree->filesystem.path(name), "1");
    tree->Add(tree->RecordOf(name, kModified));
    wanted.insert("/" + name);
    for (int empty = 0; empty < 300; ++empty) tree->NextPeriod();
  }
  AnswerLimits limits;
  for (const std::uint64_t periods : {8, 512, 32 * 1024}) {
    CAPTURE(periods);
    limits.periods_per_scan = periods;
    const auto answer = Begin(*tree, tree->ListRequest(), limits);
    CHECK(PathsOf(tree->filesystem.path(), *answer, 100) == wanted);
  }
}

TEST_CASE("lists: a few files of many periods are told in one step") {
  const auto tree = RecordedTree::On("tmpfs");
  if (tree == nullptr) return;
  for (const char* name : {"a", "b"}) {
    WriteFile(tree->filesystem.path(name), "1");
    tree->Add(tree->RecordOf(name, kModified));
    for (int i = 0; i < 10; ++i) tree->NextPeriod();
  }
  AnswerLimits limits;
  limits.periods_per_scan = 8;
  CHECK(Next(*Begin(*tree, tree->ListRequest(), limits), 100) == Step{false, 2});
}

TEST_CASE("lists: plain names do not wait for what is folded") {
  const auto tree = RecordedTree::On("tmpfs");
  if (tree == nullptr) return;
  for (const char* name : {"a", "b"}) WriteFile(tree->filesystem.path(name), "1");
  Link(tree->filesystem.path("b"), tree->filesystem.path("c"));
  for (const char* name : {"a", "b"}) tree->Add(tree->RecordOf(name, kModified));
  const auto answer = Begin(*tree, tree->ListRequest());
  CHECK(Next(*answer, 100) == Step{true, 2});
  const Paths rest = PathsOf(tree->filesystem.path(), *answer, 100);
  CHECK(rest.count("/c") == 1);
}

TEST_CASE("lists: files that went with their directory need no fold") {
  const auto tree = RecordedTree::On("ext4");
  if (tree == nullptr) return;
  MakeDirectory(tree->filesystem.path("d"));
  WriteFile(tree->filesystem.path("d/f"), "1");
  tree->Add(tree->RecordOf("d/f", kModified));
  AnswerLimits limits;
  limits.names_for_two = 0;
  const auto answer = Begin(*tree, tree->ListRequest(), limits);
  REQUIRE(Next(*answer, 100) == Step{true, 1});
  RemoveTree(tree->filesystem.path("d"));
  CHECK(Next(*answer, 100) == Step{false, 0});
}

// Between two of its scans an answer asks whether it was withdrawn.
TEST_CASE("lists: a period that is dropped in the middle of a step") {
  const auto tree = RecordedTree::On("tmpfs");
  if (tree == nullptr) return;
  WriteFile(tree->filesystem.path("a"), "1");
  for (int i = 0; i < 20; ++i) {
    tree->Add(tree->RecordOf("a", kModified));
    tree->NextPeriod();
  }
  AnswerLimits limits;
  limits.periods_per_scan = 8;
  std::vector<Change> changes;
  tree->cancelled = [&] {
    if (!changes.empty()) REQUIRE(tree->store.DropPeriodsBefore(PeriodId(15)).has_value());
    return false;
  };
  const auto answer = Begin(*tree, tree->ListRequest(), limits);
  auto next = answer->Next(100, &changes);
  REQUIRE_FALSE(next.has_value());
  CHECK(next.error().code == ErrorCode::kRescanNeeded);
  CHECK(changes.size() == 1);
}

TEST_CASE("lists: a period that is dropped before the first record is read") {
  const auto tree = RecordedTree::On("tmpfs");
  if (tree == nullptr) return;
  WriteFile(tree->filesystem.path("a"), "1");
  tree->Add(tree->RecordOf("a", kModified));
  tree->NextPeriod();
  const AnswerRequest request = tree->ListRequest();
  REQUIRE(tree->store.DropPeriodsBefore(PeriodId(2)).has_value());
  auto answer = tree->Ask(request);
  REQUIRE(answer.has_value());
  std::vector<Change> changes;
  auto next = (*answer)->Next(1, &changes);
  REQUIRE_FALSE(next.has_value());
  CHECK(next.error().code == ErrorCode::kRescanNeeded);
}

TEST_CASE("lists: records that the disk has lost meanwhile") {
  const auto tree = RecordedTree::On("tmpfs");
  if (tree == nullptr) return;
  for (const char* name : {"a", "b"}) {
    WriteFile(tree->filesystem.path(name), "1");
    tree->Add(tree->RecordOf(name, kModified));
  }
  const AnswerRequest request = tree->ListRequest();
  auto answer = tree->Ask(request);
  REQUIRE(answer.has_value());
  std::vector<Change> changes;
  REQUIRE((*answer)->Next(1, &changes).has_value());
  CHECK(changes.size() == 1);
  tree->store.Lose();
  auto next = (*answer)->Next(1, &changes);
  REQUIRE_FALSE(next.has_value());
  CHECK(next.error().code == ErrorCode::kBusy);
}

// Nobody can say where they were, and each is remembered until all has been read.
TEST_CASE("lists: directories that are gone count, too") {
  const auto tree = RecordedTree::On("ext4");
  if (tree == nullptr) return;
  constexpr std::size_t kLimit = 20;
  for (std::size_t i = 0; i <= kLimit; ++i) {
    MakeDirectory(tree->filesystem.path("d"));
    WriteFile(tree->filesystem.path("d/f"), "1");
    tree->Add(tree->RecordOf("d/f", kModified));
    RemoveTree(tree->filesystem.path("d"));
  }
  const AnswerRequest request = tree->ListRequest();
  AnswerLimits limits;
  limits.max_names = kLimit;
  auto answer = tree->Ask(request, limits);
  REQUIRE(answer.has_value());
  std::vector<Change> changes;
  REQUIRE((*answer)->Next(1000, &changes).has_value());
  CHECK((*answer)->rescan_reason().find("more than 20 changed names and") != std::string::npos);
}

}  // namespace cj
