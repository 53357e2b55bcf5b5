// What the tests of this folder share: volumes, a scope, a clock, and an engine on fakes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "checkpoint/engine.h"
#include "checkpoint/spool_memory.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/recording_store.h"

namespace cj {

// Volume number n: fsid n, path "/v<n>".
VolumeMount TestVolume(std::uint32_t number);

FileHandle TestHandle(const std::string& bytes);

inline constexpr JournalId kTestJournal(1);

// For a Spool of kTestJournal.
SpoolMemory NewSpoolMemory();

// An event of a file of volume 1: object "o-<name>", parent "dir".
EventSpec FileEvent(std::uint64_t mask, const std::string& name);

// Everything is in scope but the directories and names given. Set before it is used.
class TestScope : public Scope {
 public:
  bool InScope(VolumeId volume, HandleView directory, std::string_view name) override;
  bool HasSeveralNames(VolumeId volume, HandleView object) override;
  bool HasFurtherNames(VolumeId volume, HandleView object, HandleView directory,
                       std::string_view name) override;
  void DirectoryMoved() override { ++moved; }
  void NamesCame(VolumeId volume, HandleView object, bool directory) override;

  std::set<std::string> outside;        // directories
  std::set<std::string> several_names;  // objects
  std::vector<std::string> names_came;  // objects, directories as "d/"
  int asked_names = 0;
  int moved = 0;
};

// Where watches lead, once: `next` is what the next look finds. Declared before the engine, whose
// end looks once more.
class FakeSource : public WatchSource {
 public:
  Whereabouts Look() override { return std::exchange(next, {}); }
  Whereabouts next;
};

// Goes on by one microsecond each time it is asked. Any thread.
class TickingClock : public Clock {
 public:
  std::int64_t RealtimeUsec() const override { return kStart + set_ + ticks_.fetch_add(1); }
  std::int64_t MonotonicUsec() const override { return ticks_.fetch_add(1); }
  void Advance(std::int64_t usec) { ticks_.fetch_add(usec); }
  // As somebody sets it: only the time of day changes.
  void Set(std::int64_t by_usec) { set_.fetch_add(by_usec); }
  static constexpr std::int64_t kStart = 1'700'000'000'000'000;

 private:
  mutable std::atomic<std::int64_t> ticks_ = 1'000;
  std::atomic<std::int64_t> set_ = 0;
};

// The reader drains only when it is asked to (FakeKernel::Options::wake_reader makes it drain by
// itself). Start() before use.
struct TestEngine {
  explicit TestEngine(const FakeKernel::Options& kernel_options = {}) : kernel(kernel_options) {}
  Status Start();

  FakeKernel kernel;
  RecordingStore store;
  TestScope scope;
  TickingClock clock;
  EngineOptions options;
  std::vector<VolumeMount> volumes{TestVolume(1), TestVolume(2)};
  std::unique_ptr<Engine> engine;

  PeriodId open_period() const { return store.Periods().back().id; }
  // Names in the records of a period, in order.
  std::vector<std::string> NamesIn(PeriodId period) const;
};

}  // namespace cj
