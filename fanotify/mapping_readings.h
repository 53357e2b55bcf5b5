// When the maps of one process have been read often enough. Pure bookkeeping, inside this folder
// and its tests only; not thread-safe; one object for one scan of one process.
//
// A reading of /proc/PID/maps takes time, and each mapping that it lists is looked up afterwards by
// its addresses, where it may not be any more. What has to be found are the mappings that are there
// from the first reading to the last. In one reading such a mapping can be missing only because
// mremap(2) moved it from what was not read yet to what had been read; to be missing in two it
// would have to move twice, each time across the place that was being read. So:
//
//   * the files that the first two readings list are all that matter: what is first listed later
//   was
//     mapped after the scan had begun;
//   * each of them is an open question until a reading finds everything that it lists of the file
//     (or the file is known to be written), or until two readings in a row do not list it: then it
//     has been unmapped.
//
// What a process maps and unmaps meanwhile, however fast, keeps nobody waiting: only a file that
// stays mapped and whose mapping is at another place at each look does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <utility>

namespace cj {

class MappingReadings {
 public:
  // Device of the superblock and inode number, as the maps have them. On btrfs two files can have
  // the same ones.
  using File = std::pair<dev_t, std::uint64_t>;

  // One mapping of the present reading. `found`: it was still there when it was looked up, or is
  // known to be of a file that has been found.
  void Listed(const File& file, bool found);
  // The present reading has listed one that was not found.
  bool missing() const;
  // Ends the present reading. True when no other one is needed. `disturbed`: the reader was put
  // aside in the middle of it, so that a mapping had much time to move; such a reading does not
  // count, unless there have been kMaxDisturbed of them: the machine has other things to do.
  static constexpr int kMaxDisturbed = 8;
  bool End(bool disturbed = false);

 private:
  int reading_ = 1;  // of those that count
  int disturbed_ = 0;
  std::map<File, bool> listed_;         // in this reading; false: some mapping of it was not found
  std::map<File, int> open_questions_;  // in how many readings since then it was not listed
};

}  // namespace cj
