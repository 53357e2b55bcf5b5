// Who did it: which process is told for a number, and which is not.
#include "checkpoint/attribution.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <string>

namespace cj {
namespace {

// Processes of the test's own making, which read the clock that the test sets.
class FakeProcesses : public ProcessReader {
 public:
  explicit FakeProcesses(const ManualClock& clock) : clock_(clock) {}

  void Start(std::int32_t pid, const std::string& comm) {
    Process process;
    process.start = ++forks;
    process.actor = {true, 1000, comm, "test.service"};
    running_[pid] = {process, clock_.RealtimeUsec()};
  }
  void End(std::int32_t pid) { running_.erase(pid); }

  std::optional<Process> Read(std::int32_t pid) override {
    ++reads;
    const auto found = running_.find(pid);
    if (found == running_.end()) return std::nullopt;
    Process process = found->second.first;
    process.age_usec = clock_.RealtimeUsec() - found->second.second;
    return process;
  }
  std::int64_t NumberCount() override { return numbers; }

  std::uint64_t ForkCount() override { return forks; }

  std::int64_t numbers = 32768;
  std::uint64_t forks = 1000;
  int reads = 0;

 private:
  const ManualClock& clock_;
  std::map<std::int32_t, std::pair<Process, std::int64_t>> running_;
};

struct Scene {
  // A record of an event that happened in the last millisecond and is read now.
  Actor Of(std::int32_t pid, std::int64_t window_usec = 1000) {
    const std::size_t first = batch.records.size();
    Record record;
    record.pid = pid;
    record.sequence = SequenceNumber(first + 1);
    batch.records.push_back(record);
    const std::int64_t now = clock.RealtimeUsec();
    attribution.Attribute({now - window_usec, now}, first, &batch);
    Actor actor;
    for (const ActorNote& note : batch.actors) {
      if (note.pid == pid) actor = note.actor;
    }
    return actor;
  }

