// The Varlink wire format (UAPI.20), for both ends: one JSON object in UTF-8, then one NUL byte.
// Parsing is strict, as the specification asks: whoever sends what these functions refuse is to be
// disconnected, since such a message has no well-defined answer. Pure functions, any thread.
//
// The message bounds are for what a stranger may make us hold: the depth keeps every recursive walk
// over a value (copy, dump) far away from the end of the stack, the count keeps small text from
// becoming a large value ("[[],[],..." takes about 30 times its length when parsed).
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/json_value.h"

namespace cj {

// Nesting of objects and arrays in any message; ours need 6.
inline constexpr int kMaxMessageDepth = 64;
// JSON values in one call: some 30000 paths, which a query would rather give as their parents.
inline constexpr std::size_t kMaxCallValues = 32768;
// JSON values in one reply: what fits into kMaxReplyBytes of short fields.
inline constexpr std::size_t kMaxReplyValues = std::size_t{1} << 21;

struct CallMessage {
  std::string method;    // fully qualified: "org.varlink.service.GetInfo"
  JsonValue parameters;  // always an object; absent and null are read as {}
  bool oneway = false;   // at most one of the three is set
  bool more = false;
  bool upgrade = false;
};

struct ReplyMessage {
  std::string error;     // fully qualified name; empty: success
  JsonValue parameters;  // always an object
  bool continues = false;
};

// Both refuse with kCorruption: text that is not JSON in UTF-8, values that are not objects,
// members that the specification does not know (members with a dot in their name are vendors'
// extensions and are ignored), wrong types, more than one of oneway, more and upgrade, a reply that
// has both error and continues; and with kLimit: a crossed bound of the above.
Result<CallMessage> ParseCall(std::string_view text);
Result<ReplyMessage> ParseReply(std::string_view text);

// JSON of any kind within the given bounds.
Result<JsonValue> ParseJson(std::string_view text, int max_depth, std::size_t max_values);

// The text of a message including the final NUL byte. Parameters that are {} or null are left out.
std::string SerializeCall(const CallMessage& call);
std::string SerializeReply(const nlohmann::json& parameters, bool continues);
// A reply with more to come, of parameters that are JSON already: an object that is not empty.
std::string SerializeReplyText(std::string_view parameters);
std::string SerializeError(std::string_view name, const nlohmann::json& parameters);

// Compact JSON. Never throws: bytes that are not UTF-8 become U+FFFD (paths that must survive such
// bytes go through path_json.h).
std::string DumpJson(const nlohmann::json& value);

}  // namespace cj
