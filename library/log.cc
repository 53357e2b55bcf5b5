// The log: records and gaps as they are stored.
#include <cerrno>

#include "library/connection.h"
#include "library/question.h"
#include "library/views.h"

using cj::library::Channel;
using cj::library::Guarded;
using cj::library::MissingResult;
using cj::library::Note;
using cj::library::OnConnection;

struct cj_log {
  std::shared_ptr<Channel> channel;
  int call = 0;
  bool more = true;
  int ended = 1;  // what every further call returns; 1: not yet
  cj::reply::LogReply reply = {};
  std::size_t gap_at = 0, record_at = 0;
  cj_gap gap = {};
  cj_record record = {};
  cj::library::RecordParts parts = {};
};

namespace {

int Receive(cj_log& log) {
  if (!log.more) return 0;
  cj::ClientReply reply;
  const int result = log.channel->Next(log.call, &reply);
  if (result < 0) return result;
  log.more = reply.continues;
  auto read = cj::reply::ReadLogReply(*reply.parameters);
  if (!read) return Note(log.channel->error, read.error());
  log.reply = std::move(read).value();
  log.gap_at = log.record_at = 0;
  return 1;
}

int Next(cj_log& log, const struct cj_record** record, const struct cj_gap** gap) {
  while (log.ended > 0) {
    const cj::reply::LogReply& reply = log.reply;
    if (log.gap_at < reply.gaps.size()) {
      log.gap = cj::library::ViewOf(reply.gaps[log.gap_at++]);
      *gap = &log.gap;
      *record = nullptr;
    } else if (log.record_at < reply.records.size()) {
      log.record = cj::library::ViewOf(reply.records[log.record_at++], log.parts);
      *record = &log.record;
      *gap = nullptr;
    } else {
      const int result = Receive(log);
      if (result == -EAGAIN) return result;
      if (result <= 0) log.ended = result;
      continue;
    }
    log.channel->SetLeft(cj_log_ready(&log) > 0);
    return 1;
  }
  return log.ended;
}

}  // namespace

int cj_log_open(cj_connection* connection, const struct cj_question* question, cj_log** log) {
  return OnConnection(connection, [&](Channel& channel) {
    if (log == nullptr) return MissingResult(channel);
    auto parameters = cj::library::QuestionParameters(question, cj::library::Asker::kLog);
    if (!parameters) return Note(channel.error, parameters.error());
    auto opened = std::make_unique<cj_log>(cj_log{.channel = connection->channel});
    opened->call = channel.Start("Log", *parameters);
    if (opened->call < 0) return opened->call;
    *log = opened.release();
    return 0;
  });
}

int cj_log_next(cj_log* log, const struct cj_record** record, const struct cj_gap** gap) {
  if (log == nullptr) return -EINVAL;
  Channel& channel = *log->channel;
  auto body = [&] {
    const bool nowhere = record == nullptr || gap == nullptr;
    return nowhere ? MissingResult(channel) : Next(*log, record, gap);
  };
  auto broken = [&] {
    channel.Drop();
    log->ended = -ENOTCONN;
  };
  return Guarded(channel.error, body, broken);
}

size_t cj_log_ready(const cj_log* log) {
  if (log == nullptr) return 0;
  return log->reply.gaps.size() - log->gap_at + log->reply.records.size() - log->record_at;
}

void cj_log_close(cj_log* log) {
  if (log == nullptr) return;
  log->channel->Abandon(log->call);
  delete log;
}
