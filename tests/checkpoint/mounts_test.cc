// Filesystems that go and come: their marks go with them, and no event tells.
#include <fcntl.h>
#include <sys/fanotify.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "checkpoint/inheritance.h"
#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

std::vector<std::string> CausesIn(const TestEngine& test, PeriodId period) {
  std::vector<std::string> causes;
  for (const PeriodInfo& info : test.store.Periods()) {
    if (info.id != period) continue;
    for (const Gap& gap : info.gaps) {
      CHECK(gap.from_usec <= gap.to_usec);
      causes.push_back(gap.volume + ": " + gap.cause);
    }
  }
  return causes;
}

const std::vector<std::string> kAgain = {"/v1: it was unmounted, and mounted again"};
const std::vector<std::string> kAbsent = {"/v1: it is not mounted"};

TEST_CASE("mounts: unmounted and mounted again between two questions is a gap") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  test.kernel.Unmount(1, /*mounted=*/true);
  test.kernel.Report(FileEvent(FAN_CREATE, "unseen"));
  SECTION("seen by a flush") {
    REQUIRE(test.engine->Flush());
    CHECK(test.NamesIn(period).empty());
    CHECK(CausesIn(test, period) == kAgain);
    test.kernel.Report(FileEvent(FAN_CREATE, "seen"));
    REQUIRE(test.engine->Flush());
    CHECK(test.NamesIn(period) == std::vector<std::string>{"seen"});
  }
  SECTION("seen by a checkpoint") {
    REQUIRE(test.engine->Checkpoint(""));
    CHECK(CausesIn(test, period) == kAgain);
    test.kernel.Report(FileEvent(FAN_CREATE, "seen"));
    REQUIRE(test.engine->Checkpoint(""));
    CHECK(CausesIn(test, period.Next()).empty());
    CHECK(test.NamesIn(period.Next()) == std::vector<std::string>{"seen"});
  }
}

TEST_CASE("mounts: unmounted and mounted again in the middle of a checkpoint is a gap") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  const bool unknown = GENERATE(false, true);  // whether the open group has a mark
  CAPTURE(unknown);
  bool done = false;
  test.kernel.SetHook([&](const std::string& call) {
    if (call != "create" || std::exchange(done, true)) return;
    test.kernel.Unmount(1, /*mounted=*/true);
    test.kernel.Report(FileEvent(FAN_CREATE, "unseen"));
    if (unknown) test.kernel.FailNext("has_mark", {ErrorCode::kIo, "no descriptors", EMFILE});
  });
  REQUIRE(test.engine->Checkpoint(""));
  test.kernel.SetHook(nullptr);
  REQUIRE(done);
  CHECK(CausesIn(test, period) == kAgain);
  CHECK(CausesIn(test, period.Next()).empty());
  test.kernel.Report(FileEvent(FAN_CREATE, "seen"));
  REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(period.Next()) == std::vector<std::string>{"seen"});
}

TEST_CASE("mounts: a filesystem that is not there is a gap until it is, and the others go on") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  test.kernel.Unmount(1, /*mounted=*/false);
  REQUIRE(test.engine->Checkpoint(""));
  CHECK(CausesIn(test, period) == kAbsent);
  EventSpec other = FileEvent(FAN_CREATE, "other");
  other.fsid = 2;
  test.kernel.Report(other);
  for (int i = 0; i < 3; ++i) REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(period.Next()) == std::vector<std::string>{"other"});
  CHECK(CausesIn(test, period.Next()) == kAbsent);
  test.kernel.Mount(1);
  test.kernel.Report(FileEvent(FAN_CREATE, "unseen"));
  REQUIRE(test.engine->Checkpoint(""));
  test.kernel.Report(FileEvent(FAN_CREATE, "seen"));
  REQUIRE(test.engine->Checkpoint(""));
  const PeriodId last = test.open_period();
  CHECK(last == period.Next().Next().Next());
  CHECK(CausesIn(test, period.Next().Next()).empty());
  CHECK(test.NamesIn(period.Next().Next()) == std::vector<std::string>{"seen"});
}

