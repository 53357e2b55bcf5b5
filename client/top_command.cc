// top: a thread reads the feed and counts, this one asks for the status now and then and draws.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "client/busy_directories.h"
#include "client/questions.h"
#include "client/session.h"
#include "client/top_frame.h"
#include "client/top_screen.h"

namespace cj::client {
namespace {

// Rows of the directories where frames stand one below the other.
constexpr std::size_t kBatchDirectories = 20;
constexpr std::size_t kBatchColumns = 512;

void Signal(int eventfd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] ssize_t ignored = ::write(eventfd, &one, sizeof(one));
}

// Reads the feed, until it ends or this does.
class Counting {
 public:
  Counting() : stop_fd_(::eventfd(0, EFD_CLOEXEC)), ended_fd_(::eventfd(0, EFD_CLOEXEC)) {}
  ~Counting() {
    Signal(stop_fd_.get());
    if (thread_.joinable()) thread_.join();
  }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

  // The feed takes the session's connection; the session's next call makes another one.
  Outcome Begin(const std::vector<std::string>& paths, const Session& session) {
    FollowOptions options;
    options.paths = paths;
    Question question = FollowQuestion(options);
    cj_feed* opened = nullptr;
    if (cj_feed_open(session.connection.get(), question.get(), &opened) < 0) return FailOf(session);
    feed_.reset(opened);
    thread_ = std::thread([this] { Run(); });
    return {};
  }
  // For poll(): readable when nothing more will come.
  int ended_fd() const { return ended_fd_.get(); }
  std::vector<BusyDirectories::Busy> Busiest(std::size_t count) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return busy_.Busiest(count, Clock::System().MonotonicUsec());
  }

 private:
  void Run() EXCLUDES(mutex_) {
    while (true) {
      pollfd fds[] = {{cj_feed_fd(feed_.get()), POLLIN, 0}, {stop_fd_.get(), POLLIN, 0}};
      ::poll(fds, std::size(fds), -1);
      if (fds[1].revents != 0) break;
      cj_buffer* buffer = nullptr;
      const int result = cj_feed_read(feed_.get(), 0, &buffer);
      if (result == -EAGAIN) continue;
      if (result < 0) break;
      Count(buffer);
      cj_feed_put(feed_.get(), buffer);
    }
    Signal(ended_fd_.get());
  }
  void Count(const cj_buffer* buffer) EXCLUDES(mutex_) {
    const std::int64_t now_usec = Clock::System().MonotonicUsec();
    MutexLock lock(mutex_);
    for (std::size_t i = 0; i < cj_buffer_count(buffer); ++i) {
      busy_.Add(RecordOf(*cj_buffer_record(buffer, i)), now_usec);
    }
  }

  Feed feed_;  // of the thread, once that has begun
  UniqueFd stop_fd_;
  UniqueFd ended_fd_;
  Mutex mutex_;
  BusyDirectories busy_ GUARDED_BY(mutex_);
  std::thread thread_;
};

// Signals that end or change what is shown, as something to be read. Before any thread begins.
UniqueFd TakeSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (int each : {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP}) ::sigaddset(&signals, each);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

class Top {
 public:
  Top(Session& session, const TopOptions& options, Counting& counting, int signals)
      : session_(session), options_(options), counting_(counting), signals_(signals) {
    if (!options.batch) screen_ = std::make_unique<TopScreen>();
  }

  Outcome Run() {
    for (std::int64_t drawn = 1;; ++drawn) {
      Outcome asked = Ask();
      if (asked.status != ExitStatus::kSuccess) return asked;
      Draw();
      const Outcome written = FinishOutput(session_);
      if (written.status != ExitStatus::kSuccess) return written;
      if (options_.iterations && drawn >= *options_.iterations) return {};
      const bool go_on = Wait();
      if (!go_on) return end_;
    }
  }

