// One process that changes the tree at random. The names come from a small pool, so that writers
// meet: names are used again, objects are replaced by others of another type, and most operations
// find something to work on. Single-threaded; each writer is a process of its own.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/oracle/mappings.h"
#include "tests/oracle/operation_log.h"
#include "tests/oracle/random.h"

namespace cj::oracle {

class Writer;

// One row of the table of things a program can do to a tree.
struct OperationKind {
  const char* name;             // for --only, --without and the log
  unsigned weight;              // how often, relative to the others
  bool (*run)(Writer& writer);  // true when something was done
};

std::span<const OperationKind> FileOperations();       // content of files
std::span<const OperationKind> HeldFileOperations();   // through descriptors kept open
std::span<const OperationKind> MappingOperations();    // stores that send no event
std::span<const OperationKind> EntryOperations();      // names: make, unlink, link, rename
std::span<const OperationKind> DirectoryOperations();  // whole directories
std::span<const OperationKind> AttributeOperations();
std::vector<OperationKind> AllOperations();

// Shared between the oracle and a writer (a shared anonymous mapping).
struct WriterState {
  std::atomic<std::uint64_t> operations{0};
  std::atomic<bool> hold{false};
};

struct WriterSetup {
  std::string inside;
  std::string outside;
  std::string log_directory;
  unsigned number = 0;
  std::uint64_t seed = 0;
  std::vector<OperationKind> operations;
  WriterState* state = nullptr;
  int held = -1;    // a byte is written here whenever the writer holds still
  int resume = -1;  // and one is read here to go on: 'r' resume, anything else: finish
};

class Writer {
 public:
  explicit Writer(const WriterSetup& setup);
  // Runs until told to finish.
  void Run();

  // A path that a file may have; mostly inside of the watch, now and then excluded or outside.
  std::string File();
  // The same for a directory, at most `depth` below the top.
  std::string Directory(unsigned depth = 3);
  std::string Outside() const { return setup_.outside; }
  std::string InsideDirectory();
  std::string OutsideFile();

  // Opens a regular file without following or blocking; with O_CREAT, makes missing parents.
  UniqueFd Open(const std::string& path, int flags);
  void MakeParents(const std::string& path);
  // A file that is there to work on: made when it is not.
  UniqueFd OpenOrCreate(const std::string& path, int flags);

  // Logs one completed call; returns whether it succeeded (result >= 0; errno says why not).
  bool Log(const char* what, long result, const std::string& path, const std::string& other = {});

  Random random;
  MappingTable mappings;
  struct HeldFile {
    UniqueFd fd;
    std::string path;  // where it was opened
  };
  std::vector<HeldFile> held_files;

 private:
  std::string Top();
  const OperationKind& Choose();
  // False when it is time to finish.
  bool HoldStill();

  WriterSetup setup_;
  OperationLog log_;
  std::vector<unsigned> cumulative_weights_;
};

}  // namespace cj::oracle
