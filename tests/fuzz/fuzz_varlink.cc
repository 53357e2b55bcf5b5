// Any bytes through framing, parsing and the parameter reader: nothing may crash, and what was
// taken as a call must survive being sent again.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"
#include "protocol/errors.h"
#include "protocol/frame_splitter.h"
#include "protocol/message.h"
#include "protocol/parameters.h"
#include "protocol/path_json.h"

namespace cj {
namespace {

constexpr std::size_t kMaxBytes = 4096;

void ReadParameters(const nlohmann::json& parameters) {
  ParameterReader reader(parameters);
  reader.OptionalString("label");
  reader.OptionalInt("lines");
  reader.Bool("wait", true);
  reader.OptionalEnum("presence", {"all", "existing", "deleted"});
  reader.Enums("kinds", {"entry", "data", "metadata"});
  for (const std::string& path : reader.Paths("paths")) {
    CJ_CHECK(path.find('\0') == std::string::npos, "no path holds a NUL");
  }
  reader.OptionalPath("relative_to");
  const auto position = [](ParameterReader& inner) {
    inner.OptionalString("token");
    inner.OptionalInt("time_usec");
  };
  reader.Object("since", position);
  if (const auto bad = reader.Finish()) CJ_CHECK(!bad->reason.empty(), "a complaint says why");
}

void CheckCall(const std::string& text) {
  const auto call = ParseCall(text);
  if (!call.has_value()) return;
  const std::string sent = SerializeCall(*call);
  const auto again = ParseCall(std::string_view(sent).substr(0, sent.size() - 1));
  CJ_CHECK(again.has_value(), "what was taken is taken again");
  CJ_CHECK(again->method == call->method && *again->parameters == *call->parameters,
           "and is the same");
  ReadParameters(*call->parameters);
}

void CheckReply(const std::string& text) {
  const auto reply = ParseReply(text);
  if (!reply.has_value()) return;
  FromCallError({reply->error, reply->parameters});
  GetPath(*reply->parameters, "path").has_value();
  DumpJson(*reply->parameters);
}

// The first byte says in what pieces the rest arrives.
void Run(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  const std::size_t piece = std::size_t{data[0]} + 1;
  std::size_t position = 1;
  FrameSplitter splitter(kMaxBytes);
  while (true) {
    auto message = splitter.Next();
    if (!message.has_value()) return;
    if (message->has_value()) {
      CheckCall(**message);
      CheckReply(**message);
    } else {
      if (position == size) break;
      const std::span<char> room = splitter.Prepare();
      const std::size_t length = std::min({room.size(), piece, size - position});
      std::memcpy(room.data(), data + position, length);
      splitter.Commit(length);
      position += length;
      CJ_CHECK(splitter.capacity() <= kMaxBytes + FrameSplitter::kReadBytes, "memory is bounded");
    }
  }
  // What is left had no NUL; as a whole message it is input all the same.
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  CheckCall(rest);
  CheckReply(rest);
}

}  // namespace
}  // namespace cj

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cj::Run(data, size);
  return 0;
}
