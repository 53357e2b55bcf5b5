// A filesystem on which another process changes files as fast as it is allowed to, and processes
// with an engine that end at a point of death or by our hand. The test plays systemd: it keeps
// their descriptors and hands them to the next one.
//
// Built with CJ_TEST_DEATH (point_of_death.h). Needs root. RocksDB has threads, and a process that
// has them must not fork: a test opens no store but in processes that it has forked.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/engine.h"
#include "journal/rocks_store.h"
#include "tests/checkpoint/fd_store.h"
#include "tests/checkpoint/harness.h"
#include "tests/support/filesystems.h"

namespace cj {

// Of this process, from now on: what happens at every point of death that it passes, on whichever
// thread.
void OnTheWay(std::function<void(const std::string& point)> body);

class MortalScene {
 public:
  explicit MortalScene(TestFilesystem made);
  ~MortalScene();
  static std::string NameOf(int number) { return "f" + std::to_string(number); }

  std::string journal() const { return state.path("journal"); }
  // Files that have been made, and may be.
  int made() const { return shared_->made; }
  int allowed() const { return shared_->allow; }
  void Allow(int more) { shared_->allow = shared_->made + more; }
  void AwaitMade(int number) const;
  // A number that a process leaves for us.
  void Note(std::int64_t number) { shared_->noted = number; }
  std::int64_t noted() const { return shared_->noted; }

  // A store on the journal, and an engine over the filesystem. For the processes that die, and for
  // the last one.
  struct Running {
    std::unique_ptr<RocksStore> store;
    VolumeId volume;
    TestScope scope;
    std::unique_ptr<Engine> engine;
  };
  Result<std::unique_ptr<Running>> Run(DescriptorKeeper* keeper, std::vector<KeptDescriptor> kept,
                                       const std::string& watched = "all");

  // Checkpoints and flushes until the process dies.
  static void Live(Running& running);
  // A process with an engine that lives until it dies: at a point that it has passed `passes` times
  // before, or by our hand after `changes` more changes.
  void LiveAndDie(const char* point, int passes, int changes,
                  const std::function<void(Running&)>& live = Live);

  TestFilesystem filesystem;
  TemporaryDirectory state;
  FdStore fd_store;
  bool quiet = false;  // no changes but those that a test makes itself

 private:
  // With the process that changes files, and with those that die.
  struct Shared {
    std::atomic<int> made;
    std::atomic<int> allow;
    std::atomic<std::int64_t> noted;
  };

  [[noreturn]] void Write();
  [[noreturn]] void BeMortal(const char* point, int passes, int socket,
                             const std::function<void(Running&)>& live);

  Shared* shared_ = nullptr;
  pid_t writer_ = 0;
};

// Null, and counted as skipped, where there is no such filesystem.
std::unique_ptr<MortalScene> MakeMortalScene(const std::string& type);

Result<std::set<std::string>> NamesIn(const RocksStore& store);

}  // namespace cj
