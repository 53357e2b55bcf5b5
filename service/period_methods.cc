// GetPeriods: as many checkpoints as there are, and there may be hundreds of thousands.
#include <nlohmann/json.hpp>

#include "protocol/frame_splitter.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/varlink/service_interface.h"

namespace cj {
namespace {

using nlohmann::json;

// One reply to a client that does not take several: with room for what the estimate below misses.
constexpr std::size_t kFullSingleReply = kMaxReplyBytes / 4;

// About what it takes as text. Each byte of a label may be escaped in six.
std::size_t EstimateBytes(const PeriodInfo& period) {
  constexpr std::size_t kFields = 160;
  constexpr std::size_t kEscaped = 6;
  std::size_t bytes = kFields + kEscaped * period.label.size();
  for (const Gap& gap : period.gaps) {
    bytes += kFields + kEscaped * (gap.volume.size() + gap.cause.size());
  }
  return bytes;
}

// From `*at` on, as many as a reply of `limit` bytes takes, and at least one.
json NextReply(const JournalService& service, const std::vector<PeriodInfo>& periods,
               std::size_t limit, std::size_t* at) {
  json some = json::array();
  for (std::size_t bytes = 0; *at < periods.size() && bytes < limit; ++*at) {
    const PeriodInfo& period = periods[*at];
    some.push_back(ToJson(period, service.TokenOf(period.id)));
    bytes += EstimateBytes(period);
  }
  return {{"periods", std::move(some)}};
}

}  // namespace

JournalInterface::Awaitable JournalInterface::GetPeriods(Call& call) {
  ParameterReader reader(call.parameters());
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const std::size_t limit = call.more() ? kFullReply : kFullSingleReply;
  auto list = [this] { return service_.Periods(); };
  const std::vector<PeriodInfo> periods = co_await Work(call, list);
  std::size_t at = 0;
  auto next = [&] { return NextReply(service_, periods, limit, &at); };
  json reply = co_await Work(call, next);
  while (at < periods.size()) {
    if (!call.more()) {
      co_await call.Fail(ExpectedMore());
      co_return;
    }
    const bool on = co_await call.ReplyContinues(reply);
    if (!on) co_return;
    reply = co_await Work(call, next);
  }
  co_await call.Reply(reply);
}

}  // namespace cj
