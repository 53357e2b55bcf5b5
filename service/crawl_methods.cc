// Crawl, and waiting for crawls. A wait holds no thread: the crawl is looked at now and then.
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "protocol/errors.h"
#include "protocol/parameters.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/questions.h"

namespace cj {
namespace {

using nlohmann::json;
namespace asio = boost::asio;
using std::chrono::milliseconds;

// Between two looks at a crawl: many last less than a second.
constexpr milliseconds kFirstLook{20};
constexpr milliseconds kLongestLook{500};
// New gaps may come while one is waited for. Beyond, the answer is "rescan needed".
constexpr int kOpenAttempts = 10;

asio::awaitable<void> Rest(asio::steady_timer& timer, milliseconds* pause) {
  timer.expires_after(*pause);
  *pause = std::min(*pause * 2, kLongestLook);
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer.async_wait(token);
}

bool IsRescan(const Result<OpenedAnswer>& opened) {
  return !opened.has_value() && opened.error().code == ErrorCode::kRescanNeeded;
}

}  // namespace

boost::asio::awaitable<bool> JournalInterface::AwaitCrawl(Call& call, const Question& question,
                                                          bool afresh) {
  auto look = [&] { return service_.LookForCrawl(question, std::exchange(afresh, false)); };
  asio::steady_timer timer(io_);
  milliseconds pause = kFirstLook;
  for (;;) {
    const JournalService::CrawlLook found = co_await Work(call, look);
    if (call.gone()) co_return false;
    if (!found.wait) co_return true;
    if (question.progress) {
      json reply = {{"crawl", ToJson(found.crawl)}};
      const bool taken = co_await call.ReplyContinues(reply);
      if (!taken) co_return false;
    }
    co_await Rest(timer, &pause);
  }
}

boost::asio::awaitable<Result<OpenedAnswer>> JournalInterface::OpenFilled(
    Call& call, const Question& question, std::function<Result<OpenedAnswer>()> open) {
  auto look = [&] { return service_.LookForCrawl(question); };
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t gap_changes = service_.gap_changes();
    Result<OpenedAnswer> opened = co_await Work(call, open);
    if (!question.wait || !IsRescan(opened) || attempt == kOpenAttempts) co_return opened;
    // A gap that showed only now, as the kernel was asked for all it had?
    const JournalService::CrawlLook found = co_await Work(call, look);
    // Or one that has been filled since?
    const bool filled = found.obstacle.empty() && !question.until.has_value() &&
                        service_.gap_changes() != gap_changes;
    if (!found.wait && filled) continue;
    if (!found.wait) co_return opened;
    const bool there = co_await AwaitCrawl(call, question, false);
    if (!there) co_return Error{ErrorCode::kCancelled, "the question was withdrawn"};
  }
}

// Tells how far it is until it is done.
JournalInterface::Awaitable JournalInterface::FollowCrawl(Call& call,
                                                          std::function<CrawlStep()> look) {
  asio::steady_timer timer(io_);
  milliseconds pause = kFirstLook;
  for (;;) {
    const CrawlStep step = co_await Work(call, look);
    if (!step.status.has_value()) {
      co_await call.Fail(step.status.error(), "paths");
      co_return;
    }
    json reply = {{"crawl", ToJson(step.crawl)}};
    if (step.done) {
      co_await call.Reply(reply);
      co_return;
    }
    const bool taken = co_await call.ReplyContinues(reply);
    if (!taken) co_return;
    co_await Rest(timer, &pause);
  }
}

JournalInterface::Awaitable JournalInterface::Crawl(Call& call) {
  ParameterReader reader(call.parameters());
  const std::vector<std::string> paths = ReadPaths(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  auto request = [&] { return service_.RequestCrawl(paths); };
  Result<std::uint64_t> number = co_await Work(call, request);
  if (!number.has_value()) {
    co_await call.Fail(number.error(), "paths");
    co_return;
  }
  auto look = [&] { return service_.LookAtCrawl(*number); };
  co_await FollowCrawl(call, look);
}

}  // namespace cj
