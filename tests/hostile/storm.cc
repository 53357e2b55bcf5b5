// A storm of messages on many connections at once, sent in pieces and in bunches, with descriptors
// that nobody asked for. What comes back is looked at: replies are well formed, and their errors
// are ones that the descriptions know. Ends with one line of JSON that says what was done.
//
// usage: storm SOCKET SEED MESSAGES CONNECTIONS   (exit status 1: the daemon's fault; 2: ours)
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/unique_fd.h"
#include "message_maker.h"
#include "protocol/client_connection.h"
#include "protocol/message.h"

namespace cj::test {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Streams do not end by themselves; some of them say nothing.
constexpr milliseconds kVisit{100};
constexpr milliseconds kStream{10};
// The daemon has this long to accept a client; others are being served meanwhile.
constexpr std::chrono::seconds kPatience{60};

struct Findings {
  std::uint64_t sent = 0, bytes = 0, visits = 0, refused = 0, replies = 0, kept_unread = 0;
  std::map<std::string, std::uint64_t> errors;
  std::set<std::string> failures;  // what the daemon took for its own trouble
  std::vector<std::string> faults;
};

json ToJson(const Findings& findings) {
  return {{"messages", findings.sent},   {"bytes", findings.bytes},
          {"visits", findings.visits},   {"refused", findings.refused},
          {"replies", findings.replies}, {"kept_unread", findings.kept_unread},
          {"errors", findings.errors},   {"failures", findings.failures},
          {"faults", findings.faults}};
}

UniqueFd Connect(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
  // Waits for a place in the backlog.
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fd.reset();
  return fd;
}

// One connection: what is still to be sent on it, and how it is to end.
struct Visit {
  UniqueFd fd;
  std::string out;
  std::size_t sent = 0;
  std::string in;
  std::uint64_t replies = 0;
  bool reads = true;
  Clock::time_point until;
};

class Storm {
 public:
  Storm(std::string path, MessageMaker maker, std::set<std::string> known_errors)
      : path_(std::move(path)), maker_(std::move(maker)), known_errors_(std::move(known_errors)) {}

  Findings Run(std::uint64_t messages, std::size_t connections);

 private:
  bool Begin(Visit& visit);
  // False: the visit has ended.
  bool Write(Visit& visit);
  bool Read(Visit& visit);
  ssize_t Send(int fd, std::string_view piece);
  // True: it says that more follow.
  bool LookAt(std::string_view message);
  void End(Visit& visit) { visit = Visit(); }

  std::string path_;
  MessageMaker maker_;
  std::set<std::string> known_errors_;
  std::uint64_t left_ = 0;
  Findings findings_;
  UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
};

bool Storm::Begin(Visit& visit) {
  visit.fd = Connect(path_);
  if (!visit.fd) {
    findings_.faults.push_back(std::string("cannot connect: ") + std::strerror(errno));
    return false;
  }
  ++findings_.visits;
  // What is no call ends the connection: nobody would look at what comes behind it.
  bool is_call = true;
  for (std::uint64_t i = 1 + maker_.Below(8); i > 0 && left_ > 0 && is_call; --i, --left_) {
    const std::string message = maker_.Next();
    is_call = ParseCall(std::string_view(message).substr(0, message.size() - 1)).has_value();
    visit.out += message;
    ++findings_.sent;
  }
  // Now and then the last one is not whole.
  if (maker_.Chance(30)) visit.out.resize(maker_.Below(visit.out.size() + 1));
  visit.reads = !maker_.Chance(12);
  visit.until = Clock::now() + kVisit;
  epoll_event event{EPOLLIN | EPOLLOUT, {.ptr = &visit}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, visit.fd.get(), &event);
  return true;
}

ssize_t Storm::Send(int fd, std::string_view piece) {
  if (maker_.Chance(400)) (void)::send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT);
  if (!maker_.Chance(50))
    return ::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  constexpr std::size_t kMost = 16;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMost * sizeof(int))> control{};
  const std::size_t count = 1 + maker_.Below(kMost);
  iovec data{const_cast<char*>(piece.data()), piece.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = CMSG_SPACE(count * sizeof(int));
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(count * sizeof(int));
  const std::array<int, kMost> fds = [&] {
    std::array<int, kMost> same{};
    same.fill(maker_.Chance(2) ? fd : STDERR_FILENO);
    return same;
  }();
  std::memcpy(CMSG_DATA(rights), fds.data(), count * sizeof(int));
  const ssize_t sent = ::sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  // Linux 6.16 and newer: the receiver takes none.
  if (sent >= 0 || errno != EPERM) return sent;
  return ::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool Storm::Write(Visit& visit) {
  const std::string_view rest = std::string_view(visit.out).substr(visit.sent);
  const std::size_t piece = maker_.Chance(3) ? 1 + maker_.Below(rest.size()) : rest.size();
  const ssize_t sent = Send(visit.fd.get(), rest.substr(0, piece));
  if (sent < 0) return errno == EAGAIN || visit.reads;  // cut off: its reason may be there to read
  visit.sent += static_cast<std::size_t>(sent);
  findings_.bytes += static_cast<std::uint64_t>(sent);
  if (visit.sent < visit.out.size()) return true;
  if (!visit.reads && maker_.Chance(2)) return false;
  // Whatever has been answered then, the daemon hangs up.
  if (visit.reads) ::shutdown(visit.fd.get(), SHUT_WR);
  return true;
}

bool Storm::Read(Visit& visit) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(visit.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return true;
  if (got <= 0) {
    findings_.refused += visit.replies == 0 ? 1 : 0;
    return false;
  }
  visit.in.append(buffer.data(), static_cast<std::size_t>(got));
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = visit.in.find('\0', begin)) != std::string::npos;) {
    const bool continues = LookAt(std::string_view(visit.in).substr(begin, end - begin));
    if (continues) visit.until = std::min(visit.until, Clock::now() + kStream);
    ++visit.replies;
    begin = end + 1;
  }
  visit.in.erase(0, begin);
  return true;
}

