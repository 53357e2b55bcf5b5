// Log: the records themselves, in batches, and on request as they come.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "protocol/errors.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/log_replies.h"
#include "service/questions.h"

namespace cj {
namespace {

using nlohmann::json;
namespace asio = boost::asio;

constexpr std::size_t kBatch = 500;

struct LogBatch {
  bool more = false;
  std::vector<LogEntry> entries;
};

struct LogTail {
  std::vector<LogEntry> entries;
  std::vector<PeriodGap> gaps;  // all that are known
};

Result<LogBatch> NextBatch(LogReader& reader, std::size_t max) {
  LogBatch batch;
  CJ_ASSIGN_OR_RETURN(batch.more, reader.Next(max, &batch.entries));
  return batch;
}

// The last `lines` entries in their order: read backwards, then turned around.
Result<LogTail> Tail(JournalService& service, LogQuestion question, std::size_t lines,
                     const std::atomic<bool>& gone) {
  question.reverse = true;
  CJ_ASSIGN_OR_RETURN(auto reader, service.OpenLog(question));
  LogTail tail;
  std::vector<LogEntry>& entries = tail.entries;
  for (bool more = true; more && entries.size() < lines && !gone.load();) {
    CJ_ASSIGN_OR_RETURN(more, reader->Next(std::min(kBatch, lines - entries.size()), &entries));
  }
  entries.resize(std::min(entries.size(), lines));
  std::reverse(entries.begin(), entries.end());
  tail.gaps = reader->gaps();
  return tail;
}

// All that had been stored when it is called lies before it.
FeedPosition EndOf(JournalService& service) {
  // In this order: records that come in between are of this period, or of later ones.
  const PeriodId open = service.OpenPeriodId();
  return {open, SequenceNumber(service.next_sequence().value - 1)};
}

// Where the question begins. Where that is not kept, whoever reads is told so.
FeedPosition FirstPosition(JournalService& service, const LogQuestion& question) {
  const PeriodId oldest = service.OldestPeriod().id;
  if (!question.since) return {oldest, question.after};
  const Result<PeriodId> since = service.Find(*question.since);
  return {since.has_value() ? *since : oldest, question.after};
}

// Where the first of the entries comes next; `end` where no record is among them.
FeedPosition PositionBefore(const std::vector<LogEntry>& entries, const FeedPosition& end) {
  const auto first = std::find_if(entries.begin(), entries.end(),
                                  [](const LogEntry& entry) { return !entry.gap; });
  if (first == entries.end()) return end;
  return {first->record.period, SequenceNumber(first->record.sequence.value - 1)};
}

FeedPosition Later(const FeedPosition& a, const FeedPosition& b) {
  return {std::max(a.period, b.period), std::max(a.sequence, b.sequence)};
}

}  // namespace

JournalInterface::Awaitable JournalInterface::Log(Call& call) {
  ParameterReader reader(call.parameters());
  LogParameters parameters = ReadLogParameters(reader, limit_.log_lines);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  std::shared_ptr<Viewer> viewer;
  const bool admitted = co_await AdmitReader(call, parameters.reader, {}, &viewer);
  if (!admitted) co_return;
  LogQuestion question = parameters.question;
  question.viewer = LogViewerOf(call, std::move(viewer));
  const auto begin = service_.Resolve(parameters.reader);
  if (!begin.has_value()) {
    co_await FailReader(call, begin.error());
    co_return;
  }
  question.since = begin->since;
  if (question.paths.empty()) question.paths = begin->paths;
  const bool counts = parameters.follow && question.viewer != nullptr;
  const ViewerFeeds::Counted counted(viewer_feeds_, call.peer().uid, counts);
  if (counted.number() > limit_.feeds_per_viewer) {
    co_await FailFeed(call);
    co_return;
  }
  if (parameters.resume) {
    const Result<FeedPosition> position = FindResume(service_, *parameters.resume);
    if (position.has_value()) {
      co_await FollowLog(call, question, *position);
    } else {
      co_await FailReader(call, position.error());
    }
    co_return;
  }
  if (begin->handled > question.after) {
    question.after = begin->handled;
    question.told.emplace();  // gaps are told again until they are acknowledged
  }
  co_await SendAndFollow(call, parameters, std::move(question));
}

JournalInterface::Awaitable JournalInterface::SendAndFollow(Call& call,
                                                            const LogParameters& parameters,
                                                            LogQuestion question) {
  FeedPosition position = FirstPosition(service_, question);
  FeedPosition* const told = parameters.follow ? &position : nullptr;
  {
    const Result<AnswerPlaces::Place> place = co_await PlacesOf(call).Take(call.peer().uid);
    if (!place.has_value()) {
      co_await call.Fail(place.error());
      co_return;
    }
    const bool bounded = parameters.lines.has_value();
    const std::size_t lines = bounded ? static_cast<std::size_t>(*parameters.lines) : SIZE_MAX;
    bool on = false;
    if (bounded && !question.reverse) {
      on = co_await SendTail(call, lines, &question, told);
    } else {
      on = co_await SendLog(call, lines, &question, told);
    }
    if (!on) co_return;
  }
  // Whoever waits for what is to come makes no answer.
  if (parameters.follow) {
    co_await FollowLog(call, std::move(question), position);
    co_return;
  }
  json end = {{"records", json::array()}};
  co_await call.Reply(end);
}

asio::awaitable<bool> JournalInterface::SendEntries(Call& call, const LogQuestion& question,
                                                    std::vector<LogEntry> entries,
                                                    FeedPosition* position) {
  if (question.viewer != nullptr) HidePlaces(&entries);
  LogReplies replies(std::move(entries), service_.object_ids());
  while (!replies.done()) {
    LogReply reply = replies.Next();
    if (position != nullptr) {
      if (reply.sequence.value != 0) *position = {reply.period, reply.sequence};
      reply.parameters["position"] = PositionToJson(service_, *position);
    }
    asio::awaitable<bool> sending = call.ReplyContinues(reply.parameters);
    reply.parameters = nullptr;  // its text is what waits for the reader
    const bool on = co_await std::move(sending);
    if (!on) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> JournalInterface::SendTail(Call& call, std::size_t lines,
                                                 LogQuestion* question, FeedPosition* position) {
  auto gone = call.gone_flag();
  auto read = [&] { return Tail(service_, *question, lines, *gone); };
  // Behind everything that the tail could have seen.
  FeedPosition end = EndOf(service_);
  Result<LogTail> tail = co_await Work(call, read);
  if (!tail.has_value()) {
    co_await FailAnswer(call, tail.error());
    co_return false;
  }
  // Who wants none wants none either that the kernel had queued when he asked.
  if (lines == 0) end = EndOf(service_);
  const std::vector<LogEntry>& entries = tail->entries;
  if (position != nullptr) *position = PositionBefore(entries, end);
  for (std::size_t sent = 0; sent < entries.size(); sent += kBatch) {
    std::size_t count = std::min(kBatch, entries.size() - sent);
    auto from = entries.begin() + static_cast<std::ptrdiff_t>(sent);
    std::vector<LogEntry> some(from, from + static_cast<std::ptrdiff_t>(count));
    const bool on = co_await SendEntries(call, *question, std::move(some), position);
    if (!on) co_return false;
  }
  if (position != nullptr) *position = Later(*position, end);
  question->told = std::move(tail->gaps);
  co_return true;
}

asio::awaitable<bool> JournalInterface::SendLog(Call& call, std::size_t lines,
                                                LogQuestion* question, FeedPosition* position) {
  auto open = [&] { return service_.OpenLog(*question); };
  const FeedPosition end = EndOf(service_);
  Result<std::unique_ptr<LogReader>> opened = co_await Work(call, open);
  if (!opened.has_value()) {
    co_await FailAnswer(call, opened.error());
    co_return false;
  }
  LogReader& reader = **opened;
  auto next = [&] { return NextBatch(reader, std::min(kBatch, lines)); };
  for (bool more = true; more && lines > 0;) {
    Result<LogBatch> batch = co_await Work(call, next);
    if (!batch.has_value()) {
      co_await FailAnswer(call, batch.error());
      co_return false;
    }
    more = batch->more;
    batch->entries.resize(std::min(batch->entries.size(), lines));
    lines -= batch->entries.size();
    const bool on = co_await SendEntries(call, *question, std::move(batch->entries), position);
    if (!on) co_return false;
  }
  if (position != nullptr) {
    const FeedPosition read{reader.last_period(), reader.last_sequence()};
    *position = Later(Later(*position, read), end);
  }
  question->told = reader.gaps();
  co_return true;
}

}  // namespace cj
