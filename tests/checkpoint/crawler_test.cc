// What a crawl stores beside what it finds, with a store in memory and a small real tree: what was
// recorded shortly before a gap may have been undone, and no walk would find that.
#include <fcntl.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "checkpoint/crawl.h"
#include "tests/checkpoint/harness.h"
#include "tests/support/filesystems.h"

namespace cj {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kGapFrom = 10'000 * kSecond;

class Scene {
 public:
  Scene() {
    auto made = TestFilesystem::Create("tmpfs");
    if (!made.has_value()) {
      WARN("SKIPPED: " << made.error().message);
      return;
    }
    filesystem_ = std::make_unique<TestFilesystem>(std::move(made).value());
    auto volume = FindVolume(filesystem_->path());
    REQUIRE(volume.has_value());
    watch_.volume = std::move(*volume);
    watch_.volume.id = VolumeId(1);
    watch_.wanted = watch_.volume.path;
  }
  bool usable() const { return filesystem_ != nullptr; }

  void MakeFile(const std::string& name) {
    const UniqueFd made(
        ::open(filesystem_->path(name).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    REQUIRE(made.valid());
  }

  // Ends the open period at this time, with one record of a changed file in it.
  void Period(std::int64_t record_usec, std::int64_t end_usec, const std::string& name,
              std::int64_t unscanned_usec = 0) {
    Batch last;
    PeriodInfo sealed = store.Periods().back();
    last.period = sealed.id;
    Record& record = last.records.emplace_back();
    record.period = sealed.id;
    record.sequence = store.next_sequence();
    record.time_usec = record_usec;
    record.volume = VolumeId(1);
    record.operations = kModified;
    record.object = TestHandle("object " + name);
    record.parent = TestHandle("parent");
    record.name = name;
    sealed.end_usec = end_usec;
    sealed.record_count = 1;
    PeriodInfo opened;
    opened.id = sealed.id.Next();
    opened.start_usec = end_usec;
    opened.unscanned_usec = unscanned_usec;
    opened.first_sequence = record.sequence.Next();
    REQUIRE(store.Advance(last, sealed, opened));
  }

  // The names that crawls have stored until the gap was filled; "." for a directory.
  std::vector<std::string> Crawl(bool asked_for) {
    std::vector<std::string> names;
    Crawler::Environment environment;
    environment.store = &store;
    environment.clock = &Clock::System();
    environment.watches = [this] { return std::vector<Watch>{watch_}; };
    environment.record = [&](CrawlBatch batch) -> Status {
      for (const Record& record : batch.found) names.push_back(record.name);
      return batch.complete ? store.FillGaps(batch.fills, batch.losses) : Status();
    };
    Crawler crawler(environment, {});
    // Requests come before gaps.
    if (asked_for) REQUIRE(crawler.Request({{}, kGapFrom - kCrawlMarginUsec, true}));
    crawler.Start();
    CHECK(store.AwaitCalls("fill", 1));
    crawler.Stop();
    CHECK(store.Periods().back().gaps.at(0).filled());
    return names;
  }

  // Ends each crawl at once, with nothing stored.
  std::unique_ptr<Crawler> Idle() {
    Crawler::Environment environment;
    environment.store = &store;
    environment.clock = &Clock::System();
    environment.watches = [this] { return std::vector<Watch>{watch_}; };
    environment.record = [](const CrawlBatch&) { return Status(); };
    return std::make_unique<Crawler>(environment, CrawlOptions());
  }

  RecordingStore store;

 private:
  std::unique_ptr<TestFilesystem> filesystem_;
  Watch watch_;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("crawler: what was recorded within the margin is told again, by whatever crawl") {
  for (const bool asked_for : {false, true}) {
    CAPTURE(asked_for);
    Scene scene;
    if (!scene.usable()) return;
    scene.Period(kSecond, 2 * kSecond, "long ago");
    scene.Period(kGapFrom - 2 * kSecond, kGapFrom - kSecond, "just before");
    REQUIRE(scene.store.AddGap({"", kGapFrom, Clock::System().RealtimeUsec(), "a test"}));
    const Names names = scene.Crawl(asked_for);
    CHECK(std::count(names.begin(), names.end(), "just before") == 1);
    CHECK(std::count(names.begin(), names.end(), "long ago") == 0);
  }
}

TEST_CASE("crawler: as many requests wait as may, and as many outcomes are remembered") {
  Scene scene;
  if (!scene.usable()) return;
  const auto crawler = scene.Idle();
  const Crawler::Wanted wanted = {{}, 1, true};
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < kMaxCrawlRequests; ++i) {
    const auto request = crawler->Request(wanted);
    REQUIRE(request.has_value());
    last = *request;
  }
  const auto refused = crawler->Request(wanted);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kBusy);
  const std::uint64_t first = last - kMaxCrawlRequests + 1;
  CHECK_FALSE(crawler->OutcomeOf(first).has_value());

  crawler->Start();
  auto await = [&](std::uint64_t request) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!crawler->OutcomeOf(request).has_value()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  };
  REQUIRE(await(last));
  for (std::size_t i = 0; i <= kMaxCrawlOutcomes - kMaxCrawlRequests; ++i) {
    const auto request = crawler->Request(wanted);
    REQUIRE(request.has_value());
    REQUIRE(await(*request));
  }
  CHECK(crawler->OutcomeOf(first)->status.error().code == ErrorCode::kNotFound);
  CHECK(crawler->OutcomeOf(first + 1)->status.has_value());
  crawler->Stop();
}

TEST_CASE("crawler: a file that somebody may have written to silently since the last checkpoint") {
  // The gap begins an hour after the file's last change; the period, long before or with the gap;
  // and its checkpoint took long to begin it after it had looked for such files, or did not.
  struct Row {
    std::int64_t period_usec, unscanned_usec;
    int told;
  };
  for (const Row& row : {Row{-600 * kSecond, 0, 1}, Row{3'599 * kSecond, 0, 0},
                         Row{3'599 * kSecond, 4'000 * kSecond, 1}}) {
    CAPTURE(row.period_usec, row.unscanned_usec);
    Scene scene;
    if (!scene.usable()) return;
    scene.MakeFile("mapped");
    const std::int64_t now_usec = Clock::System().RealtimeUsec();
    const std::int64_t gap_usec = now_usec + 3'600 * kSecond;
    scene.Period(kSecond, now_usec + row.period_usec, "long ago", row.unscanned_usec);
    REQUIRE(scene.store.AddGap({"", gap_usec, gap_usec, "a test"}));
    const Names names = scene.Crawl(false);
    CHECK(std::count(names.begin(), names.end(), "mapped") == row.told);
  }
}

TEST_CASE("crawler: what was recorded within the margin, and dropped since, may be anything") {
  for (const bool dropped : {false, true}) {
    CAPTURE(dropped);
    Scene scene;
    if (!scene.usable()) return;
    // Everything in the tree was made later than this gap's margin begins; let it look old.
    const std::int64_t now_usec = Clock::System().RealtimeUsec() + 3'600 * kSecond;
    scene.Period(now_usec - 3 * kSecond, now_usec - 2 * kSecond, "first");
    scene.Period(now_usec - 2 * kSecond, now_usec - kSecond, "second");
    if (dropped) REQUIRE(scene.store.DropPeriodsBefore(PeriodId(2)));
    REQUIRE(scene.store.AddGap({"", now_usec, now_usec, "a test"}));
    const Names names = scene.Crawl(false);
    // Then the whole tree counts as changed, which is its root.
    const bool everything = std::count(names.begin(), names.end(), ".") == 1;
    CHECK(everything == dropped);
    const bool told = std::count(names.begin(), names.end(), "first") == 1;
    CHECK(told == !dropped);
  }
}

}  // namespace cj
