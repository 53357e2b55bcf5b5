// What reaches the service manager, at a socket in its place.
#include "systemd/notify.h"

#include <filesystem>

#include "tests/systemd/fake_systemd.h"

using namespace cj;

namespace {

class FakeManager {
 public:
  FakeManager() {
    std::string pattern = "/tmp/cj-notify-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    fd_ = BindUnix(directory_ + "/notify", SOCK_DGRAM);
  }
  ~FakeManager() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  FakeManager(const FakeManager&) = delete;
  FakeManager& operator=(const FakeManager&) = delete;
  std::string path() const { return directory_ + "/notify"; }
  std::string Told() const { return ReceiveNow(fd_.get()); }

 private:
  std::string directory_;
  UniqueFd fd_;
};

}  // namespace

TEST_CASE("notify: what is said arrives") {
  FakeManager manager;
  ScopedVariable socket("NOTIFY_SOCKET", manager.path().c_str());
  CHECK(NotifyReady("2 trees"));
  CHECK(manager.Told() == "READY=1\nSTATUS=2 trees");
  CHECK(NotifyStatus("busy"));
  CHECK(manager.Told() == "STATUS=busy");
  CHECK(NotifyStopping("bye"));
  CHECK(manager.Told() == "STOPPING=1\nSTATUS=bye");
  CHECK(NotifyWatchdog());
  CHECK(manager.Told() == "WATCHDOG=1");
  CHECK(NotifyExtendTimeout(5'000'000));
  CHECK(manager.Told() == "EXTEND_TIMEOUT_USEC=5000000");
  CHECK(NotifyReloading());
  CHECK(manager.Told().find("RELOADING=1\nMONOTONIC_USEC=") == 0);
}

TEST_CASE("notify: descriptors to keep, and to keep no longer") {
  FakeManager manager;
  ScopedVariable socket("NOTIFY_SOCKET", manager.path().c_str());
  UniqueFd fd(::dup(0));
  CHECK(NotifyKeepFd("post-1-2", fd.get()));
  CHECK(manager.Told() == "FDSTORE=1\nFDNAME=post-1-2");
  // Nobody answers the barrier: it must not wait for ever.
  CHECK_FALSE(NotifyForgetFd("post-1-2"));
  CHECK(manager.Told() == "FDSTOREREMOVE=1\nFDNAME=post-1-2");
  CHECK_FALSE(NotifyKeepFd("post-1-2", -1));
}

TEST_CASE("notify: a status cannot smuggle in another assignment") {
  FakeManager manager;
  ScopedVariable socket("NOTIFY_SOCKET", manager.path().c_str());
  CHECK(NotifyStatus("watching /srv/a\nSTOPPING=1\x1b"));
  CHECK(manager.Told() == "STATUS=watching /srv/a STOPPING=1 ");
}

TEST_CASE("notify: without a manager nothing happens") {
  ScopedVariable socket("NOTIFY_SOCKET", nullptr);
  CHECK_FALSE(NotifyReady("x"));
  CHECK_FALSE(NotifyWatchdog());
  CHECK_FALSE(NotifyReloading());
  CHECK_FALSE(NotifyKeepFd("x", 0));
  CHECK_FALSE(NotifyForgetFd("x"));
}

TEST_CASE("notify: a manager that is gone is no error") {
  ScopedVariable socket("NOTIFY_SOCKET", "/tmp/cj-notify-that-does-not-exist");
  CHECK_FALSE(NotifyReady("x"));
}

TEST_CASE("watchdog: half of the time, and only for this process") {
  const std::string self = std::to_string(::getpid());
  {
    ScopedVariable usec("WATCHDOG_USEC", "30000000");
    ScopedVariable pid("WATCHDOG_PID", self.c_str());
    CHECK(WatchdogIntervalUsec() == 15'000'000);
  }
  {
    ScopedVariable usec("WATCHDOG_USEC", "1");
    ScopedVariable pid("WATCHDOG_PID", nullptr);
    CHECK(WatchdogIntervalUsec() == 1);
  }
  {
    ScopedVariable usec("WATCHDOG_USEC", "30000000");
    ScopedVariable pid("WATCHDOG_PID", "1");
    CHECK_FALSE(WatchdogIntervalUsec());
  }
  ScopedVariable usec("WATCHDOG_USEC", nullptr);
  CHECK_FALSE(WatchdogIntervalUsec());
}
