// changes: asks, writes, checks that the answer is whole, and only then moves the token.
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/unique_fd.h"
#include "client/answers.h"
#include "client/crawl_progress.h"
#include "client/questions.h"
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

Outcome FailOfAnswer(const Session& session, int result) {
  return result == -ENODATA ? CutShort() : FailOf(session);
}

// The formats that need whole changes: text and JSON.
Whole WriteChanges(Session& session, const ChangesOptions& options, const Position& since) {
  cj_answer* opened = nullptr;
  Question question = ChangesQuestion(options, since, session.progress);
  if (cj_changes(session.connection.get(), question.get(), &opened) < 0) {
    return {{}, FailOf(session)};
  }
  const AnswerHandle answer(opened);
  ShowWaiting(session);
  ChangeWriter writer(session, options);
  CrawlProgress progress(session.progress);
  const cj_change* change = nullptr;
  int result = 0;
  while ((result = cj_answer_next(answer.get(), &change)) > 0) {
    if (result == CJ_CRAWL) {
      progress.Show(CrawlOf(*cj_answer_crawl(answer.get())));
      continue;
    }
    progress.Clear();
    writer.Write(ChangeOf(*change));
    if (session.out.failed()) return {{}, FinishOutput(session)};
  }
  if (result < 0) return {{}, FailOfAnswer(session, result)};
  const Summary summary = SummaryOf(*cj_answer_summary(answer.get()));
  if (options.format == ChangesFormat::kJson) {
    Summary shown = summary;
    shown.changes = writer.written();
    session.out.Write(FormatSummaryJson(shown));
  }
  return {summary, {}};
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

// The next step of an answer that does not tell of a crawl.
int AwaitStep(Session& session, cj_answer* answer) {
  CrawlProgress progress(session.progress);
  for (;;) {
    const cj_change* change = nullptr;
    const int result = cj_answer_next(answer, &change);
    if (result != CJ_CRAWL) return result;
    progress.Show(CrawlOf(*cj_answer_crawl(answer)));
  }
}

// The formats that need paths only: they come through a pipe.
Whole WritePaths(Session& session, const ChangesOptions& options, const Position& since) {
  cj_answer* opened = nullptr;
  Question question = ChangesQuestion(options, since, session.progress);
  if (cj_change_paths(session.connection.get(), question.get(), &opened) < 0) {
    return {{}, FailOf(session)};
  }
  const AnswerHandle answer(opened);
  ShowWaiting(session);
  int result = AwaitStep(session, answer.get());
  if (result != CJ_PIPE) return {{}, FailOfAnswer(session, result)};
  UniqueFd pipe(cj_answer_take_pipe(answer.get()));
  Outcome copied = CopyPaths(session, pipe.get(), options.null);
  // The reason why a pipe ended early is in the reply that follows, unless it is ours.
  if (session.out.failed()) return {{}, copied};
  pipe.reset();
  result = AwaitStep(session, answer.get());
  if (result != CJ_END) return {{}, FailOfAnswer(session, result)};
  return {SummaryOf(*cj_answer_summary(answer.get())), copied};
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
  session.token_file = options.token_file;
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
