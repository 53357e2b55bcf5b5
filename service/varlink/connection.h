// One client: reads its calls one after another, has each handled, writes the replies. It reads no
// further while a handler runs, so what a client pipelines waits in the kernel's buffer, which the
// kernel bounds. Used by VarlinkServer only, on the io_context's thread.
//
// A client that has closed its end is noticed at once (EPOLLHUP), also while a handler runs; one
// that has only shut down its sending half (`nc -N`) still gets its replies.
//
// States: reading (waits for a call) -> handling (a handler runs, perhaps waiting in Write())
// -> reading; from each of them -> cut (descriptor closed, gone, the coroutine unwinds) -> ended.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "protocol/frame_splitter.h"
#include "protocol/message.h"
#include "service/varlink/call.h"
#include "service/varlink/limits.h"
#include "service/varlink/peer.h"

namespace cj {

// What a connection needs of the server that it belongs to.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual boost::asio::awaitable<void> Handle(Call& call) = 0;
  // A client was cut off, or a handler broke its contract.
  virtual void Complain(const std::string& sentence) = 0;
  // The connection does nothing any more.
  virtual void Ended(Connection& connection) = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::io_context& io, Peer peer, const Limits& limits,
             std::shared_ptr<ConnectionOwner> owner);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Begins to read from `fd`, a connected AF_UNIX stream socket; owner->Ended() is called once,
  // later. An error (the kernel's bound on epoll watches): nothing has begun, and Ended() is not
  // called.
  Status Start(UniqueFd fd);
  // No further call is read. A call under way may finish, one with `more` is cancelled.
  void Stop();
  // Closes the descriptor and cancels the handler; may be called more than once. A reason is
  // complained about.
  void Cut(const std::string& reason = "");

  const Peer& peer() const { return peer_; }
  bool gone() const { return gone_->load(std::memory_order_relaxed); }
  std::shared_ptr<const std::atomic<bool>> gone_flag() const { return gone_; }

  // Completes when the kernel has taken all of `text`; `fds` go with its first byte. False: the
  // client is gone.
  boost::asio::awaitable<bool> Write(std::string text, std::vector<UniqueFd> fds);
  // Of Write(), until the next call.
  void SetStallTimeout(std::chrono::milliseconds timeout) { stall_timeout_ = timeout; }
  // Lets others run before the caller goes on.
  boost::asio::awaitable<void> Yield();

 private:
  static boost::asio::awaitable<void> Run(std::shared_ptr<Connection> self);
  boost::asio::awaitable<bool> Receive();
  boost::asio::awaitable<void> HandleMessage(std::string text);
  boost::asio::awaitable<void> HandleCall(CallMessage message);
  void WatchHangUp();
  void HungUp();
  void MarkGone();
  void ArmDeadline(std::chrono::milliseconds timeout, const char* reason);
  void DisarmDeadline();
  std::string Describe() const;

  enum class Handling { kNothing, kCall, kMore, kOneway };

  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer deadline_;
  boost::asio::cancellation_signal cancel_;
  const Peer peer_;
  const Limits& limits_;  // the owner's
  const std::shared_ptr<ConnectionOwner> owner_;
  const std::shared_ptr<std::atomic<bool>> gone_;
  std::chrono::milliseconds stall_timeout_;
  FrameSplitter splitter_;
  Handling handling_ = Handling::kNothing;
  bool receiving_ = false;  // the deadline is for the rest of a message
  bool stopping_ = false;
  bool hung_up_ = false;
  std::uint64_t deadline_generation_ = 0;  // tells a timer that fired late from the present one
};

}  // namespace cj
