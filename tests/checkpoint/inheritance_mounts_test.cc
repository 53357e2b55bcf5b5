// A process is ended while a filesystem goes and comes back: what it has missed is a gap, for the
// next process, too.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "checkpoint/inheritance.h"
#include "checkpoint/point_of_death.h"
#include "tests/checkpoint/mortal_scene.h"

namespace cj {
namespace {

TEST_CASE("inheritance: a filesystem that was mounted anew is a gap") {
  auto scene = MakeMortalScene("ext4");
  if (scene == nullptr) return;
  scene->LiveAndDie(nullptr, 0, 0);
  scene->AwaitMade(scene->allowed());
  REQUIRE(scene->filesystem.Unmount());
  REQUIRE(scene->filesystem.Mount());
  const int first = scene->made();
  const std::string said = InChild([&]() -> std::string {
    auto running = scene->Run(nullptr, scene->fd_store.Copies());
    if (!running.has_value()) return running.error().message;
    if (!(*running)->engine->start().inherited) return "not inherited";
    // The first look finds it. From here on it listens again.
    if (!(*running)->engine->Checkpoint("").has_value()) return "no checkpoint";
    const std::vector<PeriodInfo> periods = (*running)->store->Periods();
    const PeriodInfo& before = periods[periods.size() - 2];
    if (!periods.back().gaps.empty()) return "a gap that has no end";
    if (before.gaps.size() != 1 || before.gaps[0].volume != scene->filesystem.path()) {
      return "no gap";
    }
    if (before.gaps[0].from_usec != before.start_usec) return "it may have begun earlier";
    scene->Allow(100);
    scene->AwaitMade(first + 100);
    if (!(*running)->engine->Flush().has_value()) return "no flush";
    auto names = NamesIn(*(*running)->store);
    if (!names.has_value() || names->count(MortalScene::NameOf(first + 99)) == 0)
      return "it is deaf";
    return before.gaps[0].cause;
  });
  CHECK(said == "it was unmounted, and mounted again");
}

class Remount {
 public:
  explicit Remount(MortalScene& scene) : scene_(scene) {}

  void Now() {
    Expect(scene_.filesystem.Unmount().has_value(), 10);
    Expect(scene_.filesystem.Mount().has_value(), 11);
  }
  void Make(const char* name) {
    const std::string path = scene_.filesystem.path(name);
    Expect(UniqueFd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).valid(), 12);
  }
  // A file that no group has heard of.
  void MakeUnseen() {
    Make("unseen");
    scene_.Note(Clock::System().RealtimeUsec());
  }
  // What a crawl does that has walked in the instant before: it tells of something, and fills the
  // gaps.
  static void FillGaps(MortalScene::Running& running) {
    const PeriodInfo open = running.store->Periods().back();
    CrawlBatch crawl;
    crawl.complete = true;
    crawl.losses = running.store->losses();
    crawl.found.emplace_back();
    crawl.found.back().volume = running.volume;
    crawl.found.back().operations = kCrawled;
    crawl.found.back().object = TestHandle("found");
    crawl.found.back().parent = TestHandle("directory");
    crawl.found.back().name = "found";
    for (const Gap& gap : open.gaps) {
      Gap filled = gap;
      filled.filled_in = open.id;
      crawl.fills.push_back({open.id, gap, {filled}});
    }
    Expect(!crawl.fills.empty() && running.engine->StoreCrawled(crawl).has_value(), 13);
    Expect(IsStored(running, "found"), 14);
  }
  static bool IsStored(const MortalScene::Running& running, const std::string& name) {
    const auto names = NamesIn(*running.store);
    return names.has_value() && names->count(name) != 0;
  }
  // In a process that has threads, where a check of the test's cannot be.
  static void Expect(bool well, int otherwise) {
    if (!well) ::_exit(otherwise);
  }

