// A tree whose journal has gaps; what several files of tests for crawls share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/service/journal_fixture.h"

namespace cj {

// a, b and c, each with d/e and a few files.
void MakeTree(const std::string& top);

// "tree" is watched; "outside" is not, on the same filesystem. All of it is older than the margin
// of crawls, and no gap is open.
std::unique_ptr<TestJournal> JournalOfTree(const std::string& type);

// The changes since the journal's last Mark().
std::vector<Change> ChangesOf(TestJournal& journal);

// A copy of the tree, on another filesystem of its kind, to be compared with later.
class TreeCopy {
 public:
  TreeCopy(const TestJournal& journal, const std::string& type);
  bool usable() const { return filesystem_ != nullptr; }
  // The paths that differ and that no change covers, and in what they differ.
  std::vector<std::string> Uncovered(const std::vector<Change>& changes) const;

 private:
  std::string tree_;
  std::unique_ptr<TestFilesystem> filesystem_;
};

}  // namespace cj
