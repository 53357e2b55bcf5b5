// Answers: changes one by one, or a pipe of paths.
#include <cerrno>
#include <nlohmann/json_fwd.hpp>

#include "library/connection.h"
#include "library/question.h"
#include "library/views.h"

using cj::library::Asker;
using cj::library::Channel;
using cj::library::Guarded;
using cj::library::MissingResult;
using cj::library::Note;
using cj::library::OnConnection;

struct cj_answer {
  std::shared_ptr<Channel> channel;
  bool of_paths = false;
  int call = 0;
  bool more = true;  // replies follow
  int ended = 1;     // what every further call returns: CJ_END or an error; 1: not yet
  std::vector<cj::reply::Change> changes = {};  // of the last reply
  std::size_t at = 0;                           // how many of them have been told
  std::int64_t received = 0;
  cj_change view = {};
  std::optional<cj::reply::Summary> summary = {};
  cj_summary summary_view = {};
  bool crawl_told = false;
  cj_crawl crawl = {};
  bool pipe_came = false;
  cj::UniqueFd pipe = {};
};

namespace {

int Ask(cj_connection* connection, const struct cj_question* question, Asker asker,
        cj_answer** answer) {
  return OnConnection(connection, [&](Channel& channel) {
    if (answer == nullptr) return MissingResult(channel);
    auto parameters = cj::library::QuestionParameters(question, asker);
    if (!parameters) return Note(channel.error, parameters.error());
    const bool of_paths = asker == Asker::kPaths;
    auto opened = std::make_unique<cj_answer>(
        cj_answer{.channel = connection->channel, .of_paths = of_paths});
    opened->call = channel.Start(of_paths ? "ChangePaths" : "Changes", *parameters);
    if (opened->call < 0) return opened->call;
    *answer = opened.release();
    return 0;
  });
}

// All replies have come: are they all there was to say?
int End(cj_answer& answer) {
  cj_error& error = answer.channel->error;
  if (!answer.summary) {
    return Note(error, -ENODATA,
                "the answer was cut short: its last part, the summary, did not come; what has come "
                "is incomplete, ask again");
  }
  if (!answer.of_paths && answer.summary->changes != answer.received) {
    return Note(error, -EPROTO,
                "the answer is not whole: the daemon counts " +
                    std::to_string(answer.summary->changes) + " changes, " +
                    std::to_string(answer.received) + " came; ask again");
  }
  answer.summary_view = {answer.summary->since.c_str(), answer.summary->next.c_str(),
                         answer.summary->changes, answer.summary->excludes};
  return CJ_END;
}

int TakePipe(cj_answer& answer, cj::ClientReply& reply) {
  if (reply.fds.size() != 1) {
    return Note(answer.channel->error, -EPROTO,
                "the daemon's reply is damaged: no pipe came with it");
  }
  answer.pipe = std::move(reply.fds.front());
  answer.pipe_came = true;
  return CJ_PIPE;
}

// One more reply. CJ_CHANGE: it may have brought changes.
int Receive(cj_answer& answer) {
  if (!answer.more) return End(answer);
  cj::ClientReply reply;
  const int result = answer.channel->Next(answer.call, &reply);
  if (result < 0) return result;
  answer.more = reply.continues;
  auto read = cj::reply::ReadChangesReply(*reply.parameters);
  if (!read) return Note(answer.channel->error, read.error());
  if (read->crawl) {
    answer.crawl = cj::library::ViewOf(*read->crawl);
    answer.crawl_told = true;
    return CJ_CRAWL;
  }
  if (read->summary) answer.summary = std::move(read->summary);
  if (answer.of_paths && !answer.pipe_came) return TakePipe(answer, reply);
  answer.changes = std::move(read->changes);
  answer.at = 0;
  answer.received += static_cast<std::int64_t>(answer.changes.size());
  return CJ_CHANGE;
}

int Next(cj_answer& answer, const struct cj_change** change) {
  while (answer.ended > 0) {
    if (answer.at < answer.changes.size()) {
      answer.view = cj::library::ViewOf(answer.changes[answer.at++]);
      answer.channel->SetLeft(answer.at < answer.changes.size());
      *change = &answer.view;
      return CJ_CHANGE;
    }
    const int result = Receive(answer);
    if (result == CJ_CHANGE) continue;
    if (result == -EAGAIN || result == CJ_CRAWL || result == CJ_PIPE) return result;
    answer.ended = result;
  }
  return answer.ended;
}

}  // namespace

int cj_changes(cj_connection* connection, const struct cj_question* question, cj_answer** answer) {
  return Ask(connection, question, Asker::kChanges, answer);
}

int cj_change_paths(cj_connection* connection, const struct cj_question* question,
                    cj_answer** answer) {
  return Ask(connection, question, Asker::kPaths, answer);
}

int cj_answer_next(cj_answer* answer, const struct cj_change** change) {
  if (answer == nullptr) return -EINVAL;
  Channel& channel = *answer->channel;
  auto body = [&] { return change == nullptr ? MissingResult(channel) : Next(*answer, change); };
  auto broken = [&] {
    channel.Drop();
    answer->ended = -ENOTCONN;
  };
  return Guarded(channel.error, body, broken);
}

size_t cj_answer_ready(const cj_answer* answer) {
  return answer == nullptr ? 0 : answer->changes.size() - answer->at;
}

const struct cj_crawl* cj_answer_crawl(const cj_answer* answer) {
  return answer != nullptr && answer->crawl_told ? &answer->crawl : nullptr;
}

const struct cj_summary* cj_answer_summary(const cj_answer* answer) {
  return answer != nullptr && answer->ended == CJ_END ? &answer->summary_view : nullptr;
}

int cj_answer_take_pipe(cj_answer* answer) {
  return answer == nullptr ? -1 : answer->pipe.release();
}

void cj_answer_close(cj_answer* answer) {
  if (answer == nullptr) return;
  answer->channel->Abandon(answer->call);
  delete answer;
}
