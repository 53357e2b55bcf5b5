// What must be told again after a gap, although it has been recorded: a loss of power takes back
// what a filesystem had not written yet, change times included, so that no walk would find it. What
// was recorded shortly before the gap may so have been undone. Pure.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "journal/record.h"

namespace cj {

// Names and directories; beyond, everything counts as changed. Some 20 MiB.
inline constexpr std::size_t kMaxEchoes = 64 * 1024;

class CrawlEcho {
 public:
  explicit CrawlEcho(std::size_t max = kMaxEchoes) : max_(max) {}

  // A record of a change that may have been undone. False: there are too many.
  bool Add(const Record& record);
  // A record that is older, but may stand for later changes of the same content or attributes.
  bool AddContent(const Record& record);
  // What to store, without periods, numbers and times.
  std::vector<Record> Take();

 private:
  struct Name {
    VolumeId volume;
    FileHandle object;
    FileHandle parent;
    std::string name;
    bool directory = false;
    friend auto operator<=>(const Name&, const Name&) = default;
  };
  void AddDirectory(VolumeId volume, const FileHandle& directory);
  bool HasRoom() const { return directories_.size() + names_.size() <= max_; }

  const std::size_t max_;
  std::set<std::pair<VolumeId, FileHandle>> directories_;  // whose entries changed
  std::set<Name> names_;                                   // of what changed otherwise
};

}  // namespace cj
