#include "service/daemon.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>

#include "fanotify/mount_events.h"
#include "service/daemon_reports.h"
#include "service/journal_interface.h"
#include "service/journal_service.h"
#include "service/varlink/run_on.h"
#include "systemd/log.h"
#include "systemd/message_ids.h"
#include "systemd/notify.h"

namespace cj {
namespace {

namespace asio = boost::asio;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kDefaultSocketDirectory = "/run/changejournal";
// Threads for questions, as nice as all others: beside writers that leave no processor free, nicer
// ones made answers take two to three times as long.
constexpr std::size_t kQueryThreads = TurnsLimit{}.at_once + AnswerLimit{}.viewer_turns.at_once;
// How often retention and trouble with storage are looked at.
constexpr seconds kUpkeepInterval{10};
// Mounts that change all the time are looked at this often.
constexpr seconds kMountsInterval{1};
// A period that nobody ends is ended after this time, so that "since two hours ago" has a
// checkpoint to start from and retention something to drop.
constexpr std::int64_t kMaxPeriodUsec = 3'600'000'000;
// Calls that are being answered may finish for so long after a signal to stop.
constexpr seconds kDrain{5};
// A reply to a reader that does not read is kept so long: pagers stand still while people read.
constexpr milliseconds kStall = std::chrono::hours(1);

// Watched volumes, groups, pipes and connections are descriptors: take all that the system lets us.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string StatusLine(const JournalService& service) {
  EngineCounters counters = service.counters();
  if (!counters.storage_error.empty()) return "Not storing: " + counters.storage_error;
  return "Recorded " + std::to_string(counters.records_stored) + " changes, open period " +
         service.RescanToken();
}

// systemd's FD store as the keeper of what the next process goes on with.
class SystemdKeeper : public DescriptorKeeper {
 public:
  bool Keep(const std::string& name, int fd) override { return NotifyKeepFd(name, fd); }
  void Forget(const std::string& name) override { (void)NotifyForgetFd(name); }
};

class Daemon {
 public:
  Daemon(std::unique_ptr<JournalService> service, const DaemonOptions& options)
      : options_(options),
        service_(std::move(service)),
        interface_(io_, pool_, *service_,
                   AccessControl::FromSystem(options.config.user_checkpoints)),
        signals_(io_, SIGTERM, SIGINT) {
    server_.emplace(
        io_,
        ServiceInfo{"changejournal", "changejournald", CJ_VERSION, "https://changejournal.org"},
        VarlinkLimits(), [](const std::string& line) { Log(Priority::kNotice, line); });
    server_->AddInterface(JournalInterface::Name(), JournalInterface::Idl(), interface_.Methods());
    interface_.SetConnectionCounter([this] { return server_ ? server_->connections() : 0; });
    auto stored = [this](SequenceNumber) {
      // One wake-up on its way is enough, however many appends it stands for.
      if (wake_.exchange(true)) return;
      asio::post(io_, [this] {
        wake_.store(false);
        interface_.RecordsStored();
      });
    };
    service_->SetAppendListener(stored);
  }

  void Run(Listener listener) {
    server_->Serve(std::move(listener));
    asio::co_spawn(io_, WaitForSignal(), asio::detached);
    asio::co_spawn(io_, Upkeep(), asio::detached);
    BeginMounts();
    AwaitClock();
    watchdog_interval_ = microseconds(WatchdogIntervalUsec().value_or(0));
    if (watchdog_interval_.count() > 0) asio::co_spawn(io_, Watchdog(), asio::detached);
    NotifyReady(StatusLine(*service_));
    Log(Priority::kInfo, "changejournald " CJ_VERSION " is listening for changes",
        {{"STATE_DIRECTORY", options_.config.state_directory}}, kMessageStarted);
    reports_.Start();
    reports_.Gaps();
    io_.run();
    EndCalls();
    service_->SetAppendListener({});
    Status stopped = service_->Stop();
    if (!stopped.has_value()) {
      Log(Priority::kError, "the last changes were not stored: " + stopped.error().message);
    }
    Log(Priority::kInfo, "changejournald has stopped", {}, kMessageStopped);
  }

