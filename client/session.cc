#include "client/session.h"

#include <poll.h>

#include <cerrno>

#include "client/answers.h"

namespace cj::client {
namespace {

// An error of the connection: the daemon had been reached, so that it is gone now is a failure.
Outcome ConnectionFailed(const Error& error) { return Fail(ExitStatus::kFailed, error.message); }

// Says on a terminal that the daemon takes its time: it may have to wait for a crawl.
void ShowWaiting(const Session& session) {
  constexpr int kPatienceMs = 2000;
  if (!session.progress) return;
  pollfd answer{session.connection.fd(), POLLIN, 0};
  if (::poll(&answer, 1, kPatienceMs) == 0) {
    constexpr std::string_view kText = "changectl: waiting for the daemon's answer\n";
    [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
  }
}

}  // namespace

std::string AckWords(const std::string& consumer, const std::string& config_hash) {
  if (consumer.empty()) return "";
  return "ack " + (config_hash.empty() ? "" : "--config-hash=" + config_hash + " ") + consumer;
}

std::string MethodName(std::string_view method) {
  return "org.changejournal." + std::string(method);
}

Outcome FailOf(const Session& session, const ClientReply& reply) {
  Outcome outcome = Fail(FromCallError(reply.call_error()));
  if (outcome.status == ExitStatus::kRescanNeeded) {
    std::string next = NextOfRescanNeeded(*reply.parameters);
    if (!next.empty()) {
      outcome.message += session.ack.empty()
                             ? "\nscan the tree, then go on from " + next
                             : "\nscan the tree, then 'changectl " + session.ack + " " + next + "'";
    }
  }
  return outcome;
}

Answer CallOnce(Session& session, std::string_view method, const JsonValue& parameters) {
  auto reply = session.connection.Call(MethodName(method), *parameters);
  if (!reply) return {{}, ConnectionFailed(reply.error())};
  if (!reply->ok()) return {{}, FailOf(session, *reply)};
  return {std::move(reply->parameters), {}};
}

NextAnswer FirstReply(Session& session) {
  ShowWaiting(session);
  return NextReply(session);
}

NextAnswer NextReply(Session& session) {
  auto reply = session.connection.Next();
  if (!reply) return {std::nullopt, ConnectionFailed(reply.error())};
  if (!*reply) return {};
  if (!(*reply)->ok()) return {std::nullopt, FailOf(session, **reply)};
  return {std::move(**reply), {}};
}

Outcome FinishOutput(Session& session) {
  Status flushed = session.out.Flush();
  if (flushed) return {};
  if (flushed.error().errno_value == EPIPE) return Fail(ExitStatus::kFailed, "");
  return Fail(ExitStatus::kFailed, flushed.error().message);
}

}  // namespace cj::client
