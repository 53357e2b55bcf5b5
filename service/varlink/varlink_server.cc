#include "service/varlink/varlink_server.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <exception>
#include <set>
#include <utility>
#include <vector>

#include "base/check.h"
#include "service/varlink/complaints.h"
#include "service/varlink/connection.h"
#include "service/varlink/service_interface.h"

namespace cj {

namespace asio = boost::asio;
using asio::use_awaitable;

namespace {

// Clients taken in before others get their turn.
constexpr int kAcceptBatch = 32;

struct Interface {
  std::string idl;
  std::set<std::string, std::less<>> declared;  // the methods of the IDL
  std::map<std::string, Method> methods;
};

// One listening socket. The descriptor is the listener's; `socket` only waits for it.
struct Acceptor {
  Acceptor(asio::io_context& io, Listener the_listener)
      : listener(std::move(the_listener)), socket(io, listener.fd()), pause(io) {}
  ~Acceptor() { (void)socket.release(); }

  Listener listener;
  asio::posix::stream_descriptor socket;
  asio::steady_timer pause;
};

bool IsOutOfResources(int errno_value) {
  return errno_value == EMFILE || errno_value == ENFILE || errno_value == ENOBUFS ||
         errno_value == ENOMEM;
}

}  // namespace

struct VarlinkServer::State : ConnectionOwner, std::enable_shared_from_this<State> {
  State(asio::io_context& the_io, ServiceInfo the_info, Limits the_limits,
        std::function<void(const std::string&)> log)
      : io(the_io),
        info(std::move(the_info)),
        limits(the_limits),
        complaints(std::move(log)),
        drained(the_io) {}

  asio::awaitable<void> Handle(Call& call) override;
  void Complain(const std::string& sentence) override {
    complaints.Add(sentence, std::chrono::steady_clock::now());
  }
  void Ended(Connection& connection) override;

  static asio::awaitable<void> AcceptLoop(std::shared_ptr<State> self,
                                          std::shared_ptr<Acceptor> acceptor);
  // False: out of descriptors or memory.
  bool AcceptBatch(const Acceptor& acceptor);
  void Admit(UniqueFd fd);
  std::string RefusalOf(const Peer& peer) const;
  void StopAccepting();
  void CutAll();
  asio::awaitable<void> GetInterfaceDescription(Call& call);
  void AddServiceInterface();