TEST_CASE("mounts: a gap begins at the earliest time that the clock has shown in it") {
  constexpr std::int64_t kHour = 3'600'000'000;
  TestEngine test;
  REQUIRE(test.Start());
  REQUIRE(test.engine->Flush());
  const PeriodId period = test.open_period();
  const std::int64_t before_usec = test.clock.RealtimeUsec();
  const auto from_usec = [&] { return test.store.Periods().back().gaps.at(0).from_usec; };
  SECTION("set back, then an hour goes by") {
    test.clock.Set(-10 * kHour);
    const std::int64_t set_usec = test.clock.RealtimeUsec();
    test.clock.Advance(kHour);
    test.kernel.Unmount(1, /*mounted=*/true);
    REQUIRE(test.engine->Flush());
    CHECK(from_usec() <= set_usec);
    CHECK(from_usec() > set_usec - kHour);
  }
  SECTION("set forward") {
    test.clock.Advance(kHour);
    test.clock.Set(10 * kHour);
    test.kernel.Unmount(1, /*mounted=*/true);
    REQUIRE(test.engine->Flush());
    CHECK(from_usec() <= before_usec);
  }
  CHECK(CausesIn(test, period) == kAgain);
}

TEST_CASE("mounts: another filesystem is known to the writer before its first event comes") {
  std::atomic<int> marks = 0;  // outlives the engine, whose threads count
  FakeSource source;           // outlives the engine, whose end looks once more
  TestEngine test;
  test.options.watches = &source;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  auto binding = std::make_shared<Binding>();
  binding->volumes = {TestVolume(1), TestVolume(3)};
  source.next = {binding, {{"/watched", "another filesystem has been mounted there"}}};
  const std::vector<std::string> gap = {"/watched: another filesystem has been mounted there"};
  test.kernel.SetHook([&](const std::string& call) {
    if (call != "mark" || ++marks > 1) return;
    // Who is killed here leaves groups that are inherited: the gap must be there already.
    CHECK(CausesIn(test, period) == gap);
  });
  REQUIRE(test.engine->Flush());
  CHECK(marks == 1);
  test.kernel.SetHook(nullptr);
  EventSpec event = FileEvent(FAN_CREATE, "on the new one");
  event.fsid = 3;
  test.kernel.Report(event);
  REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(period) == std::vector<std::string>{"on the new one"});
  CHECK(CausesIn(test, period) == gap);
  // What a checkpoint marks are the volumes of now.
  marks = 0;
  test.kernel.SetHook([&](const std::string& call) {
    if (call == "mark") ++marks;  // and nothing else: "close" comes from a thread of its own
  });
  REQUIRE(test.engine->Checkpoint(""));
  CHECK(marks == 2);
  test.kernel.SetHook(nullptr);
  CHECK(CausesIn(test, test.open_period()).empty());
}

TEST_CASE("mounts: where a watch leads is not used before its gap is stored") {
  std::atomic<int> marks = 0;  // outlives the engine, whose threads count
  FakeSource source;           // outlives the engine, whose end looks once more
  TestEngine test;
  test.options.watches = &source;
  REQUIRE(test.Start());
  auto binding = std::make_shared<Binding>();
  binding->volumes = {TestVolume(3)};
  source.next = {binding, {{"/watched", "it was not there"}}};
  test.store.Fail("gap", 1);
  test.kernel.SetHook([&](const std::string& call) {
    if (call == "mark") ++marks;  // and nothing else: "close" comes from a thread of its own
  });
  CHECK_FALSE(test.engine->Flush());
  CHECK(marks == 0);
  REQUIRE(test.engine->Flush());
  CHECK(marks == 1);
  test.kernel.SetHook(nullptr);
  CHECK(CausesIn(test, test.open_period()) ==
        std::vector<std::string>{"/watched: it was not there"});
}