 private:
  Outcome Ask() {
    Answer answer = CallOnce(session_, "GetStatus", {});
    if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
    auto status = ReadStatusReply(*answer.parameters);
    if (!status) return Fail(status.error());
    const std::int64_t monotonic_usec = Clock::System().MonotonicUsec();
    picture_.before = picture_.status.counters;
    picture_.interval_usec = asked_usec_ == 0 ? 0 : monotonic_usec - asked_usec_;
    asked_usec_ = monotonic_usec;
    picture_.status = *std::move(status);
    picture_.now_usec = Clock::System().RealtimeUsec();
    return {};
  }

  void Draw() {
    TopSize size = {kTopHeadLines + kBatchDirectories, kBatchColumns};
    if (screen_) size = TerminalSize();
    picture_.busiest = counting_.Busiest(size.rows - std::min(size.rows, kTopHeadLines));
    const std::vector<std::string> lines = FormatTop(picture_, size, session_.zone);
    if (screen_) return session_.out.Write(Drawing(lines));
    for (const std::string& line : lines) session_.out.Write(line + "\n");
    session_.out.Write("\n");
  }

  // Until the next picture is due, or for less where there is a reason. False: end_ says how it
  // ends.
  bool Wait() {
    const std::int64_t until_usec = Clock::System().MonotonicUsec() + options_.delay_usec;
    while (true) {
      const std::int64_t left_usec = until_usec - Clock::System().MonotonicUsec();
      if (left_usec <= 0) return true;
      pollfd fds[] = {{signals_, POLLIN, 0},
                      {counting_.ended_fd(), POLLIN, 0},
                      {screen_ ? STDIN_FILENO : -1, POLLIN, 0}};
      ::poll(fds, std::size(fds), static_cast<int>(left_usec / 1000 + 1));
      if (fds[0].revents != 0 && !HandleSignal()) return false;
      if (fds[1].revents != 0) {
        end_ = Fail(ExitStatus::kFailed, "the daemon has ended the feed; its log says more");
        return false;
      }
      if (fds[2].revents != 0 && !HandleKey()) return false;
    }
  }

  bool HandleSignal() {
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof(info)) != sizeof(info)) return true;
    const auto signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGTSTP) {
      if (screen_) screen_->Leave();
      ::raise(SIGSTOP);
      if (screen_) screen_->Enter();
    } else if (signal != SIGWINCH) {
      ended_by_ = signal;
      return false;
    }
    if (screen_) Draw();
    return FinishOutput(session_).status == ExitStatus::kSuccess;
  }

  // q, and the end of input, end it.
  bool HandleKey() {
    char key = 0;
    const ssize_t got = ::read(STDIN_FILENO, &key, 1);
    return got == 1 && key != 'q' && key != 'Q';
  }

 public:
  // The signal that has ended it; 0: none.
  int ended_by() const { return ended_by_; }

 private:
  Session& session_;
  const TopOptions& options_;
  Counting& counting_;
  const int signals_;
  std::unique_ptr<TopScreen> screen_;
  TopPicture picture_;
  std::int64_t asked_usec_ = 0;
  int ended_by_ = 0;
  Outcome end_;
};

}  // namespace

Outcome RunTop(Session& session, const Options& options) {
  const bool terminal = session.style.terminal && ::isatty(STDIN_FILENO) == 1;
  if (!options.top.batch && !terminal) {
    return Fail(ExitStatus::kUsage, "top draws on a terminal, and this is none; see --batch");
  }
  const UniqueFd signals = TakeSignals();
  Counting counting;
  Outcome outcome = counting.Begin(options.top.paths, session);
  if (outcome.status != ExitStatus::kSuccess) return outcome;
  int ended_by = 0;
  {
    Top top(session, options.top, counting, signals.get());
    outcome = top.Run();
    ended_by = top.ended_by();
  }
  // As who sent it, and the shell, expect: Ctrl-C is how one leaves it.
  if (ended_by == SIGTERM || ended_by == SIGHUP) {
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, ended_by);
    ::raise(ended_by);
    ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  }
  return outcome;
}

}  // namespace cj::client
