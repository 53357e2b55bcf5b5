// A real server in this process, on a thread of its own, with an interface made for tests; and a
// raw client that can say anything.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "service/varlink/varlink_server.h"

namespace cj::test {

// A condition that does not come true within this time is a failure.
inline constexpr std::chrono::seconds kPatience{30};

class TestServer {
 public:
  explicit TestServer(Limits limits = {});
  // Stops the server, if Stop() has not, and joins everything.
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  const std::string& path() const { return path_; }
  const std::string& directory() const { return directory_; }
  std::size_t connections();
  std::uint64_t calls();
  std::vector<std::string> log();
  bool Logged(std::string_view part);
  // Stops the server; returns when that is done.
  void Stop(std::chrono::milliseconds drain);
  // Begins to stop it, and returns at once.
  void BeginStop(std::chrono::milliseconds drain);

  // What the handlers of org.example.test have noticed.
  std::atomic<int> hanging = 0;        // Hang(), Finish() and Work() under way
  std::atomic<int> cancelled = 0;      // of these, ended by cancellation
  std::atomic<int> worker_gone = 0;    // Work() whose worker saw that nobody listens
  std::atomic<int> noted = 0;          // calls of Note()
  std::atomic<std::int64_t> sent = 0;  // replies that Flood() has sent
  std::atomic<bool> may_finish = false;

 private:
  void AddTestInterface();
  // Runs `fn` on the server's thread and waits for it.
  void OnThread(const std::function<void()>& fn);

  std::string directory_;
  std::string path_;
  std::mutex mutex_;
  std::vector<std::string> log_;
  boost::asio::io_context io_;
  boost::asio::thread_pool pool_{2};
  std::unique_ptr<VarlinkServer> server_;
  std::thread thread_;
  bool stopped_ = false;
};

// True as soon as `condition` is, false when it is not within kPatience.
bool Eventually(const std::function<bool()>& condition);

class RawClient {
 public:
  explicit RawClient(const std::string& path);
  // False: the server has closed the connection.
  bool Send(std::string_view bytes);
  // Sends `text` and a NUL.
  bool SendMessage(const std::string& text);
  // The next message without its NUL; nullopt: the server has closed the connection.
  std::optional<std::string> Read();
  // Reads to the end; false: the server keeps the connection open (kPatience).
  bool AtEnd();
  // Sends a call of GetInfo and checks that its reply comes.
  bool Alive();
  void ShutdownSending();
  void Close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  bool Fill();
  UniqueFd fd_;
  std::string buffer_;
};

// The calling thread is user `uid` (filesystem and sockets) while this exists.
class AsUser {
 public:
  explicit AsUser(uid_t uid);
  ~AsUser();
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;
};

// Descriptors that this process has open, with what they are: "5 socket:[123]".
std::vector<std::string> OpenDescriptors();

}  // namespace cj::test
