// Writable shared mappings: the one way to change a file that sends no event. The table keeps some
// for a long time, across checkpoints, and has a child process that inherited earlier ones over
// fork() and goes on storing through them, also after this process has unmapped them.
// A store that hits a hole beyond the end (the file was truncated) is caught (SIGBUS).
// Single-threaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace cj::oracle {

struct Mapping {
  char* address = nullptr;
  std::size_t size = 0;
  std::string path;  // where it was mapped
};

// Maps a regular file of at least one byte; address is null when that fails.
Mapping MapFile(int fd, const std::string& path);
// False when the page is not there any more.
bool Store(const Mapping& mapping, std::uint64_t place, char value);
void Unmap(Mapping* mapping);

class MappingTable {
 public:
  static constexpr std::size_t kLimit = 8;

  MappingTable() = default;
  MappingTable(const MappingTable&) = delete;
  MappingTable& operator=(const MappingTable&) = delete;
  ~MappingTable();

  std::vector<Mapping>& own() { return own_; }
  void Add(Mapping mapping);
  void Drop(std::size_t index);

  // Ends the child, if any, and forks another, which inherits the mappings of now.
  void ForkChild();
  void EndChild();
  bool has_child() const { return child_ > 0 && !inherited_.empty(); }
  // What the child can store to.
  const std::vector<Mapping>& inherited() const { return inherited_; }
  // The child stores one byte; returns when it has.
  bool StoreInChild(std::size_t index, std::uint64_t place, char value);

 private:
  std::vector<Mapping> own_;
  std::vector<Mapping> inherited_;  // as the child has them; addresses are the child's
  pid_t child_ = -1;
  UniqueFd channel_;
};

}  // namespace cj::oracle
