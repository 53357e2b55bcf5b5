// changes: asks, writes, checks that the answer is whole, and only then moves the token.
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>

#include "base/check.h"
#include "client/answers.h"
#include "client/crawl_progress.h"
#include "client/requests.h"
#include "client/session.h"
#include "client/token_file.h"

namespace cj::client {
namespace {

Outcome CutShort() {
  return Fail(ExitStatus::kFailed,
              "the answer was cut short: its last part, the summary, did not come; what was "
              "written is incomplete, ask again");
}

// Ends with the summary, or with why there is none.
struct Whole {
  Summary summary;
  Outcome outcome;
};

class ChangeWriter {
 public:
  ChangeWriter(Session& session, const ChangesOptions& options)
      : session_(session), options_(options) {}

  void Write(const Change& change) {
    if (!options_.relative_to) return WriteLine(change);
    auto relative = RelativeChange(change, *options_.relative_to);
    if (relative) WriteLine(*relative);
  }
  // Lines written, which is what a reader of JSON can count.
  std::int64_t written() const { return written_; }

 private:
  void WriteLine(const Change& change) {
    if (options_.format == ChangesFormat::kJson) {
      session_.out.Write(FormatChangeJson(change));
    } else if (!change.transient || options_.transient) {
      session_.out.Write(FormatChangeText(change, session_.style));
    }
    ++written_;
  }

