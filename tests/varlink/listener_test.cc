// The listening socket: what may be in its place, whose file it is, and what systemd may hand in;
// and how a server stops.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "test_server.h"

namespace cj {
namespace {

namespace fs = std::filesystem;
using test::Eventually;
using test::RawClient;
using test::TestServer;

struct Directory {
  Directory() {
    std::string name = (fs::temp_directory_path() / "cj-listener-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() { fs::remove_all(path); }
  std::string path;
};

mode_t ModeOf(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

TEST_CASE("the socket's file has the mode asked for, and goes with the socket") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  const mode_t umask_before = ::umask(077);
  for (const mode_t mode : {0666, 0600}) {
    auto listener = ListenUnix(path, mode);
    REQUIRE(listener.has_value());
    CHECK(ModeOf(path) == (S_IFSOCK | mode));
    CHECK((::fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC) != 0);
    listener->Close();
    CHECK_FALSE(fs::exists(path));
  }
  ::umask(umask_before);
}

TEST_CASE("a living server's socket is left alone, a stale one is replaced") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  {
    auto first = ListenUnix(path);
    REQUIRE(first.has_value());
    auto second = ListenUnix(path);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == ErrorCode::kBusy);
    CHECK_THAT(second.error().message, Catch::Contains("another server is listening at " + path));
    CHECK(fs::exists(path));
    RawClient still_there(path);
  }
  {
    // As after kill -9: the file stays, nobody listens.
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto made = ListenUnix(path);
    REQUIRE(made.has_value());
    fs::rename(path, path + ".moved");
  }
  fs::rename(path + ".moved", path);
  REQUIRE((ModeOf(path) & S_IFMT) == S_IFSOCK);
  auto listener = ListenUnix(path);
  REQUIRE(listener.has_value());
  RawClient client(path);
}

TEST_CASE("a file that is no socket is never removed") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  std::ofstream(path) << "precious";
  fs::create_symlink(path, directory.path + "/link");
  fs::create_directory(directory.path + "/folder");
  for (const char* name : {"/socket", "/link", "/folder"}) {
    CAPTURE(name);
    const auto listener = ListenUnix(directory.path + name);
    REQUIRE_FALSE(listener.has_value());
    CHECK(listener.error().code == ErrorCode::kInvalidArgument);
    CHECK_THAT(listener.error().message, Catch::Contains("is not a socket"));
    CHECK(fs::exists(directory.path + name));
  }
  std::string text;
  std::ifstream(path) >> text;
  CHECK(text == "precious");
}

TEST_CASE("only the file that the listener made is removed") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  auto old_one = ListenUnix(path);
  REQUIRE(old_one.has_value());
  fs::remove(path);
  auto new_one = ListenUnix(path);
  REQUIRE(new_one.has_value());
  old_one->Close();
  CHECK(fs::exists(path));
  Listener moved = *std::move(new_one);
  CHECK(fs::exists(path));
  moved = Listener();
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("paths that cannot be") {
  const Directory directory;
  const std::pair<std::string, ErrorCode> rows[] = {
      {"", ErrorCode::kInvalidArgument},
      {directory.path + "/" + std::string(108, 'x'), ErrorCode::kInvalidArgument},
      {directory.path + "/no/such", ErrorCode::kNotFound},
  };
  for (const auto& [path, code] : rows) {
    CAPTURE(path);
    const auto listener = ListenUnix(path);
    REQUIRE_FALSE(listener.has_value());
    CHECK(listener.error().code == code);
  }
  const std::string longest =
      directory.path + "/" + std::string(107 - directory.path.size() - 1, 'x');
  CHECK(ListenUnix(longest).has_value());
  CHECK_FALSE(ListenUnix(longest + "x").has_value());
}

TEST_CASE("a socket handed in must be a listening Unix stream socket, and keeps its file") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  const auto refused = [](UniqueFd fd) {
    const auto listener = AdoptListener(std::move(fd));
    return listener.has_value() ? std::string() : listener.error().message;
  };
  CHECK_THAT(refused(UniqueFd(::open("/dev/null", O_RDONLY))), Catch::Contains("not a socket"));
  CHECK_THAT(refused(UniqueFd(::socket(AF_INET, SOCK_STREAM, 0))),
             Catch::Contains("not a Unix socket"));
  CHECK_THAT(refused(UniqueFd(::socket(AF_UNIX, SOCK_DGRAM, 0))),
             Catch::Contains("not a stream socket"));
  CHECK_THAT(refused(UniqueFd(::socket(AF_UNIX, SOCK_STREAM, 0))),
             Catch::Contains("not listening"));
  auto made = ListenUnix(path);
  REQUIRE(made.has_value());
  auto adopted = AdoptListener(UniqueFd(::dup(made->fd())));
  REQUIRE(adopted.has_value());
  CHECK((::fcntl(adopted->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(adopted->fd(), F_GETFL) & O_NONBLOCK) != 0);
  adopted->Close();
  CHECK(fs::exists(path));
}

// ---- stopping

TEST_CASE("stopping lets answers be finished, cancels streams and closes the rest") {
  TestServer server;
  RawClient idle(server.path());
  RawClient streaming(server.path());
  RawClient busy(server.path());
  REQUIRE(idle.Alive());
  streaming.SendMessage(R"({"method":"org.example.test.Hang","more":true})");
  busy.SendMessage(R"({"method":"org.example.test.Finish"})");
  busy.SendMessage(R"({"method":"org.example.test.Note"})");  // comes too late
  REQUIRE(Eventually([&] { return server.hanging == 2; }));
  server.BeginStop(test::kPatience);
  CHECK_FALSE(fs::exists(server.path()));
  CHECK(idle.AtEnd());
  CHECK(streaming.AtEnd());
  CHECK(Eventually([&] { return server.cancelled == 1; }));
  CHECK(Eventually([&] { return server.connections() == 1; }));
  server.may_finish = true;
  CHECK(busy.Read() == std::optional<std::string>("{}"));
  CHECK(busy.AtEnd());
  CHECK(Eventually([&] { return server.connections() == 0; }));
  CHECK(server.noted == 0);
}

TEST_CASE("what does not finish in time is cut off") {
  TestServer server;
  RawClient busy(server.path());
  RawClient working(server.path());
  busy.SendMessage(R"({"method":"org.example.test.Finish"})");
  working.SendMessage(R"({"method":"org.example.test.Work"})");
  REQUIRE(Eventually([&] { return server.hanging == 2; }));
  server.Stop(std::chrono::milliseconds(30));
  CHECK(busy.AtEnd());
  CHECK(working.AtEnd());
  CHECK(Eventually([&] { return server.cancelled == 2; }));
  CHECK(server.worker_gone == 1);
}

}  // namespace
}  // namespace cj
