// What C callers ask for, as parameters of a call. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "library/changejournal.h"
#include "protocol/json_value.h"
#include "protocol/replies.h"

namespace cj::library {

// Who reads a question: each refuses what it does not take.
enum class Asker { kChanges, kPaths, kLog, kFeed };

// All kInvalidArgument, with the member's name.
Result<JsonValue> QuestionParameters(const cj_question* question, Asker asker);
Result<JsonValue> NewConsumerParameters(const cj_new_consumer* consumer);
Result<JsonValue> AcknowledgeParameters(const char* name, const char* token,
                                        const std::int64_t* sequence, const char* config_hash);
// {name: text}; without it where the text is null and may be.
Result<JsonValue> TextParameter(const char* name, const char* text, bool required);
// The JSON object of the generic call; null is {}.
Result<JsonValue> JsonParameters(const char* text);

// The parameters of a feed, or of a log that is followed, that goes on at `position`.
JsonValue Resumed(const JsonValue& parameters, const reply::FeedPosition& position);

// The text, which must be UTF-8.
Result<std::string> Text(const char* name, const char* text);

// Copies a struct that the caller has filled, and that may be larger than ours if what it has more
// is zero.
Status CopySized(const void* from, void* to, std::size_t size, const char* what);

}  // namespace cj::library