// The crawl of the first gap may be done before the marks are made, and fill it.
TEST_CASE("mounts: the gap goes up to the marks, also of a look whose gap the store refused") {
  FakeSource source;  // outlives the engine, whose end looks once more
  TestEngine test;
  test.options.watches = &source;
  REQUIRE(test.Start());
  auto binding = std::make_shared<Binding>();
  binding->volumes = {TestVolume(3)};
  source.next = {binding, {{"/watched", "it was not there"}}};
  test.store.Fail("gap", 1);
  CHECK_FALSE(test.engine->Flush());
  std::int64_t marked_usec = 0;
  test.kernel.SetHook([&](const std::string& call) {
    if (call != "mark") return;
    test.clock.Advance(1'000'000);
    marked_usec = test.clock.RealtimeUsec();
  });
  REQUIRE(test.engine->Flush());
  test.kernel.SetHook(nullptr);
  REQUIRE(marked_usec != 0);
  CHECK(test.store.Periods().back().gaps.at(0).to_usec >= marked_usec);
}

TEST_CASE("mounts: a gap that the store refused is stored later") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  test.kernel.Unmount(1, /*mounted=*/true);
  test.store.Fail("gap", 1);
  CHECK_FALSE(test.engine->Flush());
  REQUIRE(test.engine->Flush());
  CHECK(CausesIn(test, period) == kAgain);
}

// Of whoever would inherit now: what was watched; empty: nobody inherits.
class SpoolKeeper : public DescriptorKeeper {
 public:
  bool Keep(const std::string& name, int fd) override {
    if (name == kSpoolName) spool_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return true;
  }
  void Forget(const std::string&) override {}
  std::string Watched(const Store& store) const {
    auto memory =
        SpoolMemory::Adopt(UniqueFd(::fcntl(spool_.get(), F_DUPFD_CLOEXEC, 0)), store.journal_id());
    return memory.has_value() ? std::string(memory->watched()) : memory.error().message;
  }

 private:
  UniqueFd spool_;
};

TEST_CASE("mounts: only when a mark is made again nobody inherits before the gap is stored") {
  SpoolKeeper keeper;  // these outlive the engine, whose end looks once more
  FakeSource source;
  std::mutex mutex;
  std::vector<std::string> watched;
  TestEngine test;
  test.options.keeper = &keeper;
  test.options.watches = &source;
  test.options.watched = "all";
  REQUIRE(test.Start());
  test.kernel.SetHook([&](const std::string& call) {
    if (call != "mark" && call != "scan") return;
    const std::lock_guard<std::mutex> lock(mutex);
    watched.push_back(call + " " + keeper.Watched(test.store));
  });
  SECTION("a tree that is absent all the time") {
    source.next.unwatched = {{"/absent", "it is not there"}};
    REQUIRE(test.engine->Flush());
    CHECK(watched == std::vector<std::string>{"scan all"});
  }
  SECTION("a filesystem that is away") {
    test.kernel.Unmount(1, /*mounted=*/false);
    REQUIRE(test.engine->Flush());
    CHECK(watched == std::vector<std::string>{"scan all"});
  }
  SECTION("one that came back") {
    test.kernel.Unmount(1, /*mounted=*/true);
    REQUIRE(test.engine->Flush());
    CHECK(watched == std::vector<std::string>{"mark ", "scan all"});
  }
  test.kernel.SetHook(nullptr);
}

// The second look finds the mark, and must not take that for the end of it.
TEST_CASE("mounts: nobody inherits while the gap before a mark cannot be stored") {
  SpoolKeeper keeper;  // outlives the engine
  TestEngine test;
  test.options.keeper = &keeper;
  test.options.watched = "all";
  REQUIRE(test.Start());
  test.kernel.Unmount(1, /*mounted=*/true);
  test.kernel.SetHook([&](const std::string& call) {
    if (call == "mark") test.store.Fail("gap", 1000);
  });
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(test.engine->Flush());
    CHECK(keeper.Watched(test.store).empty());
  }
  test.kernel.SetHook(nullptr);
  test.store.Fail("gap", 0);
  REQUIRE(test.engine->Flush());
  CHECK(keeper.Watched(test.store) == "all");
  CHECK(CausesIn(test, test.open_period()) == kAgain);
}

