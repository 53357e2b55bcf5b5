// A process with an engine is ended at every instant that matters, and at random ones, while
// another process changes files as fast as it can. The test plays systemd: it keeps the descriptors
// and hands them to the next process. At the end every change must be in the store, and no gap.
//
// Built with CJ_TEST_DEATH (point_of_death.h). Needs root.
#include "checkpoint/inheritance.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "checkpoint/engine.h"
#include "checkpoint/point_of_death.h"
#include "journal/rocks_store.h"
#include "tests/checkpoint/fd_store.h"
#include "tests/checkpoint/harness.h"
#include "tests/support/filesystems.h"

namespace cj {

namespace {
// Of the process that is to die: where, and how often it passes there before.
const char* death_at = nullptr;
std::atomic<int> passes_left = 0;
}  // namespace

void PointOfDeath(const char* name) {
  if (death_at == nullptr || std::strcmp(death_at, name) != 0) return;
  if (passes_left.fetch_sub(1) == 0) ::kill(::getpid(), SIGKILL);
}

namespace {

// Shared with the process that changes files.
struct Progress {
  std::atomic<int> made;   // files so far
  std::atomic<int> allow;  // as many may be made
};

class Scene {
 public:
  explicit Scene(TestFilesystem made) : filesystem(std::move(made)) {
    void* memory = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    progress_ = new (memory) Progress{};
    writer_ = ::fork();
    if (writer_ == 0) Write();
    REQUIRE(writer_ > 0);
  }
  ~Scene() {
    ::kill(writer_, SIGKILL);
    ::waitpid(writer_, nullptr, 0);
  }
  static std::string NameOf(int number) { return "f" + std::to_string(number); }

  std::string journal() const { return state.path("journal"); }
  int made() const { return progress_->made; }
  int allowed() const { return progress_->allow; }
  void Allow(int more) { progress_->allow = progress_->made + more; }
  void AwaitMade(int number) const {
    while (progress_->made < number) ::poll(nullptr, 0, 1);
  }

  // A store on the journal, and an engine over the filesystem. For the processes that die, and for
  // the last one.
  struct Running {
    std::unique_ptr<RocksStore> store;
    TestScope scope;
    std::unique_ptr<Engine> engine;
  };
  Result<std::unique_ptr<Running>> Run(DescriptorKeeper* keeper, std::vector<KeptDescriptor> kept,
                                       const std::string& watched = "all") {
    auto running = std::make_unique<Running>();
    CJ_ASSIGN_OR_RETURN(running->store, OpenRocksStore(journal()));
    CJ_ASSIGN_OR_RETURN(auto volume, FindVolume(filesystem.path()));
    CJ_ASSIGN_OR_RETURN(volume.id, running->store->InternVolume(volume.identity));
    EngineOptions options;
    options.keeper = keeper;
    options.reader.memory_is_short = [] { return false; };  // of the machine, beside other tests
    options.watched = watched;
    CJ_ASSIGN_OR_RETURN(running->engine,
                        StartEngine(LinuxKernel(), *running->store, running->scope, Clock::System(),
                                    {volume}, options, std::move(kept)));
    return running;
  }

