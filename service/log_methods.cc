// Log: the records themselves, in batches, and on request as they come.
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <nlohmann/json.hpp>

#include "protocol/errors.h"
#include "service/answer_slot.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/questions.h"
#include "service/varlink/run_on.h"

namespace cj {
namespace {

using nlohmann::json;
namespace asio = boost::asio;

constexpr std::size_t kBatch = 500;

json RecordsOf(const std::vector<LogEntry>& entries) {
  json records = json::array();
  for (const LogEntry& entry : entries) records.push_back(ToJson(entry));
  return {{"records", std::move(records)}};
}

struct LogBatch {
  bool more = false;
  std::vector<LogEntry> entries;
};

Result<LogBatch> NextBatch(LogReader& reader, std::size_t max) {
  LogBatch batch;
  CJ_ASSIGN_OR_RETURN(batch.more, reader.Next(max, &batch.entries));
  return batch;
}

// The last `lines` entries in their order: read backwards, then turned around.
Result<std::vector<LogEntry>> Tail(JournalService& service, LogQuestion question, std::size_t lines,
                                   const std::atomic<bool>& gone) {
  question.reverse = true;
  CJ_ASSIGN_OR_RETURN(auto reader, service.OpenLog(question));
  std::vector<LogEntry> entries;
  for (bool more = true; more && entries.size() < lines && !gone.load();) {
    CJ_ASSIGN_OR_RETURN(more, reader->Next(std::min(kBatch, lines - entries.size()), &entries));
  }
  std::reverse(entries.begin(), entries.end());
  return entries;
}

}  // namespace

JournalInterface::Awaitable JournalInterface::Log(Call& call) {
  ParameterReader reader(call.parameters());
  LogParameters parameters = ReadLogParameters(reader, limit_.log_lines);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  Slot slot(*this, call.peer().uid);
  if (!slot.taken()) {
    co_await call.Fail(Slot::Refusal());
    co_return;
  }
  LogQuestion question = parameters.question;
  std::size_t lines = static_cast<std::size_t>(parameters.lines);
  auto gone = call.gone_flag();
  if (lines > 0 && !question.reverse) {
    // Where a follower goes on: behind everything that the tail could have seen.
    auto tail = [&] { return Tail(service_, question, lines, *gone); };
    SequenceNumber end = service_.next_sequence();
    Result<std::vector<LogEntry>> entries = co_await RunOn(pool_, tail);
    if (!entries.has_value()) {
      co_await FailAnswer(call, entries.error());
      co_return;
    }
    for (std::size_t sent = 0; sent < entries->size(); sent += kBatch) {
      std::size_t count = std::min(kBatch, entries->size() - sent);
      auto from = entries->begin() + static_cast<std::ptrdiff_t>(sent);
      json reply = RecordsOf({from, from + static_cast<std::ptrdiff_t>(count)});
      if (!co_await call.ReplyContinues(reply)) co_return;
    }
    if (!entries->empty()) {
      question.after = std::max(question.after, entries->back().record.sequence);
      question.from_period = entries->back().record.period;
    } else if (end.value > 0) {
      question.after = std::max(question.after, SequenceNumber(end.value - 1));
    }
  } else {
    auto open = [&] { return service_.OpenLog(question); };
    Result<std::unique_ptr<LogReader>> opened = co_await RunOn(pool_, open);
    if (!opened.has_value()) {
      co_await FailAnswer(call, opened.error());
      co_return;
    }
    std::size_t left = lines > 0 ? lines : SIZE_MAX;
    for (bool more = true; more && left > 0;) {
      auto next = [&] { return NextBatch(**opened, std::min(kBatch, left)); };
      Result<LogBatch> batch = co_await RunOn(pool_, next);
      if (!batch.has_value()) {
        co_await FailAnswer(call, batch.error());
        co_return;
      }
      more = batch->more;
      left -= batch->entries.size();
      if (batch->entries.empty()) continue;
      json reply = RecordsOf(batch->entries);
      if (!co_await call.ReplyContinues(reply)) co_return;
    }
    question.after = std::max(question.after, (*opened)->last_sequence());
    question.from_period = std::max(question.from_period, (*opened)->last_period());
  }
  if (parameters.follow) {
    co_await FollowLog(call, question);
    co_return;
  }
  json end = {{"records", json::array()}};
  co_await call.Reply(end);
}

// Reads on whenever the writer has stored something, until the client goes.
JournalInterface::Awaitable JournalInterface::FollowLog(Call& call, LogQuestion question) {
  question.flush = false;
  asio::steady_timer stored(io_, asio::steady_timer::time_point::max());
  auto forget = [this](asio::steady_timer* timer) { followers_.erase(timer); };
  followers_.insert(&stored);
  std::unique_ptr<asio::steady_timer, decltype(forget)> registered(&stored, forget);
  while (!call.gone()) {
    if (service_.next_sequence() <= question.after.Next()) {
      boost::system::error_code ignored;
      auto token = asio::redirect_error(asio::use_awaitable, ignored);
      co_await stored.async_wait(token);
      continue;
    }
    auto open = [&] { return service_.OpenLog(question); };
    Result<std::unique_ptr<LogReader>> opened = co_await RunOn(pool_, open);
    if (!opened.has_value()) {
      co_await FailAnswer(call, opened.error());
      co_return;
    }
    auto next = [&] { return NextBatch(**opened, kBatch); };
    for (bool more = true; more;) {
      Result<LogBatch> batch = co_await RunOn(pool_, next);
      if (!batch.has_value()) {
        co_await FailAnswer(call, batch.error());
        co_return;
      }
      more = batch->more;
      if (batch->entries.empty()) continue;
      json reply = RecordsOf(batch->entries);
      if (!co_await call.ReplyContinues(reply)) co_return;
    }
    question.after = std::max(question.after, (*opened)->last_sequence());
    question.from_period = std::max(question.from_period, (*opened)->last_period());
  }
}

}  // namespace cj
