// Writers, flushes and checkpoints at the same time, on real threads; for ThreadSanitizer above
// all.
#include <sys/fanotify.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/checkpoint/harness.h"
#include "tests/checkpoint/history.h"

namespace cj {
namespace {

TEST_CASE("threads: checkpoints and flushes while writers run lose nothing") {
  constexpr int kWriters = 3;
  constexpr int kCheckpoints = 200;
  FakeKernel::Options options;
  options.wake_reader = true;
  TestEngine test(options);
  test.options.reader.drain_interval_usec = 100;
  REQUIRE(test.Start());
  std::atomic<std::uint64_t> heard = 0;
  test.engine->SetAppendListener([&](SequenceNumber last) { heard = last.value; });
  History history;
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; !stop && i < 20'000; ++i) {
        const std::string name = std::to_string(writer) + "-" + std::to_string(i);
        const std::size_t change = history.Visible(name);
        test.kernel.Report(FileEvent(FAN_CREATE, name));
        history.Returned(change);
        std::this_thread::yield();
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      (void)test.engine->Flush().has_value();
      (void)test.engine->counters().records_stored;
    }
  });
  int failed = 0;
  for (int i = 0; i < kCheckpoints; ++i) {
    const std::size_t number = history.Asked();
    auto result = test.engine->Checkpoint("");
    if (result) {
      history.Answered(number, result->sealed.id);
    } else {
      ++failed;
    }
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  REQUIRE(test.engine->Stop());
  CHECK(heard == test.store.records().back().sequence.value);
  CHECK(history.changes() > 0);
  for (const std::string& violation : history.Violations(test.store.records())) {
    FAIL_CHECK(violation);
  }
}

}  // namespace
}  // namespace cj