  Session& session_;
  const ChangesOptions& options_;
  std::int64_t written_ = 0;
};

// The formats that need whole changes: text and JSON.
Whole WriteChanges(Session& session, const ChangesOptions& options, const Position& since) {
  Status sent = session.connection.CallMore(MethodName("Changes"),
                                            *ChangesParameters(options, since, session.progress));
  if (!sent) return {{}, Fail(ExitStatus::kFailed, sent.error().message)};
  ChangeWriter writer(session, options);
  CrawlProgress progress(session.progress);
  std::optional<Summary> summary;
  std::int64_t received = 0;
  for (NextAnswer next = FirstReply(session);; next = NextReply(session)) {
    if (!next.reply && next.outcome.status != ExitStatus::kSuccess) return {{}, next.outcome};
    if (!next.reply) break;
    auto reply = ReadChangesReply(*next.reply->parameters);
    if (!reply) return {{}, Fail(reply.error())};
    if (reply->crawl) {
      progress.Show(*reply->crawl);
      continue;
    }
    progress.Clear();
    for (const Change& change : reply->changes) writer.Write(change);
    received += static_cast<std::int64_t>(reply->changes.size());
    if (reply->summary) summary = std::move(reply->summary);
    if (session.out.failed()) return {{}, FinishOutput(session)};
  }
  if (!summary) return {{}, CutShort()};
  if (summary->changes != received) {
    return {{},
            Fail(ExitStatus::kFailed, "the answer is not whole: the daemon counts " +
                                          std::to_string(summary->changes) + " changes, " +
                                          std::to_string(received) + " came; ask again")};
  }
  if (options.format == ChangesFormat::kJson) {
    Summary shown = *summary;
    shown.changes = writer.written();
    session.out.Write(FormatSummaryJson(shown));
  }
  return {*summary, {}};
}

// Copies a pipe of NUL-terminated paths to stdout, with newlines instead unless NULs are wanted.
Outcome CopyPaths(Session& session, int pipe, bool null) {
  constexpr std::size_t kChunkBytes = 128 << 10;
  std::string chunk(kChunkBytes, '\0');
  char last = '\0';
  for (;;) {
    ssize_t got = ::read(pipe, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(ErrnoError(errno, "cannot read the pipe of paths"));
    if (got == 0) break;
    std::string part = chunk.substr(0, static_cast<std::size_t>(got));
    last = part.back();
    if (!null) {
      for (char& c : part) {
        if (c == '\0') c = '\n';
      }
    }
    session.out.Write(part);
    if (session.out.failed()) return FinishOutput(session);
  }
  return last == '\0' ? Outcome() : CutShort();
}

// The first reply that does not tell of a crawl.
NextAnswer AwaitPipe(Session& session) {
  CrawlProgress progress(session.progress);
  for (NextAnswer next = FirstReply(session);; next = NextReply(session)) {
    if (!next.reply) return next;
    auto reply = ReadChangesReply(*next.reply->parameters);
    if (!reply) return {std::nullopt, Fail(reply.error())};
    if (!reply->crawl) return next;
    progress.Show(*reply->crawl);
  }
}

// The formats that need paths only: they come through a pipe.
Whole WritePaths(Session& session, const ChangesOptions& options, const Position& since) {
  Status sent = session.connection.CallMore(
      MethodName("ChangePaths"), *ChangePathsParameters(options, since, session.progress));
  if (!sent) return {{}, Fail(ExitStatus::kFailed, sent.error().message)};
  NextAnswer first = AwaitPipe(session);
  if (!first.reply) {
    return {{}, first.outcome.status == ExitStatus::kSuccess ? CutShort() : first.outcome};
  }
  if (first.reply->fds.size() != 1) {
    return {{}, Fail(ExitStatus::kFailed, "the daemon's reply is damaged: no pipe came with it")};
  }
  UniqueFd pipe = std::move(first.reply->fds.front());
  Outcome copied = CopyPaths(session, pipe.get(), options.null);
  // The reason why a pipe ended early is in the reply that follows, unless it is ours.
  if (session.out.failed()) return {{}, copied};
  pipe.reset();
  NextAnswer last = NextReply(session);
  if (last.outcome.status != ExitStatus::kSuccess) return {{}, last.outcome};
  if (!last.reply) return {{}, CutShort()};
  auto reply = ReadChangesReply(*last.reply->parameters);
  if (!reply) return {{}, Fail(reply.error())};
  if (!reply->summary) return {{}, CutShort()};
  return {*reply->summary, copied};
}

// As if the open period had begun with a checkpoint of ours.
Result<CheckpointReply> ReadAsCheckpoint(const nlohmann::json& status_reply) {
  auto status = ReadStatusReply(status_reply);
  if (!status) return status.error();
  CheckpointReply start;
  start.token = status->open_period.token;
  for (const auto& watch : status->watches) {
    if (!watch.absent.empty()) start.absent.push_back({watch.path, watch.absent});
  }
  return start;
}

// No token yet: make the file, with a token from which nothing will be missed.
Outcome StartTokenFile(Session& session, const ChangesOptions& options) {
  Answer answer = options.checkpoint
                      ? CallOnce(session, "Checkpoint", CheckpointParameters(options.label))
                      : CallOnce(session, "GetStatus", {});
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto start = options.checkpoint ? ReadCheckpointReply(*answer.parameters)
                                  : ReadAsCheckpoint(*answer.parameters);
  if (!start) return Fail(start.error());
  Status written = WriteTokenFile(options.token_file, start->token);
  if (!written) return Fail(ExitStatus::kFailed, written.error().message);
  WarnOfAbsentTrees(start->absent);
  return Fail(ExitStatus::kRescanNeeded,
              "rescan needed: there was no " + options.token_file +
                  "; it has been created: scan the tree now, then ask again");
}

// Everything has arrived: give it out of our hands, then remember how far we are.
Outcome Deliver(Session& session, const ChangesOptions& options, const Summary& summary) {
  if (options.token_file.empty()) return FinishOutput(session);
  const std::string untouched = "; " + options.token_file + " is left as it was";
  Status delivered = session.out.Sync();
  if (!delivered) return Fail(ExitStatus::kFailed, delivered.error().message + untouched);
  if (!LooksLikeToken(summary.next)) {
    return Fail(ExitStatus::kFailed, "the daemon's next token is damaged" + untouched);
  }
  Status written = WriteTokenFile(options.token_file, summary.next);
  if (!written) return Fail(ExitStatus::kFailed, written.error().message);
  return {};
}

Outcome AnswerSince(Session& session, const ChangesOptions& options, const Position& since) {
  Whole whole = options.format == ChangesFormat::kPaths ? WritePaths(session, options, since)
                                                        : WriteChanges(session, options, since);
  if (whole.outcome.status != ExitStatus::kSuccess) {
    // What came is written, so that a reader sees as much as there was; the reason says the rest.
    (void)session.out.Flush().has_value();
    return whole.outcome;
  }
  Outcome delivered = Deliver(session, options, whole.summary);
  if (delivered.status != ExitStatus::kSuccess) return delivered;
  if (options.format != ChangesFormat::kJson && !options.quiet) {
    std::fprintf(stderr, "next: %s\n", whole.summary.next.c_str());
  }
  return {};
}

}  // namespace

Outcome RunChanges(Session& session, const ChangesOptions& options) {
  if (options.since) return AnswerSince(session, options, *options.since);
  session.ack = AckWords(options.consumer, options.config_hash);
  if (!options.consumer.empty()) return AnswerSince(session, options, {});
  CJ_CHECK(!options.token_file.empty(), "the command line has one of the three");
  auto token = ReadTokenFile(options.token_file);
  if (!token) {
    // A file that cannot be read is not the daemon's refusal; its kNotPermitted is not meant.
    return Fail(token.error().code == ErrorCode::kRescanNeeded      ? ExitStatus::kRescanNeeded
                : token.error().code == ErrorCode::kInvalidArgument ? ExitStatus::kUsage
                                                                    : ExitStatus::kFailed,
                token.error().message);
  }
  if (!*token) return StartTokenFile(session, options);
  Position since;
  since.token = **token;
  return AnswerSince(session, options, since);
}

}  // namespace cj::client
