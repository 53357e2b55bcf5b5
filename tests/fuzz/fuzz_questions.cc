// Parameters of every question: whatever they say, they are refused with a reason, or what was made
// of them is within its bounds.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"
#include "protocol/message.h"
#include "service/config/config.h"
#include "service/questions.h"

namespace cj {

// Named by convert.cc, for replies; no question needs it, nor the service that it belongs to.
std::string JournalService::TokenOf(PeriodId) const { return {}; }

namespace {

constexpr std::int64_t kLines = 1000;

void CheckPaths(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto normal = NormalPath(path);
    CJ_CHECK(normal.has_value() && *normal == path, "paths are absolute and normal");
  }
}

// False: the parameters were refused.
bool Finished(ParameterReader& reader) {
  const auto bad = reader.Finish();
  if (bad) CJ_CHECK(!bad->reason.empty(), "a complaint says why");  // a name may be empty
  return !bad.has_value();
}

void CheckReader(const ReadingPosition& reader, bool must) {
  const int given = static_cast<int>(reader.consumer.has_value()) +
                    static_cast<int>(reader.place.token.has_value()) +
                    static_cast<int>(reader.place.time_usec.has_value());
  CJ_CHECK(given == 1 || (given == 0 && !must), "one place at the most");
}

void TryQuestion(const nlohmann::json& parameters) {
  ParameterReader reader(parameters);
  const Question question = ReadQuestion(reader);
  if (!Finished(reader)) return;
  CheckReader(question.reader, true);
  CheckPaths(question.paths);
}

void TryFeed(const nlohmann::json& parameters) {
  ParameterReader reader(parameters);
  const FeedRequest request = ReadFeedRequest(reader);
  if (!Finished(reader)) return;
  CheckReader(request.reader, false);
  CheckPaths(request.question.paths);
  CJ_CHECK(request.settle.count() >= 0 && request.settle <= std::chrono::minutes(1), "a burst");
}

void TryLog(const nlohmann::json& parameters) {
  ParameterReader reader(parameters);
  const LogParameters log = ReadLogParameters(reader, kLines);
  if (!Finished(reader)) return;
  CJ_CHECK(!log.lines || (*log.lines >= 0 && *log.lines <= kLines), "lines are bounded");
  CJ_CHECK(!log.follow || !log.question.reverse, "nothing follows backwards");
  CheckPaths(log.question.paths);
}

void TryConsumer(const nlohmann::json& parameters) {
  ParameterReader reader(parameters);
  const NewConsumer consumer = ReadNewConsumer(reader);
  if (Finished(reader)) {
    CJ_CHECK(CheckConsumerName(consumer.name).has_value(), "a name that may be");
    CJ_CHECK(consumer.paths.size() <= kMaxConsumerPaths, "few paths");
    CheckPaths(consumer.paths);
    CJ_CHECK(consumer.max_lag_usec >= 0, "a time");
  }
  ParameterReader other(parameters);
  (void)ReadAcknowledgement(other);
  (void)Finished(other);
}

}  // namespace
}  // namespace cj

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto parameters = cj::ParseJson(text, cj::kMaxMessageDepth, cj::kMaxCallValues);
  if (!parameters || !(*parameters)->is_object()) return 0;
  switch (data[0] % 4) {
    case 0:
      cj::TryQuestion(**parameters);
      break;
    case 1:
      cj::TryFeed(**parameters);
      break;
    case 2:
      cj::TryLog(**parameters);
      break;
    default:
      cj::TryConsumer(**parameters);
  }
  return 0;
}