 private:
  MortalScene& scene_;
};

// What the next process says of the instant that was noted, once it has looked around.
std::string CauseOfUnseen(MortalScene& scene) {
  return InChild([&]() -> std::string {
    auto running = scene.Run(nullptr, scene.fd_store.Copies());
    if (!running.has_value()) return running.error().message;
    if (!(*running)->engine->Flush().has_value()) return "no flush";
    for (const PeriodInfo& period : (*running)->store->Periods()) {
      for (const Gap& gap : period.gaps) {
        const bool has_it = gap.from_usec <= scene.noted() && scene.noted() <= gap.to_usec;
        if (has_it && !gap.filled()) return gap.cause;
      }
    }
    return "missed";
  });
}

std::unique_ptr<MortalScene> MakeQuietScene(const char* type) {
  auto scene = MakeMortalScene(type);
  if (scene == nullptr) return scene;
  scene->LiveAndDie(nullptr, 0, 0);
  scene->AwaitMade(scene->allowed());
  scene->quiet = true;
  return scene;
}

// The gap up to the look is stored, and a crawl fills it, before the mark is made again; what
// happens then is a second gap. Neither what the crawl finds nor the record of a file that is made
// after the mark may say that everything up to then is known.
TEST_CASE("inheritance: death between a mark that is made again and the gap before it") {
  for (const char* type : {"ext4", "xfs"}) {
    CAPTURE(type);
    auto scene = MakeQuietScene(type);
    if (scene == nullptr) continue;
    scene->LiveAndDie("marked again", 0, 0, [&](MortalScene::Running& running) {
      Remount remount(*scene);
      OnTheWay([&](const std::string& point) {
        if (point == "looked") {
          remount.MakeUnseen();
          Remount::FillGaps(running);
        } else if (point == "marked again") {
          remount.Make("seen");
          while (!Remount::IsStored(running, "seen")) ::poll(nullptr, 0, 1);
        }
      });
      remount.Now();
      (void)running.engine->Flush().has_value();
    });
    REQUIRE(scene->noted() > 0);
    CHECK(CauseOfUnseen(*scene) ==
          "the daemon was not running, and what it had left behind is of no use: the process "
          "before was ended when it had missed something and not stored that");
  }
}

// The next period's group has the mark, the open one's has lost it.
TEST_CASE("inheritance: death in a checkpoint in which a filesystem was mounted anew") {
  for (const char* point : {"marked", "kept"}) {
    CAPTURE(point);
    auto scene = MakeQuietScene("ext4");
    if (scene == nullptr) return;
    scene->LiveAndDie(point, 0, 0, [&](MortalScene::Running& running) {
      Remount remount(*scene);
      OnTheWay([&](const std::string& passed) {
        if (passed != "looked") return;
        remount.Now();
        remount.MakeUnseen();
      });
      (void)running.engine->Checkpoint("").has_value();
    });
    REQUIRE(scene->noted() > 0);
    CHECK(CauseOfUnseen(*scene) == "it was unmounted, and mounted again");
  }
}

TEST_CASE("inheritance: death in a checkpoint in which an absent filesystem came back") {
  auto scene = MakeQuietScene("ext4");
  if (scene == nullptr) return;
  scene->LiveAndDie("kept", 0, 0, [&](MortalScene::Running& running) {
    Remount remount(*scene);
    OnTheWay([&](const std::string& passed) {
      if (passed != "opening") return;
      Remount::Expect(scene->filesystem.Mount().has_value(), 11);
      remount.MakeUnseen();
      Remount::FillGaps(running);
    });
    Remount::Expect(scene->filesystem.Unmount().has_value(), 10);
    (void)running.engine->Checkpoint("").has_value();
  });
  REQUIRE(scene->noted() > 0);
  CHECK(CauseOfUnseen(*scene) == "it was unmounted, and mounted again");
}

// Its groups may have lost marks: what it reads from them does not make it know everything.
TEST_CASE("inheritance: who inherits calls nothing complete before it has looked") {
  auto scene = MakeQuietScene("ext4");
  if (scene == nullptr) return;
  CHECK(InChild([&]() -> std::string {
          auto running = scene->Run(nullptr, scene->fd_store.Copies());
          if (!running.has_value()) return running.error().message;
          const auto complete = [&] { return (*running)->store->spool_position().complete_usec; };
          const std::int64_t started_usec = Clock::System().RealtimeUsec();
          Remount(*scene).Make("first");
          if (!(*running)->engine->Drain().has_value()) return "no drain";
          if (!Remount::IsStored(**running, "first")) return "not stored";
          if (complete() >= started_usec) return "called complete";
          if (!(*running)->engine->Flush().has_value()) return "no flush";
          Remount(*scene).Make("second");
          if (!(*running)->engine->Drain().has_value()) return "no drain";
          return complete() > started_usec ? "well" : "not complete after the look";
        }) == "well");
}

TEST_CASE("inheritance: when the gap is stored the next process goes on again") {
  auto scene = MakeQuietScene("ext4");
  if (scene == nullptr) return;
  scene->LiveAndDie("done", 0, 0, [&](MortalScene::Running& running) {
    Remount(*scene).Now();
    Remount::Expect(running.engine->Flush().has_value(), 14);
    PointOfDeath("done");
  });
  CHECK(InChild([&]() -> std::string {
          auto running = scene->Run(nullptr, scene->fd_store.Copies());
          if (!running.has_value()) return running.error().message;
          const EngineStart& start = (*running)->engine->start();
          return start.inherited ? "inherited" : start.refused;
        }) == "inherited");
}

}  // namespace
}  // namespace cj
