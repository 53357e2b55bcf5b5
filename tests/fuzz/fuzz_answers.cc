// What a daemon might reply, whoever it is: the client reads it or says that it does not speak our
// interface.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"
#include "client/answers.h"
#include "protocol/message.h"

namespace {

template <typename T>
void Expect(const cj::Result<T>& read) {
  if (!read) CJ_CHECK(!read.error().message.empty(), "a complaint says why");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = cj::ParseJson(text, cj::kMaxMessageDepth, cj::kMaxCallValues);
  if (!read || !(*read)->is_object()) return 0;
  const nlohmann::json& parameters = **read;
  using namespace cj::client;
  Expect(ReadChangesReply(parameters));
  Expect(ReadLogReply(parameters));
  Expect(ReadFollowReply(parameters));
  Expect(ReadPeriodsReply(parameters));
  Expect(ReadStatusReply(parameters));
  Expect(ReadDiagnoseReply(parameters));
  Expect(ReadCrawlReply(parameters));
  Expect(ReadCheckpointReply(parameters));
  Expect(ReadConsumersReply(parameters));
  Expect(ReadAcknowledgeReply(parameters));
  (void)NextOfRescanNeeded(parameters);
  return 0;
}
