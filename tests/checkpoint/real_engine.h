// An engine on the real kernel and the real store, for tests. Needs root.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/engine.h"
#include "journal/rocks_store.h"
#include "tests/checkpoint/harness.h"
#include "tests/support/filesystems.h"

namespace cj {

inline std::optional<TestFilesystem> MakeFilesystem(const std::string& type) {
  auto made = TestFilesystem::Create(type);
  if (made) return std::move(*made);
  WARN("SKIPPED: " << type << ": " << made.error().message);
  return std::nullopt;
}

// An engine that watches one filesystem; its store is in a directory elsewhere.
struct RealEngine {
  static std::unique_ptr<RealEngine> Start(const std::string& type) {
    auto made = MakeFilesystem(type);
    return made.has_value() ? Start(std::move(*made)) : nullptr;
  }
  static std::unique_ptr<RealEngine> Start(TestFilesystem made) {
    auto real = std::make_unique<RealEngine>(std::move(made));
    auto store = OpenRocksStore(real->state.path("journal"));
    REQUIRE(store);
    real->store = std::move(*store);
    auto volume = FindVolume(real->filesystem.path());
    REQUIRE(volume);
    auto id = real->store->InternVolume(volume->identity);
    REQUIRE(id);
    volume->id = *id;
    EngineOptions options;
    options.reader.memory_is_short = [] { return false; };  // of the machine, beside other tests
    auto engine =
        StartEngine(LinuxKernel(), *real->store, real->scope, Clock::System(), {*volume}, options);
    INFO((engine ? "" : engine.error().message));
    REQUIRE(engine);
    real->engine = std::move(*engine);
    return real;
  }
  explicit RealEngine(TestFilesystem made) : filesystem(std::move(made)) {}

  PeriodId open_period() const { return store->Periods().back().id; }

  std::vector<Record> Records() const {
    auto cursor = store->Scan({PeriodId(0), open_period().Next(), SequenceNumber(), false});
    REQUIRE(cursor);
    std::vector<Record> records;
    Record record;
    for (;;) {
      auto more = (*cursor)->Next(&record);
      REQUIRE(more);
      if (!*more) return records;
      records.push_back(record);
    }
  }

  // Operations by name, of one period.
  std::map<std::string, std::uint32_t> OperationsIn(PeriodId period) const {
    std::map<std::string, std::uint32_t> operations;
    for (const Record& record : Records()) {
      if (record.period == period) operations[record.name] |= record.operations;
    }
    return operations;
  }

  TestFilesystem filesystem;
  TemporaryDirectory state;
  std::unique_ptr<RocksStore> store;
  TestScope scope;
  std::unique_ptr<Engine> engine;
};

}  // namespace cj
