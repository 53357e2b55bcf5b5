// A mirror that knows of its source only what the answers say. It stands for any tool that copies
// the paths it is told: it must not find a change by itself, or a missed path would go unnoticed.
//
// The algorithm. Each reported path is looked at in the source *now*, while the writers go on:
//   - gone: remove it from the replica, with all below it;
//   - a directory: make it one, carry its attributes over, leave its entries alone; if the path was
//     reported recursively, make the entries equal, too (remove what is too many);
//   - anything else: see below.
// Whatever is copied in the middle of a change is repaired by a later answer, because that change
// ends later (guarantee G1). Parents that are missing are made with attributes of their own
// (kImpliedMode), so that an unreported one is noticed; a parent's mtime is put back after its
// entries changed, so that only its own report can move it.
//
// Hard links, the way of rsync -aHAX --files-from: names of one source inode *in the same answer*
// become names of one replica inode. A name whose replica is equal and was made from the same
// source inode stays as it is; any other is made anew, which parts it from its former links: they
// are stale unless they are in this answer, too. So a change of an inode has to be reported at all
// its names. In one respect this is better than rsync, which leaves a link standing when the
// source's is gone and nothing else differs: the source inode that every replica inode was made
// from is remembered.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "tests/oracle/tree.h"

namespace cj::oracle {

struct ReplicaCounters {
  std::uint64_t looked_at = 0;  // paths compared, members of recursive ones included
  std::uint64_t differed = 0;   // those at which the replica was not equal
};

class Replica {
 public:
  // `ignored`: relative paths that are none of the mirror's business (excluded, or withheld).
  Replica(const std::string& source, const std::string& replica,
          std::function<bool(const std::string&)> ignored);

  // Lets go of the source, so that it can be unmounted; and takes it again, the same filesystem.
  void CloseSource() { source_.reset(); }
  void OpenSource(const std::string& source);

  // Forgets which inodes the last answer had.
  void BeginAnswer();
  // Brings the replica's `relative` in line with the source. What is there no
  // more when it is copied is removed; a later answer says what came instead.
  void Sync(const std::string& relative, bool recursive);

  const ReplicaCounters& counters() const { return counters_; }

  static constexpr mode_t kImpliedMode = 01700;

 private:
  // A place in both trees.
  struct Place {
    int source;  // open directories
    int replica;
    std::string name;
    std::string relative;
  };
  void Remove(const std::string& relative);
  UniqueFd MakeParents(const std::string& directory);
  void Copy(const Place& place, bool recursive);
  static void RemoveVanished(const Place& place);
  void CopyDirectory(const Place& place, const Object& wanted, bool recursive);
  void CopyOther(const Place& place, const Object& wanted);
  void SyncEntries(const Place& place);
  // True when `wanted`'s inode had another name in this answer, and place is now a link to it.
  bool LinkToEarlier(const Place& place, InodeId wanted);
  void Remember(const Place& place, InodeId wanted);

  UniqueFd source_;
  UniqueFd replica_;
  std::function<bool(const std::string&)> ignored_;
  std::map<InodeId, InodeId> made_from_;           // replica inode -> source inode
  std::map<InodeId, std::string> in_this_answer_;  // source inode -> relative path
  ReplicaCounters counters_;
};

}  // namespace cj::oracle
