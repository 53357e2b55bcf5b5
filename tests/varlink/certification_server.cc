// org.varlink.certification on our server, for Varlink clients that others have written: they call
// Start, Test01 ... Test11, End, handing each answer to the next call; every step is compared here.
// Usage: certification_server IDL-FILE PROGRAM ARGUMENT...: serves on a socket in a directory of
// its own, whose path stands for {} in the arguments, runs the program, and says "certified" if it
// has gone all the way. Exit status 0: the program ended well, and if it began the certification,
// it was certified.
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "service/varlink/varlink_server.h"

namespace cj {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr const char* kInterface = "org.varlink.certification";
constexpr const char* kClientId = "the-client";
constexpr double kPi = 3.141592653589793;

json Scalars() {
  return {{"bool", false}, {"int", 2}, {"float", kPi}, {"string", "a lot of string"}};
}

json MyType() {
  return json::parse(R"({
    "object": {"method": "org.varlink.certification.Test09",
               "parameters": {"map": {"foo": "Foo", "bar": "Bar"}}},
    "enum": "two",
    "struct": {"first": 1, "second": "2"},
    "array": ["one", "two", "three"],
    "dictionary": {"foo": "Foo", "bar": "Bar"},
    "stringset": {"one": {}, "two": {}, "three": {}},
    "interface": {"foo": [null, {"Foo": "foo", "Bar": "bar"}, null, {"one": "foo", "two": "bar"}],
                  "anon": {"foo": true, "bar": false}}})");
}

json Replies() {
  json replies = json::array();
  for (int i = 1; i <= 10; ++i) replies.push_back("Reply number " + std::to_string(i));
  return replies;
}

// What a method takes besides client_id, and answers.
struct Step {
  json wants;
  json answers;
};

std::map<std::string, Step> Steps() {
  const json set = {{"one", json::object()}, {"two", json::object()}, {"three", json::object()}};
  const json map = {{"foo", "Foo"}, {"bar", "Bar"}};
  return {
      {"Test01", {json::object(), {{"bool", true}}}},
      {"Test02", {{{"bool", true}}, {{"int", 1}}}},
      {"Test03", {{{"int", 1}}, {{"float", 1.0}}}},
      {"Test04", {{{"float", 1.0}}, {{"string", "ping"}}}},
      {"Test05", {{{"string", "ping"}}, Scalars()}},
      {"Test06", {Scalars(), {{"struct", Scalars()}}}},
      {"Test07", {{{"struct", Scalars()}}, {{"map", map}}}},
      {"Test08", {{{"map", map}}, {{"set", set}}}},
      {"Test09", {{{"set", set}}, {{"mytype", MyType()}}}},
      {"Test10", {{{"mytype", MyType()}}, json::object()}},
      {"Test11", {{{"last_more_replies", Replies()}}, json::object()}},
      {"End", {json::object(), {{"all_ok", true}}}},
  };
}

// null and absent are the same to Varlink.
json WithoutNulls(const json& object) {
  json result = json::object();
  for (const auto& [name, value] : object.items()) {
    if (!value.is_null()) result[name] = value.is_object() ? WithoutNulls(value) : value;
  }
  return result;
}

class Certification {
 public:
  Certification() : steps_(Steps()) {}

  void AddTo(VarlinkServer& server, const std::string& idl) {
    std::map<std::string, Method> methods;
    methods.emplace("Start", Handler([this](Call& call) {
                      started_ = true;
                      return call.Reply(json{{"client_id", kClientId}});
                    }));
    for (const auto& [name, step] : steps_) {
      const auto handler = [this, &name = name, &step = step](Call& call) {
        return Take(call, name, step);
      };
      methods.emplace(name, Method(handler, name == "Test10"));
    }
    server.AddInterface(kInterface, idl, std::move(methods));
  }

  bool started() const { return started_; }
  bool reached_end() const { return reached_end_; }

 private:
  asio::awaitable<void> Take(Call& call, const std::string& name, const Step& step) {
    json wants = step.wants;
    wants["client_id"] = kClientId;
    const json got = WithoutNulls(call.parameters());
    const bool flags_fit = call.oneway() == (name == "Test11");
    if (got != wants || !flags_fit) {
      std::fprintf(stderr, "%s: wants %s, got %s\n", name.c_str(), wants.dump().c_str(),
                   got.dump().c_str());
      all_fit_ = false;
      const json difference = {{"wants", wants}, {"got", got}};
      co_await call.Fail(std::string(kInterface) + ".CertificationError", difference);
      co_return;
    }
    if (name == "Test10") co_await Stream(call);
    if (name == "End") reached_end_ = all_fit_ && oneway_seen_;
    if (name == "Test11") oneway_seen_ = true;
    if (!call.answered()) co_await call.Reply(step.answers);
  }

  asio::awaitable<void> Stream(Call& call) {
    const json replies = Replies();
    for (std::size_t i = 0; i < replies.size(); ++i) {
      const json reply = {{"string", replies[i]}};
      if (i + 1 == replies.size()) {
        co_await call.Reply(reply);
      } else if (!co_await call.ReplyContinues(reply)) {
        co_return;
      }
    }
  }

  const std::map<std::string, Step> steps_;
  bool started_ = false;
  bool all_fit_ = true;
  bool oneway_seen_ = false;
  bool reached_end_ = false;
};

std::string WithSocket(std::string argument, const std::string& socket) {
  const std::size_t place = argument.find("{}");
  if (place != std::string::npos) argument.replace(place, 2, socket);
  return argument;
}

pid_t Spawn(std::vector<std::string> command) {
  std::vector<char*> pointers;
  for (std::string& argument : command) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::execvp(pointers[0], pointers.data());
  std::perror(pointers[0]);
  ::_exit(127);
}

int Serve(const std::string& idl, const std::string& socket, std::vector<std::string> command) {
  asio::io_context io;
  const auto log = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  VarlinkServer server(io, {"Change Journal", "Certification", "1", "https://varlink.org/"}, {},
                       log);
  Certification certification;
  certification.AddTo(server, idl);
  auto listener = ListenUnix(socket);
  if (!listener.has_value()) {
    log(listener.error().message);
    return 1;
  }
  server.Serve(*std::move(listener));

  asio::signal_set child_ended(io, SIGCHLD);
  child_ended.async_wait([&](const boost::system::error_code&, int) { io.stop(); });
  const pid_t child = Spawn(std::move(command));
  io.run();
  int status = 0;
  ::waitpid(child, &status, 0);
  if (certification.reached_end()) std::printf("certified\n");
  const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return ended_well && certification.started() == certification.reached_end() ? 0 : 1;
}

int Main(const std::vector<std::string>& arguments) {
  std::ifstream file(arguments[1]);
  const std::string idl{std::istreambuf_iterator<char>(file), {}};
  std::string directory =
      (std::filesystem::temp_directory_path() / "cj-certification-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) {
    std::perror("mkdtemp");
    return 1;
  }
  const std::string socket = directory + "/socket";
  std::vector<std::string> command;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    command.push_back(WithSocket(arguments[i], socket));
  }
  const int result = Serve(idl, socket, std::move(command));
  std::filesystem::remove_all(directory);
  return result;
}

}  // namespace
}  // namespace cj

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s IDL-FILE PROGRAM ARGUMENT...\n", argv[0]);
    return 2;
  }
  return cj::Main({argv, argv + argc});
}
