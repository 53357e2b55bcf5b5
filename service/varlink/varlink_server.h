// A Varlink server: any number of interfaces on any number of listening sockets, on one io_context
// that one thread runs. Every member is called on that thread (or before it runs). It answers
// org.varlink.service itself. What clients can cost is bounded by Limits.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "service/varlink/call.h"
#include "service/varlink/limits.h"
#include "service/varlink/listener.h"

namespace cj {

// What org.varlink.service.GetInfo says.
struct ServiceInfo {
  std::string vendor;
  std::string product;
  std::string version;
  std::string url;
};

struct Method {
  Method(Handler the_handler, bool must_have_more = false)  // NOLINT(google-explicit-constructor)
      : handler(std::move(the_handler)), requires_more(must_have_more) {}
  Handler handler;
  // Calls without `more` get ExpectedMore.
  bool requires_more;
};

class VarlinkServer {
 public:
  // `log` gets one sentence about each client that was cut off for breaking a rule, and about
  // trouble with accepting; it may be empty. The io_context must outlive the server.
  VarlinkServer(boost::asio::io_context& io, ServiceInfo info, Limits limits = {},
                std::function<void(const std::string&)> log = {});
  // Cuts all connections off. Handlers that wait for a thread pool resume later: join the pool
  // before the io_context is destroyed.
  ~VarlinkServer();
  VarlinkServer(const VarlinkServer&) = delete;
  VarlinkServer& operator=(const VarlinkServer&) = delete;

  // Serves interface `name`, described by `idl` (the complete text that GetInterfaceDescription
  // hands out). `methods` by their short names; a method of the description without a handler is
  // answered with MethodNotImplemented. A handler that the description does not have is a broken
  // invariant. Before the first Serve().
  void AddInterface(std::string name, std::string idl, std::map<std::string, Method> methods);

  // Accepts clients from `listener`, which is closed when the server stops.
  void Serve(Listener listener);

  // Stops: no more clients, idle connections are closed, calls with `more` are cancelled, others
  // may finish until `drain` is over, then they are cut off. Completes when no connection is left
  // or `drain` is over.
  boost::asio::awaitable<void> Stop(std::chrono::milliseconds drain);

  // Connections at the moment, and calls answered since the start (oneway calls included).
  std::size_t connections() const;
  std::uint64_t calls() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cj