  // A process with an engine that makes checkpoints until it dies: at a point, or by our hand after
  // `changes` more changes.
  void LiveAndDie(const char* point, int passes, int changes) {
    int sockets[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
    UniqueFd ours(sockets[0]);
    UniqueFd theirs(sockets[1]);
    const pid_t daemon = ::fork();
    if (daemon == 0) {
      death_at = point;
      passes_left = passes;
      SendingKeeper keeper(theirs.get());
      auto running = Run(&keeper, fd_store.Copies());
      if (!running.has_value()) {
        std::fprintf(stderr, "the engine did not start: %s\n", running.error().message.c_str());
        ::_exit(1);
      }
      for (int i = 0;; ++i) {
        const bool well = i % 2 == 0 ? (*running)->engine->Checkpoint("").has_value()
                                     : (*running)->engine->Flush().has_value();
        if (!well) ::_exit(2);
      }
    }
    REQUIRE(daemon > 0);
    theirs.reset();
    int status = 0;
    const int enough = made() + changes;
    if (point == nullptr) Allow(changes + 5000);
    pid_t ended = 0;
    while (ended == 0) {
      pollfd waiting{ours.get(), POLLIN, 0};
      ::poll(&waiting, 1, 1);
      // No faster than a slow build can follow.
      if (point != nullptr) Allow(5);
      while (fd_store.Receive(ours.get())) {
      }
      // Before its group is kept nobody can go on where it ended.
      if (point == nullptr && fd_store.size() >= 2 && made() >= enough) ::kill(daemon, SIGKILL);
      ended = ::waitpid(daemon, &status, WNOHANG);
    }
    while (fd_store.Receive(ours.get())) {
    }
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
  }

  TestFilesystem filesystem;
  TemporaryDirectory state;
  FdStore fd_store;

 private:
  // Files come and go; each name is used once.
  [[noreturn]] void Write() {
    constexpr int kLiving = 50;
    for (int i = 0;; ++i) {
      while (progress_->made >= progress_->allow) ::poll(nullptr, 0, 1);
      const int fd =
          ::open(filesystem.path(NameOf(i)).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
      if (fd < 0 || ::close(fd) != 0) ::_exit(1);
      if (i >= kLiving) ::unlink(filesystem.path(NameOf(i - kLiving)).c_str());
      progress_->made = i + 1;
    }
  }

  Progress* progress_ = nullptr;
  pid_t writer_ = 0;
};

std::unique_ptr<Scene> MakeScene(const std::string& type) {
  auto made = TestFilesystem::Create(type);
  if (made.has_value()) return std::make_unique<Scene>(std::move(*made));
  WARN("SKIPPED: " << type << ": " << made.error().message);
  return nullptr;
}

Result<std::set<std::string>> NamesIn(const RocksStore& store) {
  CJ_ASSIGN_OR_RETURN(auto cursor, store.Scan({PeriodId(0), store.Periods().back().id.Next(),
                                               SequenceNumber(), false}));
  std::set<std::string> names;
  Record record;
  for (;;) {
    CJ_ASSIGN_OR_RETURN(const bool more, cursor->Next(&record));
    if (!more) return names;
    names.insert(record.name);
  }
}

// What is wrong with the journal after the last process has died: nothing.
std::string LookForLosses(Scene& scene, int first) {
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
    if (names->count(Scene::NameOf(i)) == 0) wrong += "missed " + std::to_string(i) + "; ";
  }
  for (const PeriodInfo& period : (*last)->store->Periods()) {
    for (const Gap& gap : period.gaps) wrong += "a gap: " + gap.cause + "; ";
  }
  return wrong.substr(0, 500);
}

void CheckNothingIsLost(Scene& scene, int first) {
  CHECK(scene.made() > first);
  CHECK(InChild([&] { return LookForLosses(scene, first); }).empty());
}

// The cause of the gap that an engine begins with which gets these, and inherits nothing.
std::string GapOf(Scene& scene, std::vector<KeptDescriptor> kept, const std::string& watched) {
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
    auto scene = MakeScene("ext4");
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
    auto scene = MakeScene(type);
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
  auto scene = MakeScene("ext4");
  if (scene == nullptr) return;
  scene->LiveAndDie(nullptr, 0, 0);
  const int first = scene->made();
  scene->Allow(20'000);
  scene->AwaitMade(first + 20'000);
  CheckNothingIsLost(*scene, first);
}

TEST_CASE("inheritance: a filesystem that was mounted anew is a gap") {
  auto scene = MakeScene("ext4");
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
    if (!names.has_value() || names->count(Scene::NameOf(first + 99)) == 0) return "it is deaf";
    return before.gaps[0].cause;
  });
  CHECK(said == "it was unmounted, and mounted again");
}

// A group that is kept says that nothing was missed since the period began. Until the gap of the
// time before is in the store, it must not be kept.
TEST_CASE("inheritance: death before the gap of the time before is stored") {
  auto scene = MakeScene("tmpfs");
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
  auto scene = MakeScene("tmpfs");
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