bool Storm::LookAt(std::string_view message) {
  ++findings_.replies;
  const auto reply = ParseReply(message);
  std::string fault;
  if (!reply.has_value()) fault = reply.error().message;
  if (reply.has_value() && !reply->error.empty()) {
    ++findings_.errors[reply->error];
    if (reply->error == varlink_error::kFailed && findings_.failures.size() < 10) {
      findings_.failures.emplace(message);
    }
    if (!known_errors_.contains(reply->error)) fault = "an error that no description knows";
  }
  if (!fault.empty() && findings_.faults.size() < 10) {
    findings_.faults.push_back(fault + ": " + std::string(message.substr(0, 300)));
  }
  return reply.has_value() && reply->continues;
}

Findings Storm::Run(std::uint64_t messages, std::size_t connections) {
  left_ = messages;
  std::vector<Visit> visits(connections);
  auto moved = Clock::now();
  for (bool busy = true; busy && findings_.faults.empty();) {
    busy = false;
    const auto now = Clock::now();
    for (Visit& visit : visits) {
      if (visit.fd && now >= visit.until) {
        findings_.kept_unread += visit.reads ? 0 : 1;
        End(visit);
      }
      if (!visit.fd && left_ > 0 && !Begin(visit)) return findings_;
      busy = busy || visit.fd.valid();
    }
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 10);
    if (count > 0) moved = now;
    if (now - moved > kPatience) findings_.faults.push_back("the daemon stands still");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events.at(static_cast<std::size_t>(i));
      Visit& visit = *static_cast<Visit*>(event.data.ptr);
      bool on = true;
      if ((event.events & EPOLLOUT) != 0 && visit.sent < visit.out.size()) {
        on = Write(visit);
        if (visit.sent == visit.out.size()) {
          epoll_event rest{visit.reads ? EPOLLIN : 0U, {.ptr = &visit}};
          ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, visit.fd.get(), &rest);
        }
      }
      if (on && visit.reads && (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        on = Read(visit);
      }
      if (!visit.reads && (event.events & (EPOLLHUP | EPOLLERR)) != 0) on = false;
      if (!on) End(visit);
    }
  }
  return findings_;
}

Result<Description> Describe(ClientConnection& connection, const std::string& interface) {
  const json parameters = {{"interface", interface}};
  CJ_ASSIGN_OR_RETURN(auto reply,
                      connection.Call("org.varlink.service.GetInterfaceDescription", parameters));
  if (!reply.ok()) return FromCallError(reply.call_error());
  return ParseDescription((*reply.parameters)["description"].get<std::string>());
}

Result<Facts> FindOut(ClientConnection& connection) {
  const json nothing = json::object();
  CJ_ASSIGN_OR_RETURN(auto reply, connection.Call("org.changejournal.GetStatus", nothing));
  if (!reply.ok()) return FromCallError(reply.call_error());
  const json& status = *reply.parameters;
  Facts facts;
  const std::string open = status["open_period"]["token"];
  facts.tokens = {status["oldest"], open, open, open, "cj1-00000000-1", open + "9999", "", "cj1-"};
  for (const json& watch : status["watches"]) {
    const std::string path = watch["path"];
    facts.paths.insert(facts.paths.end(), {path, path, path + "/below", path + "/./../x"});
  }
  facts.paths.insert(facts.paths.end(), {"/", "relative", "", "/elsewhere"});
  for (int i = 0; i < 40; ++i) facts.names.push_back("consumer" + std::to_string(i));
  facts.names.insert(facts.names.end(), {"", "with space", std::string(65, 'n'), "-a"});
  return facts;
}

int Main(const std::vector<std::string>& words) {
  auto connection = ClientConnection::Connect(words[1]);
  if (!connection.has_value()) {
    std::cerr << connection.error().message << "\n";
    return 2;
  }
  auto journal = Describe(*connection, "org.changejournal");
  auto service = Describe(*connection, "org.varlink.service");
  auto facts = FindOut(*connection);
  if (!journal.has_value() || !service.has_value() || !facts.has_value()) {
    std::cerr << "storm: the daemon does not describe itself\n";
    return 2;
  }
  std::set<std::string> known(journal->errors.begin(), journal->errors.end());
  known.insert(service->errors.begin(), service->errors.end());
  MessageMaker maker({*journal, *service}, *std::move(facts), std::stoull(words[2]));
  Storm storm(words[1], std::move(maker), std::move(known));
  const Findings findings = storm.Run(std::stoull(words[3]), std::stoull(words[4]));
  std::cout << DumpJson(ToJson(findings)) << "\n";
  return findings.faults.empty() ? 0 : 1;
}

}  // namespace
}  // namespace cj::test

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: storm SOCKET SEED MESSAGES CONNECTIONS\n";
    return 2;
  }
  return cj::test::Main(std::vector<std::string>(argv, argv + argc));
}
