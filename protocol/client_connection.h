// A blocking Varlink client over an AF_UNIX stream socket, with libc only. One call is under way at
// a time. Movable; used by one thread at a time.
//
//   CJ_ASSIGN_OR_RETURN(auto connection, ClientConnection::Connect(path));
//   CJ_ASSIGN_OR_RETURN(auto reply, connection.Call("org.changejournal.Checkpoint", {...}));
//   if (!reply.ok()) return FromCallError({reply.error, reply.parameters});
//
// or, for a method that answers in several replies:
//
//   CJ_RETURN_IF_ERROR(connection.CallMore("org.changejournal.Changes", parameters));
//   while (true) {
//     CJ_ASSIGN_OR_RETURN(auto reply, connection.Next());
//     if (!reply) break;     // the reply before was the last one
//     ...
//   }
//
// Result errors are of the connection itself. kNotFound: no daemon there; kPermissionDenied: the
// socket's mode keeps us out; kIo with ETIMEDOUT: the deadline passed; kIo with ECONNRESET: the
// daemon closed the connection before its answer was complete; kCorruption, kLimit: it does not
// speak Varlink. After any of them the connection is of no further use, but for Next() after
// ETIMEDOUT, which may be called again. kLimit with E2BIG: the call is too large for the daemon.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "protocol/errors.h"
#include "protocol/frame_splitter.h"
#include "protocol/json_value.h"

namespace cj {

struct ClientReply {
  std::string error;          // the Varlink error's name; empty: success
  JsonValue parameters;       // of the reply or of the error; always an object
  bool continues = false;     // more replies follow
  std::vector<UniqueFd> fds;  // descriptors that came with this message, close-on-exec

  bool ok() const { return error.empty(); }
  CallError call_error() const { return {error, parameters}; }
};

class ClientConnection {
 public:
  // `path`: a socket in the filesystem, not the "unix:" form.
  static Result<ClientConnection> Connect(const std::string& path);
  // A socket that is connected already (tests, socketpair).
  explicit ClientConnection(UniqueFd fd);

  // How long one Call(), CallMore() or Next() may wait altogether; nullopt (at first): for ever.
  void set_timeout(std::optional<std::chrono::milliseconds> timeout) { timeout_ = timeout; }

  // Sends the call and waits for its single reply.
  Result<ClientReply> Call(std::string_view method, const nlohmann::json& parameters);
  // Sends the call with `more`; the replies come from Next(). To give up early, destroy the object.
  Status CallMore(std::string_view method, const nlohmann::json& parameters);
  // nullopt: the reply before was the last one (it had no `continues`, or was an error).
  Result<std::optional<ClientReply>> Next();

  // A whole reply has been received and not been taken.
  bool has_reply() const { return messages_ended_ > messages_taken_; }
  // The daemon has closed it, as far as that is known here. Between calls only.
  bool closed() const;
  // For poll(); owned by this object.
  int fd() const { return fd_.get(); }

 private:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;

  Deadline DeadlineFromNow() const;
  Status Wait(short events, Deadline deadline) const;
  Status Send(std::string_view text, Deadline deadline) const;
  Result<ClientReply> ReceiveReply(Deadline deadline);
  Status ReceiveBytes(Deadline deadline);
  Status KeepDescriptors(std::vector<UniqueFd> fds, std::string_view chunk, bool was_partial);

  UniqueFd fd_;
  std::optional<std::chrono::milliseconds> timeout_;
  FrameSplitter splitter_{kMaxReplyBytes};
  bool awaiting_more_ = false;
  std::uint64_t messages_ended_ = 0;  // NUL bytes received
  std::uint64_t messages_taken_ = 0;
  // Descriptors by the number of the message whose first byte they came with.
  std::deque<std::pair<std::uint64_t, std::vector<UniqueFd>>> descriptors_;
};

}  // namespace cj
