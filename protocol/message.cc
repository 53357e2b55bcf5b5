#include "protocol/message.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"

namespace cj {

namespace {

using nlohmann::json;

Error Malformed(std::string what) {
  return Error{ErrorCode::kCorruption, "malformed Varlink message: " + std::move(what)};
}

// Checks the bounds over the text, before anything is built from it. Text outside of strings is
// counted as JSON has it for as long as the text is JSON; from the first fault on the count may be
// off, but there the parser stops as well.
Status CheckBounds(std::string_view text, int max_depth, std::size_t max_values) {
  int depth = 0;
  std::size_t values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    switch (c) {
      case '"':
        in_string = true;
        break;
      case '{':
      case '[':
        ++values;
        if (++depth > max_depth) {
          return Error{ErrorCode::kLimit,
                       "a message is nested deeper than " + std::to_string(max_depth) + " levels"};
        }
        break;
      case '}':
      case ']':
        --depth;
        break;
      case ',':
        ++values;
        break;
      default:
        break;
    }
    if (values > max_values) {
      return Error{ErrorCode::kLimit,
                   "a message has more than " + std::to_string(max_values) + " values"};
    }
  }
  return {};
}

Status ReadFlag(const std::string& name, const json& value, bool* flag) {
  if (!value.is_boolean()) return Malformed("'" + name + "' is not a boolean");
  *flag = value.get<bool>();
  return {};
}

Status ReadName(const std::string& name, json& value, std::string* text) {
  if (!value.is_string()) return Malformed("'" + name + "' is not a string");
  *text = std::move(value.get_ref<std::string&>());
  if (text->empty()) return Malformed("'" + name + "' is empty");
  return {};
}

Status ReadParameters(json& value, JsonValue* parameters) {
  if (value.is_null()) return {};
  if (!value.is_object()) return Malformed("'parameters' is not an object");
  *parameters = std::move(value);
  return {};
}

// Members with a dot are vendors' extensions; any other that we do not know may change the meaning.
Status CheckUnknown(const std::string& name) {
  if (name.find('.') != std::string::npos) return {};
  return Malformed("unknown member '" + name + "'");
}

Result<JsonValue> ParseObject(std::string_view text, std::size_t max_values) {
  CJ_ASSIGN_OR_RETURN(JsonValue value, ParseJson(text, kMaxMessageDepth, max_values));
  if (!value->is_object()) return Malformed("not an object");
  return value;
}

bool IsEmpty(const json& parameters) { return parameters.is_null() || parameters.empty(); }

// Messages are put together from dumped pieces, so that parameters need not be copied as values.
// `parameters` is JSON; empty: there are none.
std::string FinishText(std::string text, std::string_view parameters) {
  if (!parameters.empty()) {
    if (text.size() > 1) text += ',';
    text += "\"parameters\":";
    text += parameters;
  }
  text += '}';
  text += '\0';
  return text;
}

std::string Finish(std::string text, const json& parameters) {
  return FinishText(std::move(text), IsEmpty(parameters) ? "" : DumpJson(parameters));
}

}  // namespace

Result<JsonValue> ParseJson(std::string_view text, int max_depth, std::size_t max_values) {
  CJ_RETURN_IF_ERROR(CheckBounds(text, max_depth, max_values));
  json value = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Malformed("not JSON in UTF-8");
  return JsonValue(std::move(value));
}

Result<CallMessage> ParseCall(std::string_view text) {
  CJ_ASSIGN_OR_RETURN(JsonValue object, ParseObject(text, kMaxCallValues));
  CallMessage call;
  for (auto& [name, value] : object->items()) {
    Status status;
    if (name == "method") {
      status = ReadName(name, value, &call.method);
    } else if (name == "parameters") {
      status = ReadParameters(value, &call.parameters);
    } else if (name == "oneway") {
      status = ReadFlag(name, value, &call.oneway);
    } else if (name == "more") {
      status = ReadFlag(name, value, &call.more);
    } else if (name == "upgrade") {
      status = ReadFlag(name, value, &call.upgrade);
    } else {
      status = CheckUnknown(name);
    }
    CJ_RETURN_IF_ERROR(std::move(status));
  }
  if (call.method.empty()) return Malformed("no 'method'");
  if (int{call.oneway} + int{call.more} + int{call.upgrade} > 1) {
    return Malformed("more than one of 'oneway', 'more' and 'upgrade'");
  }
  return call;
}

Result<ReplyMessage> ParseReply(std::string_view text) {
  CJ_ASSIGN_OR_RETURN(JsonValue object, ParseObject(text, kMaxReplyValues));
  ReplyMessage reply;
  for (auto& [name, value] : object->items()) {
    Status status;
    if (name == "error") {
      if (!value.is_null()) status = ReadName(name, value, &reply.error);
    } else if (name == "parameters") {
      status = ReadParameters(value, &reply.parameters);
    } else if (name == "continues") {
      if (!value.is_null()) status = ReadFlag(name, value, &reply.continues);
    } else {
      status = CheckUnknown(name);
    }
    CJ_RETURN_IF_ERROR(std::move(status));
  }
  if (!reply.error.empty() && reply.continues) return Malformed("an error that continues");
  return reply;
}

std::string SerializeCall(const CallMessage& call) {
  std::string text = "{\"method\":" + DumpJson(call.method);
  if (call.oneway) text += ",\"oneway\":true";
  if (call.more) text += ",\"more\":true";
  if (call.upgrade) text += ",\"upgrade\":true";
  return Finish(std::move(text), *call.parameters);
}

std::string SerializeReply(const json& parameters, bool continues) {
  return Finish(continues ? "{\"continues\":true" : "{", parameters);
}

std::string SerializeReplyText(std::string_view parameters) {
  return FinishText("{\"continues\":true", parameters);
}

std::string SerializeError(std::string_view name, const json& parameters) {
  return Finish("{\"error\":" + DumpJson(std::string(name)), parameters);
}

std::string DumpJson(const json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

}  // namespace cj
