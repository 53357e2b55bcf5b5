// A process with an engine is ended at every instant that matters, and at random ones, while
// another process changes files as fast as it can. At the end every change must be in the store,
// and no gap.
#include "checkpoint/inheritance.h"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/checkpoint/mortal_scene.h"

namespace cj {
namespace {

// What is wrong with the journal after the last process has died: nothing.
std::string LookForLosses(MortalScene& scene, int first) {
  auto last = scene.Run(nullptr, scene.fd_store.Copies());
  if (!last.has_value()) return last.error().message;
  const EngineStart& start = (*last)->engine->start();
  if (!start.inherited) return "nothing was inherited: " + start.refused;
  const int made = scene.made();
  if (!(*last)->engine->Flush().has_value()) return "no flush";
  auto names = NamesIn(*(*last)->store);
  if (!names.has_value()) return names.error().message;
  std::string wrong;
  for (int i = first; i < made; ++i) {
    if (names->count(MortalScene::NameOf(i)) == 0) wrong += "missed " + std::to_string(i) + "; ";
  }
  for (const PeriodInfo& period : (*last)->store->Periods()) {
    for (const Gap& gap : period.gaps) wrong += "a gap: " + gap.cause + "; ";
  }
  return wrong.substr(0, 500);
}

void CheckNothingIsLost(MortalScene& scene, int first) {
  CHECK(scene.made() > first);
  CHECK(InChild([&] { return LookForLosses(scene, first); }).empty());
}

// The cause of the gap that an engine begins with which gets these, and inherits nothing.
std::string GapOf(MortalScene& scene, std::vector<KeptDescriptor> kept,
                  const std::string& watched) {
  return InChild([&]() -> std::string {
    auto running = scene.Run(nullptr, std::move(kept), watched);
    if (!running.has_value()) return running.error().message;
    if ((*running)->engine->start().inherited) return "inherited";
    const std::vector<PeriodInfo> periods = (*running)->store->Periods();
    const PeriodInfo& before = periods[periods.size() - 2];
    std::string causes;
    for (const Gap& gap : before.gaps) causes += (causes.empty() ? "" : "; ") + gap.cause;
    return causes.empty() ? "no gap" : causes;
  });
}

TEST_CASE("inheritance: death at every instant that matters") {
  // After this many passes: the first, and one under load.
  for (const int passes : {0, 7}) {
    auto scene = MakeMortalScene("ext4");
    if (scene == nullptr) return;
    scene->LiveAndDie(nullptr, 0, 0);  // from here on nothing may be missed
    const int first = scene->made();
    for (const char* point : {"read", "published", "translated", "stored", "sealed", "marked",
                              "kept", "unmarked", "forgotten"}) {
      CAPTURE(point);
      scene->LiveAndDie(point, passes, 0);
    }
    CheckNothingIsLost(*scene, first);
  }
}

TEST_CASE("inheritance: death at random instants") {
  const unsigned seed = std::random_device()();
  WARN("seed " << seed);
  std::mt19937 random(seed);
  for (const char* type : {"ext4", "xfs", "btrfs", "tmpfs"}) {
    CAPTURE(type);
    auto scene = MakeMortalScene(type);
    if (scene == nullptr) continue;
    scene->LiveAndDie(nullptr, 0, 0);
    const int first = scene->made();
    for (int i = 0; i < 10; ++i) {
      scene->LiveAndDie(nullptr, 0, static_cast<int>(random() % 4000));
    }
    CheckNothingIsLost(*scene, first);
  }
}

TEST_CASE("inheritance: what happens while nobody runs is stored by the next process") {
  auto scene = MakeMortalScene("ext4");
  if (scene == nullptr) return;
  scene->LiveAndDie(nullptr, 0, 0);
  const int first = scene->made();
  scene->Allow(20'000);
  scene->AwaitMade(first + 20'000);
  CheckNothingIsLost(*scene, first);
}

// A group that is kept says that nothing was missed since the period began. Until the gap of the
// time before is in the store, it must not be kept.
TEST_CASE("inheritance: death before the gap of the time before is stored") {
  auto scene = MakeMortalScene("tmpfs");
  if (scene == nullptr) return;
  scene->LiveAndDie(nullptr, 0, 0);
  scene->fd_store.Clear();  // systemctl stop
  for (const char* point : {"opened", "begun"}) {
    scene->LiveAndDie(point, 0, 0);
    CHECK(GapOf(*scene, scene->fd_store.Copies(), "all").find("was not running") !=
          std::string::npos);
    scene->fd_store.Clear();
  }
}

TEST_CASE("inheritance: what cannot be understood is a gap, with its reason") {
  auto scene = MakeMortalScene("tmpfs");
  if (scene == nullptr) return;
  scene->LiveAndDie(nullptr, 0, 0);
  using Catch::Matchers::Contains;
  auto without = [&](const std::string& prefix) {
    auto kept = scene->fd_store.Copies();
    std::erase_if(kept,
                  [&](const KeptDescriptor& each) { return each.name.rfind(prefix, 0) == 0; });
    return kept;
  };
  CHECK_THAT(GapOf(*scene, without("spool"), "all"), Contains("the spool was not kept"));
  CHECK_THAT(GapOf(*scene, without("post"), "all"), Contains("no group was kept"));
  CHECK_THAT(GapOf(*scene, scene->fd_store.Copies(), "less"), Contains("other trees are watched"));
  auto strange = scene->fd_store.Copies();
  strange.push_back({"future-thing", UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))});
  CHECK_THAT(GapOf(*scene, std::move(strange), "all"), Contains("\"future-thing\" was kept"));
  auto wrong = without("post");
  wrong.push_back({"post-1-1", UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC))});
  CHECK_THAT(GapOf(*scene, std::move(wrong), "all"), Contains("no fanotify group"));
  CHECK_THAT(GapOf(*scene, {}, "all"), Catch::Matchers::Equals("the daemon was not running"));
}

}  // namespace
}  // namespace cj
