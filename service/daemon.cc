#include "service/daemon.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <optional>

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
// Threads for questions. Two cores' worth of folding is as much as an answer may take from the
// system that it is about.
constexpr std::size_t kQueryThreads = 2;
// How often retention and trouble with storage are looked at.
constexpr seconds kUpkeepInterval{10};
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

class Daemon {
 public:
  Daemon(std::unique_ptr<JournalService> service, const DaemonOptions& options)
      : options_(options),
        service_(std::move(service)),
        interface_(io_, pool_, *service_, AccessControl::FromSystem()),
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
    watchdog_interval_ = microseconds(WatchdogIntervalUsec().value_or(0));
    if (watchdog_interval_.count() > 0) asio::co_spawn(io_, Watchdog(), asio::detached);
    NotifyReady(StatusLine(*service_));
    Log(Priority::kInfo, "changejournald " CJ_VERSION " is listening for changes",
        {{"STATE_DIRECTORY", options_.config.state_directory}}, kMessageStarted);
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
      NotifyWatchdog();
    }
  }

  asio::awaitable<void> Upkeep() {
    auto work = [this] { return service_->Maintain(kMaxPeriodUsec); };
    for (;;) {
      const bool go_on = co_await Wait(&upkeep_timer_, kUpkeepInterval);
      if (!go_on) co_return;
      Result<JournalService::Upkeep> done = co_await RunOn(pool_, work);
      ReportStorage(done.has_value() ? service_->counters().storage_error : done.error().message);
      if (done.has_value() && done->dropped) {
        Log(Priority::kInfo, "dropped the periods before " + service_->TokenOf(done->oldest),
            {{"OLDEST", service_->TokenOf(done->oldest)}}, kMessagePeriodsDropped);
      }
      NotifyStatus(StatusLine(*service_));
      ::malloc_trim(0);  // what a large answer has left behind
    }
  }

  // Said once when trouble begins and once when it ends.
  void ReportStorage(const std::string& trouble) {
    if (trouble.empty() == trouble_.empty()) return;
    trouble_ = trouble;
    if (trouble.empty()) {
      Log(Priority::kNotice, "changes are being stored again",
          {{"STATE_DIRECTORY", options_.config.state_directory}}, kMessageStorageRecovered);
    } else {
      Log(Priority::kError, "changes are not being stored: " + trouble,
          {{"STATE_DIRECTORY", options_.config.state_directory}, {"REASON", trouble}},
          kMessageStorageFailed);
    }
  }

  DaemonOptions options_;
  asio::io_context io_{1};
  asio::thread_pool pool_{kQueryThreads};
  std::unique_ptr<JournalService> service_;
  JournalInterface interface_;
  std::optional<VarlinkServer> server_;
  asio::signal_set signals_;
  asio::steady_timer upkeep_timer_{io_};
  asio::steady_timer watchdog_timer_{io_};
  microseconds watchdog_interval_{0};  // 0: systemd does not ask
  std::atomic<bool> wake_{false};
  bool stopping_ = false;
  std::string trouble_;
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
  CJ_ASSIGN_OR_RETURN(auto service,
                      JournalService::Start(options.config, LinuxKernel(), Clock::System()));
  CJ_ASSIGN_OR_RETURN(Listener listener, TakeListener(options, std::move(passed.listener)));
  Daemon daemon(std::move(service), options);
  daemon.Run(std::move(listener));
  return {};
}

}  // namespace cj
