// Log: the records themselves, in batches, and on request as they come.
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
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

asio::awaitable<bool> Send(Call& call, const LogQuestion& question, const ObjectIds& ids,
                           std::vector<LogEntry> entries) {
  if (question.viewer != nullptr) HidePlaces(&entries);
  LogReplies replies(std::move(entries), ids);
  while (!replies.done()) {
    // Its text is what waits for the reader.
    asio::awaitable<bool> sending = call.ReplyContinues(replies.Next().parameters);
    const bool on = co_await std::move(sending);
    if (!on) co_return false;
  }
  co_return true;
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
  if (begin->handled > question.after) {
    question.after = begin->handled;
    question.told.emplace();  // gaps are told again until they are acknowledged
  }
  Result<AnswerPlaces::Place> place = co_await PlacesOf(call).Take(call.peer().uid);
  if (!place.has_value()) {
    co_await call.Fail(place.error());
    co_return;
  }
  const bool counts = parameters.follow && question.viewer != nullptr;
  const ViewerFeeds::Counted counted(viewer_feeds_, call.peer().uid, counts);
  if (counted.number() > limit_.feeds_per_viewer) {
    co_await FailFeed(call);
    co_return;
  }
  std::size_t lines = static_cast<std::size_t>(parameters.lines);
  bool on = false;
  if (lines > 0 && !question.reverse) {
    on = co_await SendTail(call, lines, &question);
  } else {
    on = co_await SendLog(call, lines > 0 ? lines : SIZE_MAX, &question);
  }
  if (!on) co_return;
  if (parameters.follow) {
    {
      // Whoever waits for what is to come makes no answer.
      const AnswerPlaces::Place given_back = std::move(place).value();
    }
    co_await FollowLog(call, question);
    co_return;
  }
  json end = {{"records", json::array()}};
  co_await call.Reply(end);
}

asio::awaitable<bool> JournalInterface::SendTail(Call& call, std::size_t lines,
                                                 LogQuestion* question) {
  auto gone = call.gone_flag();
  auto read = [&] { return Tail(service_, *question, lines, *gone); };
  // Where a follower goes on: behind everything that the tail could have seen.
  SequenceNumber end = service_.next_sequence();
  Result<LogTail> tail = co_await Work(call, read);
  if (!tail.has_value()) {
    co_await FailAnswer(call, tail.error());
    co_return false;
  }
  const std::vector<LogEntry>& entries = tail->entries;
  for (std::size_t sent = 0; sent < entries.size(); sent += kBatch) {
    std::size_t count = std::min(kBatch, entries.size() - sent);
    auto from = entries.begin() + static_cast<std::ptrdiff_t>(sent);
    std::vector<LogEntry> some(from, from + static_cast<std::ptrdiff_t>(count));
    const bool on = co_await Send(call, *question, service_.object_ids(), std::move(some));
    if (!on) co_return false;
  }
  auto last = std::find_if(entries.rbegin(), entries.rend(),
                           [](const LogEntry& entry) { return !entry.gap; });
  if (last != entries.rend()) {
    question->after = std::max(question->after, last->record.sequence);
    question->from_period = last->record.period;
  } else if (end.value > 0) {
    question->after = std::max(question->after, SequenceNumber(end.value - 1));
  }
  question->told = std::move(tail->gaps);
  co_return true;
}

asio::awaitable<bool> JournalInterface::SendLog(Call& call, std::size_t lines,
                                                LogQuestion* question) {
  auto open = [&] { return service_.OpenLog(*question); };
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
    const bool on =
        co_await Send(call, *question, service_.object_ids(), std::move(batch->entries));
    if (!on) co_return false;
  }
  question->after = std::max(question->after, reader.last_sequence());
  question->from_period = std::max(question->from_period, reader.last_period());
  question->told = reader.gaps();
  co_return true;
}

// Reads on whenever the writer has stored something, until the client goes.
JournalInterface::Awaitable JournalInterface::FollowLog(Call& call, LogQuestion question) {
  question.flush = false;
  asio::steady_timer stored(io_, asio::steady_timer::time_point::max());
  auto forget = [this](asio::steady_timer* timer) { followers_.erase(timer); };
  followers_.insert(&stored);
  std::unique_ptr<asio::steady_timer, decltype(forget)> registered(&stored, forget);
  std::uint64_t gaps_seen = service_.gap_changes();
  while (!call.gone()) {
    const std::uint64_t gaps = service_.gap_changes();
    if (service_.next_sequence() <= question.after.Next() && gaps == gaps_seen) {
      boost::system::error_code ignored;
      auto token = asio::redirect_error(asio::use_awaitable, ignored);
      co_await stored.async_wait(token);
      continue;
    }
    // However long others keep the places: whoever follows has time.
    Result<AnswerPlaces::Place> place = co_await PlacesOf(call).Take(call.peer().uid);
    if (!place.has_value()) continue;
    gaps_seen = gaps;
    const PeriodId open = service_.OpenPeriodId();
    // All that is there is read, also where no record of it is of this range, or was lost.
    const SequenceNumber next = service_.next_sequence();
    const bool on = co_await SendLog(call, SIZE_MAX, &question);
    if (!on) co_return;
    question.after = std::max(question.after, SequenceNumber(next.value - 1));
    // What has been read may be dropped.
    question.from_period = std::max(question.from_period, open);
    question.since = Position{service_.TokenOf(question.from_period), std::nullopt};
    if (question.viewer != nullptr) {
      asio::steady_timer pause(io_, limit_.viewer_feed_pause);
      co_await pause.async_wait(asio::use_awaitable);
    }
  }
}

}  // namespace cj
