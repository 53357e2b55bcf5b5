// A daemon that says what the test tells it to, and a way to run changectl against it.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace cj {

// What follows on the next call, which must be of this method.
struct Scene {
  std::string method;                   // without "org.changejournal."
  std::vector<nlohmann::json> replies;  // sent one after the other; then the next scene
  std::optional<std::string> pipe;      // goes with the first reply: a pipe with this content
  bool hang_up = false;                 // closes the connection after the replies
};

// Listens in a directory of its own from construction on; serves any number of connections, one
// after the other. A call that the script does not expect is answered with MethodNotFound.
class FakeDaemon {
 public:
  explicit FakeDaemon(std::vector<Scene> script);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  std::string directory() const { return directory_; }
  std::string socket() const { return directory_ + "/socket"; }
  // Calls so far: each {"method": ..., "parameters": ..., "more": ...}.
  std::vector<nlohmann::json> calls();

 private:
  void Serve();
  void ServeConnection(int fd);
  // False: stop serving this connection.
  bool Answer(int fd, const std::string& text);
  bool WaitReadable(int fd) const;

  std::string directory_;
  UniqueFd listener_;
  UniqueFd stop_read_, stop_write_;
  std::mutex mutex_;
  std::vector<Scene> script_;
  std::size_t next_scene_ = 0;
  std::vector<nlohmann::json> calls_;
  std::thread thread_;
};

struct Ran {
  int status = -1;  // exit status; 128 + n after signal n
  std::string out;
  std::string err;
};

// Runs changectl with --socket set. `stdout_fd`: where its output goes instead of into Ran::out.
Ran Changectl(const FakeDaemon& daemon, const std::vector<std::string>& words, int stdout_fd = -1);
// `user`: who runs it, when the test is run by root.
Ran ChangectlAt(const std::string& socket, const std::vector<std::string>& words,
                int stdout_fd = -1, std::optional<uid_t> user = std::nullopt, int stderr_fd = -1);

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& text);

// Replies that are often needed.
nlohmann::json Reply(nlohmann::json parameters, bool continues = false);
nlohmann::json ErrorReply(const std::string& name, nlohmann::json parameters);
nlohmann::json SummaryReply(int changes, const std::string& next);

}  // namespace cj