  asio::io_context& io;
  const ServiceInfo info;
  const Limits limits;
  Complaints complaints;
  std::map<std::string, Interface, std::less<>> interfaces;
  std::vector<std::shared_ptr<Acceptor>> acceptors;
  std::set<std::shared_ptr<Connection>> connections;
  std::map<uid_t, std::size_t> connections_of;  // by user
  asio::steady_timer drained;                   // cancelled when the last connection ends
  std::uint64_t calls = 0;
  bool stopping = false;
};

// ---- calls

asio::awaitable<void> VarlinkServer::State::Handle(Call& call) {
  ++calls;
  const std::string& full_name = call.method();
  const std::size_t dot = full_name.rfind('.');
  if (dot == std::string::npos) {
    co_await call.Fail(InterfaceNotFound(full_name));
    co_return;
  }
  const auto found = interfaces.find(std::string_view(full_name).substr(0, dot));
  if (found == interfaces.end()) {
    co_await call.Fail(InterfaceNotFound(full_name.substr(0, dot)));
    co_return;
  }
  const Interface& interface = found->second;
  const auto method = interface.methods.find(full_name.substr(dot + 1));
  const bool implemented = method != interface.methods.end();
  if (!implemented && !interface.declared.contains(full_name.substr(dot + 1))) {
    co_await call.Fail(MethodNotFound(full_name));
  } else if (!implemented || call.upgrade()) {
    // An error, so that the client does not believe that the connection is its own now.
    co_await call.Fail(MethodNotImplemented(full_name));
  } else if (method->second.requires_more && !call.more()) {
    co_await call.Fail(ExpectedMore());
  } else {
    co_await method->second.handler(call);
  }
}

asio::awaitable<void> VarlinkServer::State::GetInterfaceDescription(Call& call) {
  ParameterReader reader(call.parameters());
  const std::string name = reader.String("interface");
  if (const auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const auto interface = interfaces.find(name);
  if (interface == interfaces.end()) {
    co_await call.Fail(InterfaceNotFound(name));
    co_return;
  }
  const JsonValue reply = GetInterfaceDescriptionReply(interface->second.idl);
  co_await call.Reply(*reply);
}

void VarlinkServer::State::AddServiceInterface() {
  Interface service{std::string(ServiceInterfaceIdl()), MethodsOfIdl(ServiceInterfaceIdl()), {}};
  service.methods.emplace(
      "GetInfo", Handler([this](Call& call) -> asio::awaitable<void> {
        ParameterReader reader(call.parameters());
        if (const auto bad = reader.Finish()) {
          return call.InvalidParameter(*bad);
        }
        std::vector<std::string> names;
        for (const auto& entry : interfaces) names.push_back(entry.first);
        return call.Reply(*GetInfoReply(info.vendor, info.product, info.version, info.url, names));
      }));
  service.methods.emplace("GetInterfaceDescription",
                          Handler([this](Call& call) { return GetInterfaceDescription(call); }));
  interfaces.emplace(kServiceInterface, std::move(service));
}

// ---- clients

asio::awaitable<void> VarlinkServer::State::AcceptLoop(std::shared_ptr<State> self,
                                                       std::shared_ptr<Acceptor> acceptor) {
  while (!self->stopping) {
    co_await acceptor->socket.async_wait(asio::posix::stream_descriptor::wait_read, use_awaitable);
    if (self->AcceptBatch(*acceptor)) continue;
    // The clients wait in the socket's backlog meanwhile.
    acceptor->pause.expires_after(self->limits.accept_pause);
    co_await acceptor->pause.async_wait(use_awaitable);
  }
}

bool VarlinkServer::State::AcceptBatch(const Acceptor& acceptor) {
  for (int i = 0; i < kAcceptBatch; ++i) {
    UniqueFd fd(::accept4(acceptor.listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) {
      Admit(std::move(fd));
      continue;
    }
    const int error = errno;
    if (error == EAGAIN) return true;
    if (IsOutOfResources(error)) {
      Complain(ErrnoError(error, "cannot accept a client, trying again").message);
      return false;
    }
    if (error != EINTR && error != ECONNABORTED) {
      Complain(ErrnoError(error, "cannot accept a client").message);
    }
  }
  return true;
}

std::string VarlinkServer::State::RefusalOf(const Peer& peer) const {
  if (connections.size() >= limits.max_connections) return "there are too many clients";
  if (peer.uid == 0) return "";
  if (connections.size() + limits.reserved_for_root >= limits.max_connections) {
    return "there are too many clients (the last places are root's)";
  }
  const auto own = connections_of.find(peer.uid);
  if (own != connections_of.end() && own->second >= limits.max_connections_per_uid) {
    return "this user has too many connections";
  }
  return "";
}

void VarlinkServer::State::Admit(UniqueFd fd) {
  auto peer = ReadPeer(fd.get());
  if (!peer.has_value()) {
    Complain(peer.error().message);
    return;
  }
  const uid_t uid = peer->uid;
  const std::string refusal = RefusalOf(*peer);
  if (!refusal.empty()) {
    // There is no call yet that an error could answer.
    Complain("refused a client with uid " + std::to_string(uid) + ", pid " +
             std::to_string(peer->pid) + ": " + refusal);
    return;
  }
  auto connection = std::make_shared<Connection>(io, *std::move(peer), limits, shared_from_this());
  if (Status started = connection->Start(std::move(fd)); !started.has_value()) {
    Complain(started.error().message);
    return;
  }
  ++connections_of[uid];
  connections.insert(std::move(connection));
}

void VarlinkServer::State::Ended(Connection& connection) {
  const auto found = connections.find(connection.shared_from_this());
  if (found == connections.end()) return;
  const auto own = connections_of.find(connection.peer().uid);
  if (--own->second == 0) connections_of.erase(own);
  connections.erase(found);
  if (connections.empty()) drained.cancel();
}

void VarlinkServer::State::StopAccepting() {
  stopping = true;
  for (const auto& acceptor : acceptors) {
    boost::system::error_code ignored;
    acceptor->socket.cancel(ignored);
    acceptor->pause.cancel();
    (void)acceptor->socket.release();
    acceptor->listener.Close();
  }
  acceptors.clear();
}

void VarlinkServer::State::CutAll() {
  const auto present = connections;  // they leave the set as they end
  for (const auto& connection : present) connection->Cut();
}

// ---- VarlinkServer

VarlinkServer::VarlinkServer(asio::io_context& io, ServiceInfo info, Limits limits,
                             std::function<void(const std::string&)> log)
    : state_(std::make_shared<State>(io, std::move(info), limits, std::move(log))) {
  state_->AddServiceInterface();
}

VarlinkServer::~VarlinkServer() {
  state_->StopAccepting();
  state_->CutAll();
  // Their coroutines keep them, and them only; they keep the state.
  state_->connections.clear();
}

void VarlinkServer::AddInterface(std::string name, std::string idl,
                                 std::map<std::string, Method> methods) {
  auto declared = MethodsOfIdl(idl);
  for (const auto& entry : methods) {
    CJ_CHECK(declared.contains(entry.first), "the interface description has every method");
  }
  Interface interface { std::move(idl), std::move(declared), std::move(methods) };
  const bool added = state_->interfaces.emplace(std::move(name), std::move(interface)).second;
  CJ_CHECK(added, "an interface is added once");
}

void VarlinkServer::Serve(Listener listener) {
  CJ_CHECK(listener.valid() && !state_->stopping, "a running server and a listening socket");
  auto acceptor = std::make_shared<Acceptor>(state_->io, std::move(listener));
  state_->acceptors.push_back(acceptor);
  // It ends by the cancelled wait's exception.
  auto ended = [](const std::exception_ptr&) {};
  asio::co_spawn(state_->io, State::AcceptLoop(state_, std::move(acceptor)), ended);
}

asio::awaitable<void> VarlinkServer::Stop(std::chrono::milliseconds drain) {
  const std::shared_ptr<State> state = state_;
  state->StopAccepting();
  const auto present = state->connections;
  for (const auto& connection : present) connection->Stop();
  if (state->connections.empty()) co_return;
  state->drained.expires_after(drain);
  boost::system::error_code ignored;
  co_await state->drained.async_wait(asio::redirect_error(use_awaitable, ignored));
  state->CutAll();
}

std::size_t VarlinkServer::connections() const { return state_->connections.size(); }

std::uint64_t VarlinkServer::calls() const { return state_->calls; }

}  // namespace cj
