// A connection as the handles share it: it connects again where the former one has ended, knows
// whose replies are coming, and remembers the last error. Its functions return what the C functions
// return: 0 or more, or a negative errno, which `error` explains. Not thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "library/failure.h"
#include "library/readiness.h"
#include "protocol/client_connection.h"

namespace cj::library {

class Channel {
 public:
  explicit Channel(std::string path = CJ_DEFAULT_SOCKET) : path_(std::move(path)) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  cj_error error;

  const std::string& path() const { return path_; }
  int timeout_ms() const { return timeout_ms_; }
  void set_timeout_ms(int milliseconds);
  bool connected() const { return client_.has_value(); }

  int Connect(const std::string& path);
  int Connect() { return Connect(path_); }
  // Takes the other one's connection, if nothing is under way on it and nobody waits for it.
  void TakeOver(Channel& other);
  // For poll(2).
  int Fd();

  // One reply; -ETIMEDOUT: the connection was given up.
  int Call(std::string_view method, const JsonValue& parameters, JsonValue* reply);
  // A call with several replies: its number, for Next(). -EINPROGRESS: there is one already.
  int Start(std::string_view method, const JsonValue& parameters);
  // 1: a reply, the last one if it does not say `continues`. -EAGAIN: none in time.
  int Next(int call, ClientReply* reply);
  // The replies of this call are of no further interest.
  void Abandon(int call);
  // The connection is not to be used any more.
  void Drop();
  // Something is left of the last reply: Fd() is to stay readable.
  void SetLeft(bool left);

 private:
  int Ready(std::string_view method);
  int Lost(const Error& why);
  void TellReadiness();

  std::string path_;
  int timeout_ms_ = -1;
  std::optional<ClientConnection> client_;
  Readiness readiness_;
  int call_ = 0;           // the number of the last Start()
  bool replying_ = false;  // its replies have not ended
  bool left_ = false;
};

}  // namespace cj::library