 private:
  // Calls that are still under way hold answers, and those the store: they end before it does.
  void EndCalls() {
    server_.reset();
    io_.restart();
    io_.poll();
    pool_.join();
    io_.restart();
    while (io_.poll() > 0) {
    }
  }

  static Limits VarlinkLimits() {
    Limits limits;
    limits.stall_timeout = kStall;
    return limits;
  }

  asio::awaitable<void> WaitForSignal() {
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    co_await signals_.async_wait(token);
    NotifyStopping("Stopping");
    stopping_ = true;
    upkeep_timer_.cancel();
    mounts_timer_.cancel();
    mounts_.cancel(ignored);
    clock_.cancel(ignored);
    watchdog_timer_.cancel();
    co_await server_->Stop(kDrain);
    io_.stop();
  }

  // False: the daemon is stopping.
  asio::awaitable<bool> Wait(asio::steady_timer* timer, microseconds time) {
    timer->expires_after(time);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await timer->async_wait(token);
    co_return !stopping_;
  }

  // Not `while (co_await Wait())`: g++ 12.2 then loses `this` when it comes back.
  asio::awaitable<void> Watchdog() {
    for (;;) {
      const bool go_on = co_await Wait(&watchdog_timer_, watchdog_interval_);
      if (!go_on) co_return;
      // Who does not move any more is ended, and the next process goes on without a gap.
      if (service_->Alive()) {
        NotifyWatchdog();
      } else {
        Log(Priority::kError, "the journal does not move; waiting for the watchdog to end it");
      }
    }
  }

  asio::awaitable<void> Upkeep() {
    auto work = [this] { return service_->Maintain(kMaxPeriodUsec); };
    for (;;) {
      const bool go_on = co_await Wait(&upkeep_timer_, kUpkeepInterval);
      if (!go_on) co_return;
      const JournalService::Upkeep done = co_await RunOn(pool_, work);
      reports_.Gaps();
      reports_.Crawls();
      reports_.Storage(done.status.has_value() ? service_->counters().storage_error
                                               : done.status.error().message);
      reports_.Upkeep(done);
      NotifyStatus(StatusLine(*service_));
      ::malloc_trim(0);  // what a large answer has left behind
    }
  }

  // A filesystem that is unmounted takes its mark along, and no event of the mark tells. Whoever
  // asks finds out; this is to be there again soon.
  void BeginMounts() {
    auto opened = MountEvents::Open();
    if (!opened.has_value()) {
      return Log(Priority::kWarning,
                 "mounts are noticed only when somebody asks: " + opened.error().message);
    }
    mount_events_.emplace(*std::move(opened));
    boost::system::error_code failed;
    mounts_.assign(::fcntl(mount_events_->fd(), F_DUPFD_CLOEXEC, 0), failed);
    if (!failed) AwaitMounts();
    MountsChanged();  // they may have since the service began
  }

  void AwaitMounts() {
    const bool group = mount_events_->source() == MountEvents::Source::kFanotify;
    auto changed = [this, group](const boost::system::error_code& error) {
      if (error || stopping_) return;
      if (group) mount_events_->Drain();
      AwaitMounts();  // before the look: what comes meanwhile is looked for again
      MountsChanged();
    };
    mounts_.async_wait(
        group ? asio::posix::descriptor_base::wait_read : asio::posix::descriptor_base::wait_error,
        changed);
  }

