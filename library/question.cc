#include "library/question.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "protocol/message.h"
#include "protocol/path_json.h"

namespace cj::library {
namespace {

using nlohmann::json;

// A struct of a later version that is larger than this is none.
constexpr std::size_t kMaxStructBytes = 4096;

Error Wrong(std::string_view name, std::string_view why) {
  return Error{ErrorCode::kInvalidArgument, "'" + std::string(name) + "' " + std::string(why), 0};
}

// Fills an object and remembers the first argument that is wrong.
class Builder {
 public:
  void Refuse(std::string_view name, std::string_view why) {
    if (!error_) error_ = Wrong(name, why);
  }
  void String(json& object, const char* key, const char* name, const char* value) {
    if (value == nullptr) return;
    auto text = Text(name, value);
    if (!text) return Refuse(name, "is not UTF-8");
    object[key] = *std::move(text);
  }
  void Int(json& object, const char* key, const std::int64_t* value) {
    if (value != nullptr) object[key] = *value;
  }
  void Paths(json& object, const char* const* paths, std::size_t count) {
    if (count > 0 && paths == nullptr) return Refuse("paths", "is NULL, and path_count is not 0");
    if (count > kMaxCallValues) return Refuse("path_count", "is more than the daemon takes");
    for (std::size_t i = 0; i < count; ++i) {
      if (paths[i] == nullptr) return Refuse("paths", "has a NULL in it");
      AddPath(object, "paths", paths[i]);
    }
  }
  // The names of the bits of a mask.
  void Names(json& object, const char* key, unsigned mask,
             std::initializer_list<const char*> names) {
    json chosen = json::array();
    for (const char* name : names) {
      if ((mask & 1U) != 0) chosen.push_back(name);
      mask >>= 1U;
    }
    if (mask != 0) return Refuse(key, "has a bit that this version does not know");
    if (!chosen.empty()) object[key] = std::move(chosen);
  }
  Result<JsonValue> Finish(json object) {
    if (error_) return *error_;
    return JsonValue(std::move(object));
  }

