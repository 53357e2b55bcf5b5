#include "library/channel.h"

#include <cerrno>
#include <limits>

namespace cj::library {
namespace {

// "GetStatus" is one of our interface.
std::string FullName(std::string_view method) {
  std::string name(method);
  return name.find('.') == std::string::npos ? "org.changejournal." + name : name;
}

}  // namespace

void Channel::set_timeout_ms(int milliseconds) {
  timeout_ms_ = milliseconds < 0 ? -1 : milliseconds;
  if (!client_) return;
  if (timeout_ms_ < 0) {
    client_->set_timeout(std::nullopt);
  } else {
    client_->set_timeout(std::chrono::milliseconds(timeout_ms_));
  }
}

int Channel::Connect(const std::string& path) {
  Drop();
  path_ = path;
  auto connection = ClientConnection::Connect(path);
  if (!connection) return Note(error, connection.error());
  client_ = std::move(connection).value();
  set_timeout_ms(timeout_ms_);
  if (readiness_.is_open()) {
    Status watched = readiness_.Watch(client_->fd());
    if (!watched) return Lost(watched.error());
  }
  return 0;
}

void Channel::TakeOver(Channel& other) {
  if (other.replying_ || other.readiness_.is_open()) return;
  Drop();
  client_ = std::move(other.client_);
  other.Drop();
}

int Channel::Fd() {
  if (!readiness_.is_open()) {
    Status opened = readiness_.Open();
    if (opened && client_) opened = readiness_.Watch(client_->fd());
    if (!opened) return Note(error, opened.error());
    TellReadiness();
  }
  return readiness_.fd();
}

void Channel::Drop() {
  client_.reset();
  replying_ = false;
  left_ = false;
  TellReadiness();
}

int Channel::Lost(const Error& why) {
  const int code = Note(error, why);
  Drop();
  return code;
}

int Channel::Ready(std::string_view method) {
  if (replying_) {
    return Note(error, -EINPROGRESS,
                "an answer of this connection has not been read to its end: close it before '" +
                    std::string(method) + "', or use another connection");
  }
  return client_ && !client_->closed() ? 0 : Connect();
}

int Channel::Call(std::string_view method, const JsonValue& parameters, JsonValue* reply) {
  if (int ready = Ready(method); ready < 0) return ready;
  auto got = client_->Call(FullName(method), *parameters);
  if (!got) return Lost(got.error());
  if (!got->ok()) return Note(error, got->call_error());
  *reply = std::move(got->parameters);
  return 0;
}

int Channel::Start(std::string_view method, const JsonValue& parameters) {
  if (int ready = Ready(method); ready < 0) return ready;
  Status sent = client_->CallMore(FullName(method), *parameters);
  if (!sent) return Lost(sent.error());
  replying_ = true;
  call_ = call_ == std::numeric_limits<int>::max() ? 1 : call_ + 1;
  return call_;
}

int Channel::Next(int call, ClientReply* reply) {
  if (!client_ || call != call_ || !replying_) {
    return Note(error, -ENOTCONN, "the connection of this answer has ended");
  }
  auto got = client_->Next();
  if (!got) {
    TellReadiness();
    if (got.error().errno_value != ETIMEDOUT) return Lost(got.error());
    return Note(error, -EAGAIN, "nothing has come yet");
  }
  *reply = std::move(**got);
  replying_ = reply->continues;
  left_ = false;
  TellReadiness();
  return reply->ok() ? 1 : Note(error, reply->call_error());
}

void Channel::Abandon(int call) {
  if (call != call_) return;
  SetLeft(false);
  if (replying_) Drop();
}

void Channel::SetLeft(bool left) {
  if (left == left_) return;
  left_ = left;
  TellReadiness();
}

void Channel::TellReadiness() { readiness_.Set(left_ || (client_ && client_->has_reply())); }

}  // namespace cj::library
