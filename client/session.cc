#include "client/session.h"

#include <poll.h>

#include <cerrno>

#include "client/answers.h"
#include "protocol/message.h"

namespace cj::client {

// It may have to wait for a crawl.
void ShowWaiting(const Session& session) {
  constexpr int kPatienceMs = 2000;
  if (!session.progress) return;
  pollfd answer{cj_fd(session.connection.get()), POLLIN, 0};
  if (::poll(&answer, 1, kPatienceMs) == 0) {
    constexpr std::string_view kText = "changectl: waiting for the daemon's answer\n";
    [[maybe_unused]] ssize_t ignored = ::write(STDERR_FILENO, kText.data(), kText.size());
  }
}

std::string AckWords(const std::string& consumer, const std::string& config_hash) {
  if (consumer.empty()) return "";
  return "ack " + (config_hash.empty() ? "" : "--config-hash=" + config_hash + " ") + consumer;
}

namespace {

// What is not the daemon's answer is the connection's failure: it had been reached.
ExitStatus StatusOf(const cj_error* error) {
  const int code = cj_error_code(error);
  if (code == -EINVAL) return ExitStatus::kUsage;
  if (*cj_error_name(error) == '\0') return ExitStatus::kFailed;
  if (code == -ESTALE) return ExitStatus::kRescanNeeded;
  return code == -EACCES ? ExitStatus::kNotPermitted : ExitStatus::kFailed;
}

}  // namespace

Outcome FailOf(const Session& session, const cj_error* error) {
  Outcome outcome = Fail(StatusOf(error), cj_error_text(error));
  if (outcome.status == ExitStatus::kRescanNeeded && !session.token_file.empty()) {
    outcome.message += "\n" + session.token_file +
                       " is left as it was: run this again, or, where the reason stays, remove the "
                       "file, run this, then scan the tree";
  } else if (outcome.status == ExitStatus::kRescanNeeded) {
    const std::string next = cj_error_next(error);
    if (!next.empty()) {
      outcome.message += session.ack.empty()
                             ? "\nscan the tree, then go on from " + next
                             : "\nscan the tree, then 'changectl " + session.ack + " " + next + "'";
    }
  }
  return outcome;
}

Outcome FailOf(const Session& session) {
  return FailOf(session, cj_last_error(session.connection.get()));
}

Result<JsonValue> ParseReplyText(const char* text) {
  return ParseJson(text, kMaxMessageDepth, kMaxReplyValues);
}

Answer CallOnce(Session& session, const char* method, const JsonValue& parameters) {
  const char* text = nullptr;
  const std::string sent = DumpJson(*parameters);
  if (cj_call(session.connection.get(), method, sent.c_str(), &text) < 0) {
    return {{}, FailOf(session)};
  }
  auto reply = ParseReplyText(text);
  if (!reply) return {{}, Fail(reply.error())};
  return {std::move(reply).value(), {}};
}

Outcome FinishOutput(Session& session) {
  Status flushed = session.out.Flush();
  if (flushed) return {};
  if (flushed.error().errno_value == EPIPE) return Fail(ExitStatus::kFailed, "");
  return Fail(ExitStatus::kFailed, flushed.error().message);
}

}  // namespace cj::client
