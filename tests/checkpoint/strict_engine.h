// An engine in strict mode with a kernel, programs and a store that the test drives. Not
// thread-safe, but for what says so.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/engine.h"
#include "tests/checkpoint/harness.h"
#include "tests/support/fake_openers.h"

namespace cj {

// Keeps nothing, but says so: then the ring alone is as good as the store.
class Keeper : public DescriptorKeeper {
 public:
  bool Keep(const std::string&, int) override { return true; }
  void Forget(const std::string&) override {}
};

class Places : public TestScope {
 public:
  Whereabouts Find(VolumeId, HandleView object) override {
    const std::string name(object.bytes);
    return {name.substr(0, 7) != "outside", TestHandle("dir"), name};
  }
};

struct StrictEngine {
  explicit StrictEngine(bool kept = true, bool sync = false) {
    options.strict.wanted = true;
    options.strict.sync = sync;
    options.strict.volumes = {{TestVolume(1), PreMode::kOpen, sync}};
    options.strict.scope = &places;
    if (kept) options.keeper = &keeper;
  }
  ~StrictEngine() { kernel.SetHook({}); }
  void Start() {
    Clock& used = real_time ? Clock::System() : clock;
    auto started =
        StartEngine(kernel, store, scope, used, {TestVolume(1)}, options, std::move(inherited));
    REQUIRE(started);
    engine = std::move(*started);
  }
  // A program opens a file for writing and is let through.
  void Open(const std::string& object) {
    INFO(object);
    REQUIRE(kernel.AwaitDone(kernel.Begin({object, true, 4242})));
  }
  void Modify(const std::string& object) {
    EventSpec event = FileEvent(FAN_MODIFY, object);
    event.object = object;
    kernel.Report(event);
  }
  PeriodId open_period() const { return store.Periods().back().id; }
  // Operations on the file in a period.
  std::uint32_t In(PeriodId period, const std::string& name) const {
    std::uint32_t operations = 0;
    for (const Record& record : store.records()) {
      if (record.period == period && record.name == name) operations |= record.operations;
    }
    return operations;
  }
  std::size_t Position(const std::vector<std::string>& calls, const std::string& call) const {
    const auto found = std::find(calls.begin(), calls.end(), call);
    REQUIRE(found != calls.end());
    return static_cast<std::size_t>(found - calls.begin());
  }

  FakeOpeners kernel;
  RecordingStore store;
  TestScope scope;
  Places places;
  TickingClock clock;
  bool real_time = false;
  Keeper keeper;
  EngineOptions options;
  std::vector<KeptDescriptor> inherited;
  std::unique_ptr<Engine> engine;
};

// Somebody who has it open.
inline SilentWriter OpenWriter(const std::string& object) {
  SilentWriter writer;
  writer.volume = VolumeId(1);
  writer.object = TestHandle(object);
  return writer;
}

}  // namespace cj