TEST_CASE("mounts: from the moment they have changed nothing is called complete before a look") {
  TestEngine test;
  REQUIRE(test.Start());
  const auto complete_usec = [&] { return test.store.spool_position().complete_usec; };
  const auto store = [&](const char* name) {
    test.kernel.Report(FileEvent(FAN_CREATE, name));
    REQUIRE(test.engine->Drain());
  };
  store("before");
  test.engine->MountsChanged();
  const std::int64_t changed_usec = test.clock.RealtimeUsec();
  test.clock.Advance(60'000'000);
  store("behind");
  CHECK(complete_usec() < changed_usec);
  REQUIRE(test.engine->Flush());
  test.clock.Advance(60'000'000);
  store("looked");
  CHECK(complete_usec() > changed_usec + 60'000'000);
  // In the middle of a look: the next one ends it.
  std::atomic<bool> once = false;
  test.kernel.SetHook([&](const std::string& call) {
    if (call == "scan" && !once.exchange(true)) test.engine->MountsChanged();
  });
  REQUIRE(test.engine->Flush());
  const std::int64_t looked_usec = test.clock.RealtimeUsec();
  test.clock.Advance(60'000'000);
  store("in between");
  CHECK(complete_usec() < looked_usec);
  CHECK(test.engine->LookIsDue());
  // Again, and this time it has seen what came in the middle of the one before.
  once = false;
  test.clock.Advance(60'000'000);
  REQUIRE(test.engine->Flush());
  store("again");
  CHECK(complete_usec() > looked_usec + 60'000'000);
  CHECK(test.engine->LookIsDue());
  REQUIRE(test.engine->Checkpoint(""));
  CHECK_FALSE(test.engine->LookIsDue());
  test.clock.Advance(60'000'000);
  store("in the next period");
  CHECK(complete_usec() > looked_usec + 120'000'000);
  test.kernel.SetHook(nullptr);
}

// On the volume that stays.
void StoreOther(TestEngine& test) {
  EventSpec other = FileEvent(FAN_CREATE, "other");
  other.fsid = 2;
  test.kernel.Report(other);
  REQUIRE(test.engine->Drain());
}

TEST_CASE("mounts: what cannot be seen for want of descriptors, or marked, is looked at again") {
  TestEngine test;
  REQUIRE(test.Start());
  test.kernel.Unmount(1, /*mounted=*/true);
  const Error none{ErrorCode::kIo, "no descriptors", EMFILE};
  const char* call = GENERATE("mark", "has_mark");
  CAPTURE(call);
  test.kernel.FailNext(call, none);
  REQUIRE(test.engine->Flush());
  const std::int64_t looked_usec = test.clock.RealtimeUsec();
  CHECK(test.engine->LookIsDue());
  test.clock.Advance(60'000'000);
  StoreOther(test);
  CHECK(test.store.spool_position().complete_usec < looked_usec);
  REQUIRE(test.engine->Flush());
  CHECK_FALSE(test.engine->LookIsDue());
  test.kernel.Report(FileEvent(FAN_CREATE, "seen"));
  REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(test.open_period()) == std::vector<std::string>{"other", "seen"});
}

TEST_CASE("mounts: a checkpoint that turns back leaves what was mounted anew to the next look") {
  TestEngine test;
  REQUIRE(test.Start());
  bool done = false;
  test.kernel.SetHook([&](const std::string& call) {
    if (call != "create" || std::exchange(done, true)) return;
    test.kernel.Unmount(1, /*mounted=*/true);
  });
  const PeriodId period = test.open_period();
  test.kernel.FailNext("barrier", {ErrorCode::kIo, "no barrier"});
  CHECK_FALSE(test.engine->Checkpoint(""));
  test.kernel.SetHook(nullptr);
  REQUIRE(done);
  const std::int64_t dropped_usec = test.clock.RealtimeUsec();
  test.clock.Advance(60'000'000);
  StoreOther(test);
  CHECK(test.store.spool_position().complete_usec < dropped_usec);
  CHECK(test.engine->LookIsDue());
  REQUIRE(test.engine->Flush());
  CHECK(CausesIn(test, period) == kAgain);
  CHECK(test.store.Periods().back().gaps.back().to_usec > dropped_usec);
  CHECK_FALSE(test.engine->LookIsDue());
}

}  // namespace
}  // namespace cj
