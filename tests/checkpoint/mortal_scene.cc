#include "tests/checkpoint/mortal_scene.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"
#include "checkpoint/point_of_death.h"
#include "fanotify/kernel.h"

namespace cj {
namespace {

// Of the process that is to die: where, and how often it passes there before.
const char* death_at = nullptr;
std::atomic<int> passes_left = 0;
std::atomic<const std::function<void(const std::string& point)>*> on_the_way = nullptr;

}  // namespace

void OnTheWay(std::function<void(const std::string& point)> body) {
  static std::function<void(const std::string& point)> kept;
  CJ_CHECK(on_the_way == nullptr, "it is said once");
  kept = std::move(body);
  on_the_way = &kept;
}

void PointOfDeath(const char* name) {
  if (const auto* body = on_the_way.load()) (*body)(name);
  if (death_at == nullptr || std::strcmp(death_at, name) != 0) return;
  if (passes_left.fetch_sub(1) == 0) ::kill(::getpid(), SIGKILL);
}

MortalScene::MortalScene(TestFilesystem made) : filesystem(std::move(made)) {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  shared_ = new (memory) Shared{};
  writer_ = ::fork();
  if (writer_ == 0) Write();
  REQUIRE(writer_ > 0);
}

MortalScene::~MortalScene() {
  ::kill(writer_, SIGKILL);
  ::waitpid(writer_, nullptr, 0);
}

void MortalScene::AwaitMade(int number) const {
  while (shared_->made < number) ::poll(nullptr, 0, 1);
}

// Files come and go; each name is used once.
void MortalScene::Write() {
  constexpr int kLiving = 50;
  for (int i = 0;; ++i) {
    while (shared_->made >= shared_->allow) ::poll(nullptr, 0, 1);
    const int fd = ::open(filesystem.path(NameOf(i)).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || ::close(fd) != 0) ::_exit(1);
    if (i >= kLiving) ::unlink(filesystem.path(NameOf(i - kLiving)).c_str());
    shared_->made = i + 1;
  }
}

Result<std::unique_ptr<MortalScene::Running>> MortalScene::Run(DescriptorKeeper* keeper,
                                                               std::vector<KeptDescriptor> kept,
                                                               const std::string& watched) {
  auto running = std::make_unique<Running>();
  CJ_ASSIGN_OR_RETURN(running->store, OpenRocksStore(journal()));
  CJ_ASSIGN_OR_RETURN(auto volume, FindVolume(filesystem.path()));
  CJ_ASSIGN_OR_RETURN(volume.id, running->store->InternVolume(volume.identity));
  running->volume = volume.id;
  EngineOptions options;
  options.keeper = keeper;
  options.reader.memory_is_short = [] { return false; };  // of the machine, beside other tests
  options.watched = watched;
  CJ_ASSIGN_OR_RETURN(running->engine,
                      StartEngine(LinuxKernel(), *running->store, running->scope, Clock::System(),
                                  {volume}, options, std::move(kept)));
  return running;
}

void MortalScene::Live(Running& running) {
  for (int i = 0;; ++i) {
    const bool well = i % 2 == 0 ? running.engine->Checkpoint("").has_value()
                                 : running.engine->Flush().has_value();
    if (!well) ::_exit(2);
  }
}

void MortalScene::BeMortal(const char* point, int passes, int socket,
                           const std::function<void(Running&)>& live) {
  death_at = point;
  passes_left = passes;
  SendingKeeper keeper(socket);
  auto running = Run(&keeper, fd_store.Copies());
  if (!running.has_value()) {
    std::fprintf(stderr, "the engine did not start: %s\n", running.error().message.c_str());
    ::_exit(1);
  }
  live(**running);
  ::_exit(3);
}

void MortalScene::LiveAndDie(const char* point, int passes, int changes,
                             const std::function<void(Running&)>& live) {
  int sockets[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
  UniqueFd ours(sockets[0]);
  UniqueFd theirs(sockets[1]);
  const pid_t daemon = ::fork();
  if (daemon == 0) BeMortal(point, passes, theirs.get(), live);
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
    if (point != nullptr && !quiet) Allow(5);
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

std::unique_ptr<MortalScene> MakeMortalScene(const std::string& type) {
  auto made = TestFilesystem::Create(type);
  if (made.has_value()) return std::make_unique<MortalScene>(std::move(*made));
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

}  // namespace cj
