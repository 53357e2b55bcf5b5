#include "test_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/check.h"
#include "service/varlink/run_on.h"

namespace cj::test {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

constexpr const char* kIdl = R"(interface org.example.test
method Echo(text: string, path: ?string, path_base64: ?string) -> (text: string)
# (more) as many numbers
method Count(to: int, size: ?int) -> (number: int, filler: ?string)
# (more) without an end
method Flood(size: int) -> (number: int, filler: string)
# (more) nothing comes
method Hang() -> ()
# an answer once the test allows it
method Finish() -> ()
# works on another thread until nobody listens
method Work() -> ()
method Note() -> ()
# (more) a pipe with a text in it, in the second reply
method Pipe(text: string) -> (pipe: ?int)
method Blob(size: int) -> (filler: string)
method WhoAmI() -> (uid: int, gid: int, pid: int)
method Silent() -> ()
method Throws() -> ()
method Unwritten() -> ()
error Odd ()
)";

// Counts a handler that is under way, and how it ended.
struct Underway {
  explicit Underway(TestServer& the_server) : server(the_server) { ++server.hanging; }
  ~Underway() {
    if (!finished) ++server.cancelled;
    --server.hanging;
  }
  TestServer& server;
  bool finished = false;
};

asio::awaitable<void> WaitForever() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_at(asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> Echo(Call& call) {
  ParameterReader reader(call.parameters());
  const std::string text = reader.String("text");
  reader.OptionalPath("path");
  if (const auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const json reply = {{"text", text}};
  co_await call.Reply(reply);
}

asio::awaitable<void> Count(Call& call) {
  ParameterReader reader(call.parameters());
  const std::int64_t to = reader.Int("to");
  const std::int64_t size = reader.OptionalInt("size").value_or(0);
  if (const auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const std::string filler(static_cast<std::size_t>(size), 'x');
  for (std::int64_t i = 1; i < to; ++i) {
    const json reply = {{"number", i}, {"filler", filler}};
    if (!co_await call.ReplyContinues(reply)) co_return;
  }
  const json last = {{"number", to}};
  co_await call.Reply(last);
}

asio::awaitable<void> Flood(TestServer& server, Call& call) {
  const std::string filler(call.parameters().at("size").get<std::size_t>(), 'x');
  Underway underway(server);
  const json reply = {{"number", 1}, {"filler", filler}};
  while (co_await call.ReplyContinues(reply)) ++server.sent;
}

asio::awaitable<void> Hang(TestServer& server, Call&) {
  Underway underway(server);
  co_await WaitForever();
}

asio::awaitable<void> Finish(TestServer& server, Call& call) {
  Underway underway(server);
  while (!server.may_finish) {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  }
  co_await call.Reply(json::object());
  underway.finished = true;
}

asio::awaitable<void> Work(TestServer& server, asio::thread_pool& pool, Call& call) {
  Underway underway(server);
  const auto gone = call.gone_flag();
  auto work = [&]() -> Result<int> {
    while (!gone->load()) std::this_thread::yield();
    ++server.worker_gone;
    return 1;
  };
  const Result<int> result = co_await RunOn(pool, work);
  CJ_CHECK(*result == 1, "RunOn hands the result on");
  co_await call.Reply(json::object());
  underway.finished = true;
}

asio::awaitable<void> Pipe(Call& call) {
  const auto text = call.parameters().at("text").get<std::string>();
  std::array<int, 2> ends{};
  CJ_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0, "a pipe");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  CJ_CHECK(::write(write_end.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
           "a short text fits into a pipe");
  if (!co_await call.ReplyContinues(json::object())) co_return;
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(read_end));
  const json with_pipe = {{"pipe", 0}};
  if (!co_await call.ReplyContinues(with_pipe, std::move(fds))) co_return;
  co_await call.Reply(json::object());
}

}  // namespace

void TestServer::AddTestInterface() {
  std::map<std::string, Method> methods;
  const auto add = [&](const char* name, Handler handler, bool more = false) {
    methods.emplace(name, Method(std::move(handler), more));
  };
  add("Echo", Echo);
  add("Count", Count, true);
  add(
      "Flood", [this](Call& call) { return Flood(*this, call); }, true);
  add(
      "Hang", [this](Call& call) { return Hang(*this, call); }, true);
  add("Finish", [this](Call& call) { return Finish(*this, call); });
  add("Work", [this](Call& call) { return Work(*this, pool_, call); });
  add("Pipe", Pipe, true);
  add("Note", [this](Call& call) {
    ++noted;
    return call.Reply(json::object());
  });
  add("Blob", [](Call& call) {
    const auto size = call.parameters().at("size").get<std::size_t>();
    return call.Reply(json{{"filler", std::string(size, 'x')}});
  });
  add("WhoAmI", [](Call& call) {
    const Peer& peer = call.peer();
    return call.Reply(json{{"uid", peer.uid}, {"gid", peer.gid}, {"pid", peer.pid}});
  });
  add("Silent", [](Call&) -> asio::awaitable<void> { co_return; });
  add("Throws", [](Call&) -> asio::awaitable<void> {
    throw std::runtime_error("thrown on purpose");
    co_return;
  });
  server_->AddInterface("org.example.test", kIdl, std::move(methods));
}

TestServer::TestServer(Limits limits) {
  std::string name = (std::filesystem::temp_directory_path() / "cj-varlink-XXXXXX").string();
  CJ_CHECK(::mkdtemp(name.data()) != nullptr, "a temporary directory");
  ::chmod(name.c_str(), 0755);
  directory_ = name;
  path_ = name + "/socket";
  const auto log = [this](const std::string& sentence) {
    const std::lock_guard lock(mutex_);
    log_.push_back(sentence);
  };
  server_ = std::make_unique<VarlinkServer>(
      io_, ServiceInfo{"the vendor", "the product", "1.2", "https://example.org/"}, limits, log);
  AddTestInterface();
  auto listener = ListenUnix(path_);
  CJ_CHECK(listener.has_value(), "a socket in a new directory");
  server_->Serve(*std::move(listener));
  thread_ = std::thread([this] {
    const auto work = asio::make_work_guard(io_);
    io_.run();
  });
}

TestServer::~TestServer() {
  may_finish = true;
  if (!stopped_) Stop(kPatience);
  io_.stop();
  thread_.join();
  pool_.join();
  server_.reset();
  std::filesystem::remove_all(directory_);
}

void TestServer::OnThread(const std::function<void()>& fn) {
  std::promise<void> done;
  asio::post(io_, [&] {
    fn();
    done.set_value();
  });
  done.get_future().wait();
}

std::size_t TestServer::connections() {
  std::size_t count = 0;
  OnThread([&] { count = server_->connections(); });
  return count;
}

std::uint64_t TestServer::calls() {
  std::uint64_t count = 0;
  OnThread([&] { count = server_->calls(); });
  return count;
}

std::vector<std::string> TestServer::log() {
  const std::lock_guard lock(mutex_);
  return log_;
}

bool TestServer::Logged(std::string_view part) {
  const auto sentences = log();
  return std::any_of(sentences.begin(), sentences.end(), [&](const std::string& sentence) {
    return sentence.find(part) != std::string::npos;
  });
}

void TestServer::Stop(std::chrono::milliseconds drain) {
  stopped_ = true;
  std::promise<void> done;
  asio::co_spawn(io_, server_->Stop(drain), [&](const std::exception_ptr&) { done.set_value(); });
  done.get_future().wait();
}

void TestServer::BeginStop(std::chrono::milliseconds drain) {
  stopped_ = true;
  asio::co_spawn(io_, server_->Stop(drain), [](const std::exception_ptr&) {});
  OnThread([] {});
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// ---- RawClient

RawClient::RawClient(const std::string& path)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int result =
      ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  CJ_CHECK(result == 0, "the test server takes connections");
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::SendMessage(const std::string& text) { return Send(text + '\0'); }

// False: the end, or nothing for kPatience (then errno is ETIMEDOUT).
bool RawClient::Fill() {
  pollfd state{fd_.get(), POLLIN, 0};
  const auto wait = std::chrono::milliseconds(kPatience).count();
  if (::poll(&state, 1, static_cast<int>(wait)) <= 0) {
    errno = ETIMEDOUT;
    return false;
  }
  std::array<char, 65536> chunk;
  const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
  if (got <= 0) {
    errno = 0;
    return false;
  }
  buffer_.append(chunk.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<std::string> RawClient::Read() {
  while (true) {
    const std::size_t end = buffer_.find('\0');
    if (end != std::string::npos) {
      std::string message = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return message;
    }
    if (!Fill()) return std::nullopt;
  }
}

bool RawClient::AtEnd() {
  while (Fill()) buffer_.clear();
  return errno != ETIMEDOUT;
}

bool RawClient::Alive() {
  if (!SendMessage(R"({"method":"org.varlink.service.GetInfo"})")) return false;
  const auto reply = Read();
  return reply && reply->find("the vendor") != std::string::npos;
}

void RawClient::ShutdownSending() { ::shutdown(fd_.get(), SHUT_WR); }

// The raw system call changes this thread alone (setresuid(2), "C library/kernel differences").
AsUser::AsUser(uid_t uid) {
  CJ_CHECK(::syscall(SYS_setresuid, -1, uid, -1) == 0, "root may become anybody");
}

AsUser::~AsUser() { CJ_CHECK(::syscall(SYS_setresuid, -1, 0, -1) == 0, "and root again"); }

std::vector<std::string> OpenDescriptors() {
  std::vector<std::string> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(entry.path(), error);
    // The iterator's own descriptor is gone afterwards.
    if (!error && target.string().find("/fd") == std::string::npos) {
      open.push_back(entry.path().filename().string() + " " + target.string());
    }
  }
  std::sort(open.begin(), open.end());
  return open;
}

}  // namespace cj::test
