// One call as a method's handler sees it. Everything here happens on the io_context's thread; only
// gone_flag() may be looked at from elsewhere.
//
// A handler is a coroutine that answers exactly once: Reply() or one of the errors, after any
// number of ReplyContinues() if the client asked for `more`. A oneway call is handled like any
// other; its answers go nowhere. While a handler runs, its connection reads no further call.
//
//   asio::awaitable<void> Changes(Call& call) {
//     ...
//     auto work = [&] { return query.NextBatch(); };
//     while (true) {
//       auto batch = co_await RunOn(pool, work);
//       if (batch.empty()) break;
//       if (!co_await call.ReplyContinues(ToJson(batch))) co_return;
//     }
//     co_await call.Reply(summary);
//   }
//
// g++ 12.2 rejects braces and miscompiles capturing lambdas inside of a co_await expression: name
// JSON literals and lambdas on the line above.
//
// When the client goes away, or does not read for Limits::stall_timeout, or the server stops, the
// handler's present co_await is cancelled (boost::system::system_error with operation_aborted,
// which a handler lets pass) and gone() becomes true. Work on a thread pool is not interrupted:
// give it gone_flag() to look at.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "protocol/errors.h"
#include "protocol/message.h"
#include "protocol/parameters.h"
#include "service/varlink/peer.h"

namespace cj {

class Connection;

class Call {
 public:
  template <typename T = void>
  using Awaitable = boost::asio::awaitable<T>;

  Call(Connection& connection, CallMessage message);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::string& method() const { return message_.method; }  // "org.changejournal.Changes"
  const nlohmann::json& parameters() const { return *message_.parameters; }  // always an object
  bool more() const { return message_.more; }
  bool oneway() const { return message_.oneway; }
  bool upgrade() const { return message_.upgrade; }  // handlers never see one
  const Peer& peer() const;

  // Nobody is there to hear an answer any more.
  bool gone() const;
  // The same for worker threads; outlives the call.
  std::shared_ptr<const std::atomic<bool>> gone_flag() const;

  // The answers. Each turns its arguments into text before it returns, so they need not outlive the
  // expression, and completes when the kernel has taken all of it: a slow reader slows the handler
  // down. Descriptors travel with the first byte and are closed here afterwards.

  // The last reply.
  Awaitable<> Reply(const nlohmann::json& parameters, std::vector<UniqueFd> fds = {});
  // A reply with more to come; only for calls with more(). False: the client is gone, stop.
  Awaitable<bool> ReplyContinues(const nlohmann::json& parameters, std::vector<UniqueFd> fds = {});
  // The same of parameters that are JSON already, an object.
  Awaitable<bool> ReplyContinuesText(std::string_view parameters);
  // An error in place of the last reply; `name` is fully qualified.
  Awaitable<> Fail(std::string_view name, const nlohmann::json& parameters);
  Awaitable<> Fail(const CallError& error);
  // By the table in protocol/errors.h.
  Awaitable<> Fail(const Error& error, std::string_view parameter = "");
  Awaitable<> InvalidParameter(const BadParameter& bad);

  // How long each reply of this call may wait for its reader, instead of Limits::stall_timeout.
  void SetStallTimeout(std::chrono::milliseconds timeout);

  bool answered() const { return answered_; }

 private:
  Awaitable<> Send(std::string text, std::vector<UniqueFd> fds);
  Awaitable<bool> SendContinues(std::string text, std::vector<UniqueFd> fds);

  Connection& connection_;
  CallMessage message_;
  bool answered_ = false;
};

using Handler = std::function<boost::asio::awaitable<void>(Call&)>;

}  // namespace cj