  ManualClock clock;
  FakeProcesses processes{clock};
  Batch batch;
  Attribution attribution{processes, clock};
};

constexpr std::int64_t kSecond = 1'000'000;

}  // namespace

TEST_CASE("attribution: a process that was there before the event is told") {
  Scene scene;
  scene.processes.Start(7, "old");
  scene.clock.Advance(kSecond);
  CHECK(scene.Of(7) == Actor{true, 1000, "old", "test.service"});
  // However long the event has waited, as long as the process is older.
  CHECK(scene.Of(7, kSecond / 2).comm == "old");
}

TEST_CASE("attribution: one that is gone is told by its number") {
  Scene scene;
  CHECK(scene.Of(7) == Actor());
  REQUIRE(scene.batch.actors.size() == 1);
  CHECK_FALSE(scene.batch.actors[0].actor.known);
}

TEST_CASE("attribution: one that was seen is told after its end, while its number is no other's") {
  Scene scene;
  scene.processes.Start(7, "brief");
  CHECK(scene.Of(7).comm == "brief");
  scene.processes.End(7);
  scene.clock.Advance(kSecond);
  CHECK(scene.Of(7).comm == "brief");
  scene.clock.Advance(kSecond);
  scene.processes.forks += 32768 / 2;
  CHECK_FALSE(scene.Of(7).known);
}

TEST_CASE("attribution: a young process is told after a quiet time, unless numbers came back") {
  for (const std::uint64_t forks : {100U, 32768U}) {
    CAPTURE(forks);
    Scene scene;
    // Nothing happens for an hour; then a process begins and writes.
    scene.clock.Advance(3600 * kSecond);
    scene.processes.forks += forks;
    scene.processes.Start(7, "young");
    CHECK(scene.Of(7, 3600 * kSecond).known == (forks == 100));
    // The next hour begins with another count.
    scene.clock.Advance(3600 * kSecond);
    scene.processes.Start(8, "next");
    CHECK(scene.Of(8, 3600 * kSecond).known);
  }
}

TEST_CASE("attribution: a number that was given out again is never told as the new process") {
  Scene scene;
  scene.processes.Start(7, "first");
  CHECK(scene.Of(7).comm == "first");
  scene.clock.Advance(kSecond);
  const std::int64_t queued_usec = scene.clock.RealtimeUsec();
  // The event waits, its process ends, and the number comes back.
  scene.clock.Advance(kSecond);
  scene.processes.End(7);
  scene.processes.forks += 32768;
  scene.processes.Start(7, "second");
  scene.clock.Advance(kSecond);
  const std::int64_t window_usec = scene.clock.RealtimeUsec() - queued_usec;
  CHECK_FALSE(scene.Of(7, window_usec).known);
  // Its own events are told.
  CHECK(scene.Of(7).comm == "second");
}

TEST_CASE("attribution: a process that began after the event was read did not do it") {
  const std::int64_t now = 10 * kSecond;
  Process process;
  struct Row {
    const char* name;
    std::int64_t age_usec;
    ReadTimes times;
    std::optional<bool> did_it;
  };
  const Row rows[] = {
      {"older than the window", 2 * kSecond, {now - kSecond, now}, true},
      {"older, but not for sure", kSecond + 5000, {now - kSecond, now}, std::nullopt},
      {"began meanwhile", 500, {now - kSecond, now}, std::nullopt},
      {"began after the reading", 100, {now - 1000, now - 500}, false},
      {"the beginning of the window is not known", kSecond, {0, now}, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    process.age_usec = row.age_usec;
    CHECK(DidIt(process, row.times, now) == row.did_it);
  }
}

TEST_CASE("attribution: with more numbers a process may be asked for longer, up to a second") {
  ManualClock clock;
  FakeProcesses processes(clock);
  CHECK(Attribution(processes, clock).reuse_usec() == 32768 / 2);
  processes.numbers = 4'194'304;
  CHECK(Attribution(processes, clock).reuse_usec() == Attribution::kMaxReuseUsec);
}

TEST_CASE("attribution: a note for each process, period and change of it, and no more") {
  Scene scene;
  scene.processes.Start(7, "sh");
  scene.clock.Advance(kSecond);
  for (int i = 0; i < 3; ++i) scene.Of(7);
  CHECK(scene.batch.actors.size() == 1);
  scene.processes.Start(7, "rm");  // as execve(2) does
  scene.clock.Advance(kSecond);
  CHECK(scene.Of(7).comm == "rm");
  REQUIRE(scene.batch.actors.size() == 2);
  CHECK(scene.batch.actors[1].sequence == SequenceNumber(4));
  scene.attribution.Begin();
  scene.Of(7);
  CHECK(scene.batch.actors.size() == 3);
}

TEST_CASE("attribution: /proc is read once for each process of a call") {
  Scene scene;
  scene.processes.Start(7, "sh");
  scene.clock.Advance(kSecond);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    Record record;
    record.pid = 7;
    record.sequence = SequenceNumber(i);
    scene.batch.records.push_back(record);
  }
  const std::int64_t now = scene.clock.RealtimeUsec();
  scene.attribution.Attribute({now, now}, 0, &scene.batch);
  CHECK(scene.processes.reads == 1);
  CHECK(scene.batch.actors.size() == 1);
}

TEST_CASE("attribution: more processes than the table has room for are noted again") {
  Scene scene;
  const auto count = static_cast<std::int32_t>(Attribution::kMaxProcesses);
  for (std::int32_t pid = 1; pid <= count; ++pid) scene.processes.Start(pid, "p");
  scene.clock.Advance(kSecond);
  for (std::int32_t pid = 1; pid <= count; ++pid) scene.Of(pid);
  scene.Of(1);
  CHECK(scene.batch.actors.size() == Attribution::kMaxProcesses);
  scene.processes.Start(count + 1, "one more");
  scene.clock.Advance(kSecond);
  CHECK(scene.Of(count + 1).comm == "one more");
  CHECK(scene.Of(1).comm == "p");
  CHECK(scene.batch.actors.size() == Attribution::kMaxProcesses + 2);
}

TEST_CASE("processes: the line of stat, also where a program names itself oddly") {
  struct Row {
    const char* text;
    const char* comm;
    std::uint64_t start;
  };
  const Row rows[] = {
      {"7 (sh) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9\n", "sh", 4711},
      {"7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12 9 9\n", "a) b (c", 12},
  };
  for (const Row& row : rows) {
    const auto line = ParseStatLine(row.text);
    REQUIRE(line);
    CHECK(line->comm == row.comm);
    CHECK(line->start == row.start);
  }
  for (const char* text : {"", "7", "7 (sh", "7 sh) S", "7 (sh)", "7 (sh) S 1 2 3", "7 )sh( S"}) {
    CHECK_FALSE(ParseStatLine(text));
  }
}

TEST_CASE("processes: the unit of a cgroup") {
  struct Row {
    const char* text;
    const char* unit;
  };
  const Row rows[] = {
      {"0::/system.slice/cron.service\n", "cron.service"},
      {"0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"},
      {"0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"},
      {"0::/user.slice/user-1.slice/user@1.service/app.slice/a.service\n", "user@1.service"},
      {"0::/system.slice/docker.service/inner\n", "docker.service"},
      {"0::/system.slice/_cpu.service\n", "cpu.service"},
      {"12:cpu:/x.service\n1:name=systemd:/system.slice/cron.service\n0::/\n", "cron.service"},
      {"0::/init.scope\n", "init.scope"},
      {"0::/\n", ""},
      {"0::/.service\n", ""},
      {"", ""},
      {"nonsense", ""},
  };
  for (const Row& row : rows) CHECK(UnitOfCgroup(row.text) == row.unit);
}

TEST_CASE("processes: a name is text, whatever a program has made of it") {
  CHECK(PlainText("sh", 64) == "sh");
  CHECK(PlainText("\xc3\xa4", 64) == "\xc3\xa4");
  CHECK(PlainText("\x1b[31m", 64) == "?[31m");
  CHECK(PlainText("a\xff\n", 64) == "a??");
  CHECK(PlainText("longer", 4) == "long");
}

TEST_CASE("processes: /proc tells of a process that lives, and not of one that has ended") {
  ProcProcesses processes;
  const auto own = processes.Read(::getpid());
  REQUIRE(own);
  CHECK(own->actor.uid == ::geteuid());
  CHECK(own->actor.comm == "test_checkpoint");
  CHECK(own->age_usec > 0);
  CHECK(processes.NumberCount() >= 300);
  CHECK(processes.ForkCount() > 100);

  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  constexpr uid_t kNobody = 65534;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[1]);
    (void)::setresuid(kNobody, kNobody, kNobody);
    char byte = 0;
    (void)!::read(pipe[0], &byte, 1);
    ::_exit(0);
  }
  ::close(pipe[0]);
  // It is another user in a moment, and cannot be looked into by others any more.
  std::optional<Process> other;
  do {
    other = processes.Read(child);
    REQUIRE(other);
  } while (::geteuid() == 0 && other->actor.uid != kNobody);
  CHECK(other->actor.comm == "test_checkpoint");
  ::close(pipe[1]);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK_FALSE(processes.Read(child));
}

}  // namespace cj
