#include "service/varlink/call.h"

#include <utility>

#include "base/check.h"
#include "service/varlink/connection.h"

namespace cj {

Call::Call(Connection& connection, CallMessage message)
    : connection_(connection), message_(std::move(message)) {}

const Peer& Call::peer() const { return connection_.peer(); }

bool Call::gone() const { return connection_.gone(); }

std::shared_ptr<const std::atomic<bool>> Call::gone_flag() const { return connection_.gone_flag(); }

void Call::SetStallTimeout(std::chrono::milliseconds timeout) {
  connection_.SetStallTimeout(timeout);
}

Call::Awaitable<> Call::Send(std::string text, std::vector<UniqueFd> fds) {
  CJ_CHECK(!answered_, "a call is answered once");
  answered_ = true;
  if (message_.oneway) co_return;
  if (text.size() > kMaxReplyBytes) {
    connection_.Cut("the answer of " + message_.method + " is too long for a message");
    co_return;
  }
  co_await connection_.Write(std::move(text), std::move(fds));
}

Call::Awaitable<bool> Call::SendContinues(std::string text, std::vector<UniqueFd> fds) {
  CJ_CHECK(!answered_ && message_.more, "more replies than were asked for");
  if (text.size() > kMaxReplyBytes) {
    connection_.Cut("a reply of " + message_.method + " is too long for a message");
    co_return false;
  }
  const bool written = co_await connection_.Write(std::move(text), std::move(fds));
  // A client that reads as fast as we write would otherwise have this thread for itself.
  if (written) co_await connection_.Yield();
  co_return written && !connection_.gone();
}

Call::Awaitable<> Call::Reply(const nlohmann::json& parameters, std::vector<UniqueFd> fds) {
  return Send(SerializeReply(parameters, false), std::move(fds));
}

Call::Awaitable<bool> Call::ReplyContinues(const nlohmann::json& parameters,
                                           std::vector<UniqueFd> fds) {
  return SendContinues(SerializeReply(parameters, true), std::move(fds));
}

Call::Awaitable<bool> Call::ReplyContinuesText(std::string_view parameters) {
  return SendContinues(SerializeReplyText(parameters), {});
}

Call::Awaitable<> Call::Fail(std::string_view name, const nlohmann::json& parameters) {
  return Send(SerializeError(name, parameters), {});
}

Call::Awaitable<> Call::Fail(const CallError& error) { return Fail(error.name, *error.parameters); }

Call::Awaitable<> Call::Fail(const Error& error, std::string_view parameter) {
  return Fail(ToCallError(error, parameter));
}

Call::Awaitable<> Call::InvalidParameter(const BadParameter& bad) {
  return Fail(Error{ErrorCode::kInvalidArgument, bad.reason}, bad.name);
}

}  // namespace cj