  // A clock that is set makes a timer of its own kind end (timerfd_create(2), CANCEL_ON_SET). A
  // look at the mounts then parts the time before from the time after: what is missed in one of
  // them is looked for by the times that the clock showed in it.
  void AwaitClock() {
    if (!clock_.is_open()) {
      UniqueFd timer(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
      if (!timer.valid()) return;
      clock_.assign(timer.release());
    }
    itimerspec never{};
    never.it_value.tv_sec = 9'000'000'000;  // the year 2255; the kernel ends in 2262
    ::timerfd_settime(clock_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                      nullptr);
    auto ended = [this](const boost::system::error_code& error) {
      if (error || stopping_) return;
      std::uint64_t expirations = 0;
      // ECANCELED is what it says; the timer is set anew in any case.
      const ssize_t ignored = ::read(clock_.native_handle(), &expirations, sizeof(expirations));
      static_cast<void>(ignored);
      Log(Priority::kNotice, "the clock was set", {}, kMessageClockSet);
      AwaitClock();
      MountsChanged();
    };
    clock_.async_wait(asio::posix::descriptor_base::wait_read, ended);
  }

  void MountsChanged() {
    service_->MountsChanged();
    mounts_changed_ = true;
    if (!std::exchange(checking_mounts_, true)) {
      asio::co_spawn(io_, CheckMounts(), asio::detached);
    }
  }

  asio::awaitable<void> CheckMounts() {
    auto check = [this] { return service_->CheckMounts(); };
    while (std::exchange(mounts_changed_, false)) {
      Status checked = co_await RunOn(pool_, check);
      if (checked.has_value()) reports_.Gaps();
      // Containers come and go by the dozen.
      const bool go_on = co_await Wait(&mounts_timer_, kMountsInterval);
      if (!go_on) co_return;
    }
    checking_mounts_ = false;
  }

  DaemonOptions options_;
  asio::io_context io_{1};
  asio::thread_pool pool_{kQueryThreads};
  std::unique_ptr<JournalService> service_;
  DaemonReports reports_{*service_};
  JournalInterface interface_;
  std::optional<VarlinkServer> server_;
  asio::signal_set signals_;
  asio::steady_timer upkeep_timer_{io_};
  asio::steady_timer watchdog_timer_{io_};
  asio::steady_timer mounts_timer_{io_};
  std::optional<MountEvents> mount_events_;
  asio::posix::stream_descriptor mounts_{io_};  // a copy, for waiting
  asio::posix::stream_descriptor clock_{io_};
  bool mounts_changed_ = false;
  bool checking_mounts_ = false;
  microseconds watchdog_interval_{0};  // 0: systemd does not ask
  std::atomic<bool> wake_{false};
  bool stopping_ = false;
};

// An answer's memory comes and goes in large pieces on pool threads, of which glibc would keep one
// heap per thread for ever (mallopt(3)). The oracle's peak on tmpfs fell by a tenth to a
// half with these, by the run.
void KeepHeapSmall() {
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

Result<Listener> TakeListener(const DaemonOptions& options, UniqueFd passed) {
  if (options.socket_path.empty() && passed.valid()) return AdoptListener(std::move(passed));
  std::string path = options.socket_path.empty() ? kDefaultSocket : options.socket_path;
  // As the unit's RuntimeDirectory=: everybody may go through it to the socket, whatever our umask.
  if (options.socket_path.empty() && ::mkdir(kDefaultSocketDirectory, 0755) == 0) {
    (void)::chmod(kDefaultSocketDirectory, 0755);
  }
  return ListenUnix(path, 0666);
}

}  // namespace

Status RunDaemon(const DaemonOptions& options, PassedFds passed) {
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(077);
  RaiseDescriptorLimit();
  KeepHeapSmall();
  if (::geteuid() != 0) {
    return Error{ErrorCode::kPermissionDenied,
                 "changejournald must run as root: fanotify on whole filesystems needs "
                 "CAP_SYS_ADMIN, and open_by_handle_at(2) CAP_DAC_READ_SEARCH"};
  }
  // The store's lock comes first: two daemons that start at once must not both take the socket.
  SystemdKeeper keeper;
  Legacy legacy;
  legacy.keeper = &keeper;
  for (NamedFd& each : passed.others) legacy.kept.push_back({each.name, std::move(each.fd)});
  CJ_ASSIGN_OR_RETURN(auto service, JournalService::Start(options.config, LinuxKernel(),
                                                          Clock::System(), std::move(legacy)));
  CJ_ASSIGN_OR_RETURN(Listener listener, TakeListener(options, std::move(passed.listener)));
  Daemon daemon(std::move(service), options);
  daemon.Run(std::move(listener));
  return {};
}

}  // namespace cj
