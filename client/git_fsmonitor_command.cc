// git-fsmonitor: the hook that git's core.fsmonitor names. git must never miss a change, and must
// never be kept from working: whatever goes wrong here, the answer is "anything may have changed".
#include "client/git_fsmonitor_command.h"

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "base/text.h"
#include "client/answers.h"
#include "client/connection.h"
#include "client/git_names.h"
#include "client/git_tree.h"
#include "client/output.h"
#include "client/questions.h"

namespace cj::client {
namespace {

// Somebody sits at a terminal and waits. git by itself takes less than this for most trees.
constexpr int kPatienceMilliseconds = 10'000;

// More than this is not told to git a second time if we may end the period (see EndPeriod): told of
// more, git 2.39 writes its whole index at every status.
constexpr std::int64_t kManyChanges = 100;

// Never a token of ours: the next question is answered with "everything" again.
constexpr const char* kNoToken = "none";

struct Asked {
  GitNames names;
  std::string next;  // empty: ask the same again
  std::int64_t changes = 0;
  bool excludes = false;  // git may track what nobody tells of
};

std::string Begin(cj_connection* connection) {
  const char* token = nullptr;
  return cj_checkpoint(connection, nullptr, &token) < 0 ? "" : token;
}

Asked Failed(const std::string& top, std::string next = "") {
  Asked failed{GitNames(top), std::move(next)};
  failed.names.GiveUp();
  return failed;
}

// What has come of an answer that failed is worth nothing.
Asked Refused(cj_connection* connection, const std::string& top, int result) {
  if (result != -ESTALE) return Failed(top);
  std::string next = cj_error_next(cj_last_error(connection));
  return Failed(top, next.empty() ? Begin(connection) : next);
}

// CJ_END when `asked` has all of the answer.
int Read(cj_connection* connection, Question question, Asked* asked) {
  cj_answer* opened = nullptr;
  const int begun = cj_changes(connection, question.get(), &opened);
  if (begun < 0) return begun;
  const AnswerHandle answer(opened);
  const cj_change* change = nullptr;
  int result = 0;
  while ((result = cj_answer_next(answer.get(), &change)) == CJ_CHANGE) {
    asked->names.Add(ChangeOf(*change));
  }
  if (result != CJ_END) return result;
  const Summary summary = SummaryOf(*cj_answer_summary(answer.get()));
  asked->next = summary.next;
  asked->changes = summary.changes;
  asked->excludes = summary.excludes;
  return CJ_END;
}

// The whole answer, up to now: git asks at every prompt of some shells, too often for checkpoints.
Asked Ask(cj_connection* connection, const std::string& top, const std::string& since) {
  ChangesOptions options;
  // A path that need not exist says whether all of the tree is watched: a watch below the top would
  // do for the first.
  options.paths = {top, JoinPath(top, kSomeName)};
  options.checkpoint = false;
  options.wait = false;
  Position position;
  position.token = since;
  Asked asked{GitNames(top), ""};
  const int result = Read(connection, ChangesQuestion(options, position, false), &asked);
  return result == CJ_END ? asked : Refused(connection, top, result);
}

// What the open period holds is told again until it ends, since `next` is its beginning. After a
// large answer that is worth a checkpoint, for those who may make one: the second answer from here
// on is small again. (One before the answer would be needed every time.)
void EndPeriod(cj_connection* connection, const std::string& since, const Asked& asked) {
  const bool large = asked.changes > kManyChanges || asked.names.everything();
  if (large && asked.next == since) (void)Begin(connection);
}

std::string Answer(cj_connection* connection, const GitTree& tree, const GitToken& since,
                   const std::string& told) {
  Asked asked = Ask(connection, tree.top, since.token);
  if (asked.excludes) return FormatGitEverything(FormatGitToken({asked.next, tree.place, false}));
  GitNames& names = asked.names;
  AddForbidden(tree.top, &names);
  AddTrees(tree.top, &names);
  if (!since.settled) AddDirectories(tree.top, "", &names);
  // The question that has failed is asked again.
  if (asked.next.empty()) return FormatGitEverything(told);
  EndPeriod(connection, since.token, asked);
  const GitToken next{asked.next, tree.place, !names.everything()};
  return names.everything() ? FormatGitEverything(FormatGitToken(next))
                            : FormatGitAnswer(FormatGitToken(next), names);
}

std::string AnswerTo(const std::string& socket, const std::string& told) {
  const auto tree = CurrentGitTree();
  if (!tree || HasMounts(tree->top)) return FormatGitEverything(kNoToken);
  auto since = ReadGitToken(told);
  if (since && since->place != tree->place) since.reset();
  const std::string again = since ? told : kNoToken;
  const Connection connection(cj_new());
  if (cj_connect(connection.get(), socket.c_str()) < 0) return FormatGitEverything(again);
  (void)cj_set_timeout(connection.get(), kPatienceMilliseconds);
  if (since) return Answer(connection.get(), *tree, *since, again);
  const std::string start = Begin(connection.get());
  return FormatGitEverything(start.empty() ? again : FormatGitToken({start, tree->place, false}));
}

}  // namespace

Outcome RunGitFsmonitor(const std::string& socket, const GitFsmonitorOptions& options) {
  Output out(STDOUT_FILENO);
  out.Write(AnswerTo(socket, options.token));
  // git takes no half of an answer from a hook that fails.
  const Status written = out.Flush();
  return written ? Outcome() : Fail(ExitStatus::kFailed, written.error().message);
}

}  // namespace cj::client