 private:
  std::optional<Error> error_;
};

void PutSince(Builder& builder, json& object, const cj_question& question, Asker asker) {
  const int given = static_cast<int>(question.since_token != nullptr) +
                    static_cast<int>(question.since_usec != nullptr) +
                    static_cast<int>(question.since_consumer != nullptr);
  if (given > 1) builder.Refuse("since", "is given more than once");
  const bool required = asker == Asker::kChanges || asker == Asker::kPaths;
  if (given == 0 && required) builder.Refuse("since", "is needed: a token, a time or a consumer");
  if (question.config_hash != nullptr && question.since_consumer == nullptr) {
    builder.Refuse("config_hash", "is a consumer's, and none is named");
  }
  json since = json::object();
  builder.String(since, "token", "since_token", question.since_token);
  builder.Int(since, "time_usec", question.since_usec);
  builder.String(since, "consumer", "since_consumer", question.since_consumer);
  builder.String(since, "config_hash", "config_hash", question.config_hash);
  if (!since.empty()) object["since"] = std::move(since);
}

void PutUntil(Builder& builder, json& object, const cj_question& question) {
  if (question.until_token != nullptr && question.until_usec != nullptr) {
    builder.Refuse("until", "is given twice");
  }
  json until = json::object();
  builder.String(until, "token", "until_token", question.until_token);
  builder.Int(until, "time_usec", question.until_usec);
  if (!until.empty()) object["until"] = std::move(until);
}

void PutChanges(Builder& builder, json& object, const cj_question& question) {
  const unsigned flags = question.flags;
  if ((flags & CJ_NO_CHECKPOINT) != 0) object["checkpoint"] = false;
  if ((flags & CJ_EXPAND) != 0) object["expand"] = true;
  if ((flags & CJ_NO_WAIT) != 0) object["wait"] = false;
  if ((flags & CJ_PROGRESS) != 0) object["progress"] = true;
  if (question.presence == CJ_PRESENCE_EXISTING) object["presence"] = "existing";
  if (question.presence == CJ_PRESENCE_DELETED) object["presence"] = "deleted";
  if (question.presence > CJ_PRESENCE_DELETED) builder.Refuse("presence", "is none that is known");
  builder.String(object, "label", "label", question.label);
  if (question.relative_to != nullptr) PutPath(object, "relative_to", question.relative_to);
}

void PutFeed(Builder& builder, json& object, const cj_question& question) {
  if (question.resume_token != nullptr) {
    if (question.since_token != nullptr || question.since_usec != nullptr) {
      builder.Refuse("resume_token", "comes in place of a token or a time to begin at");
    }
    json resume = {{"sequence", question.resume_sequence}};
    builder.String(resume, "token", "resume_token", question.resume_token);
    object["resume"] = std::move(resume);
  }
  if (question.settle_usec < 0) builder.Refuse("settle_usec", "is negative");
  if (question.settle_usec > 0) object["settle_usec"] = question.settle_usec;
}

// What this asker has no use for must not be set: it would be silently ignored.
void CheckUnused(Builder& builder, const cj_question& question, Asker asker) {
  const bool changes = asker == Asker::kChanges || asker == Asker::kPaths;
  const bool log = asker == Asker::kLog;
  const bool feed = asker == Asker::kFeed;
  const unsigned taken = changes ? CJ_NO_CHECKPOINT | CJ_EXPAND | CJ_NO_WAIT | CJ_PROGRESS
                         : log   ? CJ_REVERSE | CJ_FOLLOW
                                 : 0U;
  auto check = [&](const char* name, bool set, bool used) {
    if (set && !used) builder.Refuse(name, "is nothing that this function takes");
  };
  check("flags", (question.flags & ~taken) != 0, false);
  check("until", question.until_token != nullptr || question.until_usec != nullptr, !feed);
  check("types", question.types != 0, feed || log);
  check("presence", question.presence != 0, changes);
  check("label", question.label != nullptr, changes);
  check("relative_to", question.relative_to != nullptr, asker == Asker::kPaths);
  check("lines", question.lines != nullptr, log);
  check("from_usec", question.from_usec != nullptr, log);
  check("to_usec", question.to_usec != nullptr, log);
  check("resume_token", question.resume_token != nullptr, feed);
  check("resume_sequence", question.resume_sequence != 0, feed && question.resume_token != nullptr);
  check("settle_usec", question.settle_usec != 0, feed);
}

}  // namespace

Status CopySized(const void* from, void* to, std::size_t size, const char* what) {
  if (from == nullptr) return Wrong(what, "is NULL");
  std::size_t given = 0;
  std::memcpy(&given, from, sizeof(given));
  if (given < size || given > kMaxStructBytes) {
    return Wrong(what, "has a size that is none of this struct: set it to sizeof");
  }
  const auto* bytes = static_cast<const unsigned char*>(from);
  if (std::any_of(bytes + size, bytes + given, [](unsigned char byte) { return byte != 0; })) {
    return Wrong(what, "has members set that this version of the library does not know");
  }
  std::memcpy(to, from, size);
  return {};
}

Result<std::string> Text(const char* name, const char* text) {
  if (text == nullptr) return Wrong(name, "is NULL");
  if (!IsUtf8(text)) return Wrong(name, "is not UTF-8");
  return std::string(text);
}

Result<JsonValue> QuestionParameters(const cj_question* given, Asker asker) {
  cj_question question{};
  CJ_RETURN_IF_ERROR(CopySized(given, &question, sizeof(question), "question"));
  Builder builder;
  CheckUnused(builder, question, asker);
  json object = json::object();
  PutSince(builder, object, question, asker);
  PutUntil(builder, object, question);
  builder.Paths(object, question.paths, question.path_count);
  builder.Names(object, "kinds", question.kinds, {"entry", "data", "metadata"});
  builder.Names(object, "types", question.types,
                {"file", "directory", "symlink", "fifo", "socket", "char", "block"});
  PutChanges(builder, object, question);
  if ((question.flags & CJ_REVERSE) != 0) object["reverse"] = true;
  if ((question.flags & CJ_FOLLOW) != 0) object["follow"] = true;
  builder.Int(object, "lines", question.lines);
  builder.Int(object, "from_usec", question.from_usec);
  builder.Int(object, "to_usec", question.to_usec);
  PutFeed(builder, object, question);
  return builder.Finish(std::move(object));
}

Result<JsonValue> NewConsumerParameters(const cj_new_consumer* given) {
  cj_new_consumer consumer{};
  CJ_RETURN_IF_ERROR(CopySized(given, &consumer, sizeof(consumer), "consumer"));
  Builder builder;
  json object = json::object();
  if (consumer.name == nullptr) builder.Refuse("name", "is NULL");
  builder.String(object, "name", "name", consumer.name);
  cj_question since{};
  since.since_token = consumer.since_token;
  since.since_usec = consumer.since_usec;
  PutSince(builder, object, since, Asker::kLog);
  builder.Paths(object, consumer.paths, consumer.path_count);
  builder.String(object, "config_hash", "config_hash", consumer.config_hash);
  builder.Int(object, "max_lag_usec", consumer.max_lag_usec);
  builder.Int(object, "max_lag_bytes", consumer.max_lag_bytes);
  return builder.Finish(std::move(object));
}

Result<JsonValue> AcknowledgeParameters(const char* name, const char* token,
                                        const std::int64_t* sequence, const char* config_hash) {
  Builder builder;
  json object = json::object();
  if (name == nullptr) builder.Refuse("name", "is NULL");
  if (token == nullptr) builder.Refuse("token", "is NULL");
  builder.String(object, "name", "name", name);
  builder.String(object, "token", "token", token);
  builder.Int(object, "sequence", sequence);
  builder.String(object, "config_hash", "config_hash", config_hash);
  return builder.Finish(std::move(object));
}

Result<JsonValue> TextParameter(const char* name, const char* text, bool required) {
  Builder builder;
  json object = json::object();
  if (required && text == nullptr) builder.Refuse(name, "is NULL");
  builder.String(object, name, name, text);
  return builder.Finish(std::move(object));
}

Result<JsonValue> JsonParameters(const char* text) {
  if (text == nullptr) return JsonValue();
  auto value = ParseJson(text, kMaxMessageDepth, kMaxCallValues);
  if (!value) return Wrong("parameters", "is no JSON: " + value.error().message);
  if (!(*value)->is_object()) return Wrong("parameters", "is not a JSON object");
  return std::move(value).value();
}

JsonValue Resumed(const JsonValue& parameters, const reply::FeedPosition& position) {
  json resumed = *parameters;
  const auto since = resumed.find("since");
  if (since != resumed.end() && !since->contains("consumer")) resumed.erase(since);
  resumed.erase("lines");
  resumed["resume"] = {{"token", position.token}, {"sequence", position.sequence}};
  return resumed;
}

}  // namespace cj::library
