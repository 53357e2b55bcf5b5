// Volumes that come into strict mode and leave it while the engine runs.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/checkpoint/strict_engine.h"

namespace cj {
namespace {

std::shared_ptr<Binding> StrictOn(const std::vector<VolumeMount>& volumes) {
  auto binding = std::make_shared<Binding>();
  binding->volumes = volumes;
  for (const VolumeMount& volume : volumes) binding->strict.push_back({volume, PreMode::kOpen});
  return binding;
}

TEST_CASE(
    "strict: a volume that comes later is in strict mode from then on, one that goes is not") {
  FakeSource source;  // outlives the engine, whose end looks once more
  StrictEngine strict;
  strict.options.watches = &source;
  strict.Start();
  const PeriodId period = strict.open_period();
  const auto open_on = [&](const std::string& name, std::uint64_t fsid) {
    const int number = strict.kernel.Begin({name, true, 4242}, fsid);
    REQUIRE(strict.kernel.AwaitDone(number));
    REQUIRE(strict.engine->Flush());
  };
  open_on("too early", 2);
  strict.kernel.writers = {OpenWriter("open already")};
  strict.kernel.writers[0].volume = VolumeId(2);
  SECTION("both are there") {
    source.next = {StrictOn({TestVolume(1), TestVolume(2)}), {}};
    REQUIRE(strict.engine->Flush());
    CHECK(strict.In(period, "open already") == kIntent);
    open_on("first", 1);
    CHECK(strict.In(period, "first") == kIntent);
  }
  SECTION("the first is no longer") {
    source.next = {StrictOn({TestVolume(2)}), {}};
    REQUIRE(strict.engine->Flush());
    CHECK(strict.In(period, "open already") == kIntent);
    open_on("first", 1);
    CHECK(strict.In(period, "first") == 0);
    while (strict.kernel.living_pre_groups() > 1) std::this_thread::yield();
  }
  SECTION("found by a checkpoint") {
    source.next = {StrictOn({TestVolume(1), TestVolume(2)}), {}};
    REQUIRE(strict.engine->Checkpoint(""));
    CHECK(strict.In(period.Next(), "open already") == kIntent);
  }
  open_on("second", 2);
  CHECK(strict.In(strict.open_period(), "second") == kIntent);
  CHECK(strict.In(period, "too early") == 0);
  // Also in the periods after.
  REQUIRE(strict.engine->Checkpoint(""));
  open_on("later", 2);
  CHECK(strict.In(strict.open_period(), "later") == kIntent);
}

TEST_CASE("strict: what the last look finds is not marked: nobody answers any more") {
  FakeSource source;  // outlives the engine, whose end looks once more
  StrictEngine strict;
  strict.options.watches = &source;
  strict.Start();
  source.next = {StrictOn({TestVolume(1), TestVolume(2)}), {}};
  const std::size_t before = strict.kernel.calls().size();
  REQUIRE(strict.engine->Stop());
  const auto calls = strict.kernel.calls();
  CHECK(std::count(calls.begin() + static_cast<std::ptrdiff_t>(before), calls.end(), "pre-mark") ==
        0);
  CHECK(strict.kernel.Done(strict.kernel.Begin({"f"})));
}

TEST_CASE(
    "strict: a volume that cannot be in strict mode now is a gap, and the others are served") {
  FakeSource source;  // outlives the engine, whose end looks once more
  StrictEngine strict;
  strict.options.watches = &source;
  strict.Start();
  const PeriodId period = strict.open_period();
  source.next = {StrictOn({TestVolume(1), TestVolume(2)}), {}};
  strict.kernel.FailNext("pre-create", Error{ErrorCode::kUnsupported, "not with this kernel"});
  REQUIRE(strict.engine->Flush());
  REQUIRE(strict.engine->Flush());
  strict.Open("f");
  REQUIRE(strict.engine->Flush());
  CHECK(strict.In(period, "f") == kIntent);
  const std::vector<Gap> gaps = strict.store.Periods().back().gaps;
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].cause == "strict mode: not with this kernel");
  // It costs the others no checkpoint.
  strict.kernel.FailNext("pre-create", Error{ErrorCode::kIo, "on purpose"});
  CHECK_FALSE(strict.engine->Checkpoint(""));
  const std::size_t before = strict.kernel.calls().size();
  REQUIRE(strict.engine->Checkpoint(""));
  const auto calls = strict.kernel.calls();
  CHECK(std::count(calls.begin() + static_cast<std::ptrdiff_t>(before), calls.end(),
                   "pre-create") == 1);
}

}  // namespace
}  // namespace cj
