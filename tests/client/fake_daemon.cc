#include "tests/client/fake_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace cj {
namespace {

using nlohmann::json;

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) {
      read_end.reset(ends[0]);
      write_end.reset(ends[1]);
    }
  }
  UniqueFd read_end, write_end;
};

void SendMessage(int fd, const std::string& text, int passed_fd) {
  iovec data{const_cast<char*>(text.c_str()), text.size() + 1};  // with its NUL
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (passed_fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* message = CMSG_FIRSTHDR(&header);
    message->cmsg_level = SOL_SOCKET;
    message->cmsg_type = SCM_RIGHTS;
    message->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(message), &passed_fd, sizeof(int));
  }
  (void)::sendmsg(fd, &header, MSG_NOSIGNAL);
}

// Reads both until their ends; polls, so that neither fills up while the other is awaited.
void ReadBoth(int first, std::string* first_text, int second, std::string* second_text) {
  std::array<pollfd, 2> fds = {pollfd{first, POLLIN, 0}, pollfd{second, POLLIN, 0}};
  const std::array<std::string*, 2> texts = {first_text, second_text};
  std::array<char, 65536> buffer{};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds.at(i).fd < 0 || fds.at(i).revents == 0) continue;
      ssize_t got = ::read(fds.at(i).fd, buffer.data(), buffer.size());
      if (got <= 0) {
        fds.at(i).fd = -1;
      } else {
        texts.at(i)->append(buffer.data(), static_cast<std::size_t>(got));
      }
    }
  }
}

}  // namespace

FakeDaemon::FakeDaemon(std::vector<Scene> script) : script_(std::move(script)) {
  std::string pattern = "/tmp/cj-fake-XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
  listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.sun_path), socket().c_str(), socket().size() + 1);
  REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
          0);
  REQUIRE(::listen(listener_.get(), 8) == 0);
  Pipe stop;
  stop_read_ = std::move(stop.read_end);
  stop_write_ = std::move(stop.write_end);
  thread_ = std::thread([this] { Serve(); });
}

FakeDaemon::~FakeDaemon() {
  stop_write_.reset();  // the other end becomes readable
  thread_.join();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::vector<json> FakeDaemon::calls() {
  std::lock_guard lock(mutex_);
  return calls_;
}

bool FakeDaemon::WaitReadable(int fd) const {
  std::array<pollfd, 2> fds = {pollfd{fd, POLLIN, 0}, pollfd{stop_read_.get(), POLLIN, 0}};
  while (::poll(fds.data(), fds.size(), -1) < 0) {
  }
  return fds[1].revents == 0;
}

void FakeDaemon::Serve() {
  while (WaitReadable(listener_.get())) {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) ServeConnection(connection.get());
  }
}

void FakeDaemon::ServeConnection(int fd) {
  std::string received;
  std::array<char, 4096> buffer{};
  while (WaitReadable(fd)) {
    ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) return;
    received.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end; (end = received.find('\0')) != std::string::npos;) {
      std::string text = received.substr(0, end);
      received.erase(0, end + 1);
      if (!Answer(fd, text)) return;
    }
  }
}

bool FakeDaemon::Answer(int fd, const std::string& text) {
  json call = json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::lock_guard lock(mutex_);
  calls_.push_back(call);
  if (next_scene_ == script_.size() ||
      call.value("method", "") != "org.changejournal." + script_[next_scene_].method) {
    SendMessage(fd, ErrorReply("org.varlink.service.MethodNotFound", {}).dump(), -1);
    return true;
  }
  const Scene& scene = script_[next_scene_++];
  Pipe pipe;
  if (scene.pipe) {
    // Small enough for the pipe's buffer; its end comes when both our ends are closed.
    (void)!::write(pipe.write_end.get(), scene.pipe->data(), scene.pipe->size());
    pipe.write_end.reset();
  }
  for (std::size_t i = 0; i < scene.replies.size(); ++i) {
    SendMessage(fd, scene.replies[i].dump(), i == 0 && scene.pipe ? pipe.read_end.get() : -1);
  }
  return !scene.hang_up;
}

Ran ChangectlAt(const std::string& socket, const std::vector<std::string>& words, int stdout_fd,
                std::optional<uid_t> user, int stderr_fd) {
  std::vector<std::string> all = {CJ_CHANGECTL, "--socket=" + socket};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // Opened before the user changes: he may not be allowed to search the way to the program.
  UniqueFd program(::open(CJ_CHANGECTL, O_PATH | O_CLOEXEC));
  REQUIRE(program.valid());
  Pipe out;
  Pipe err;
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(stdout_fd >= 0 ? stdout_fd : out.write_end.get(), STDOUT_FILENO);
    ::dup2(stderr_fd >= 0 ? stderr_fd : err.write_end.get(), STDERR_FILENO);
    ::setenv("TZ", "UTC", 1);
    if (user && ::setuid(*user) != 0) ::_exit(126);
    ::fexecve(program.get(), arguments.data(), environ);
    ::_exit(127);
  }
  out.write_end.reset();
  err.write_end.reset();
  Ran ran;
  ReadBoth(out.read_end.get(), &ran.out, err.read_end.get(), &ran.err);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

Ran Changectl(const FakeDaemon& daemon, const std::vector<std::string>& words, int stdout_fd) {
  return ChangectlAt(daemon.socket(), words, stdout_fd);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

json Reply(json parameters, bool continues) {
  json reply = {{"parameters", std::move(parameters)}};
  if (continues) reply["continues"] = true;
  return reply;
}

json ErrorReply(const std::string& name, json parameters) {
  json reply = {{"error", name}};
  if (!parameters.is_null()) reply["parameters"] = std::move(parameters);
  return reply;
}

json SummaryReply(int changes, const std::string& next) {
  return Reply(
      {{"summary",
        {{"since", "cj1-0123abcd-1"}, {"next", next}, {"changes", changes}, {"complete", true}}}});
}

}  // namespace cj
