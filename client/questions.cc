#include "client/questions.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace cj::client {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"entry", "data", "metadata"};
constexpr std::array<std::string_view, 7> kTypes = {"file",   "directory", "symlink", "fifo",
                                                    "socket", "char",      "block"};

// One bit for each word, in the order of the table.
template <std::size_t size>
unsigned Mask(const std::vector<std::string>& words,
              const std::array<std::string_view, size>& table) {
  unsigned mask = 0;
  for (const std::string& word : words) {
    const auto found = std::find(table.begin(), table.end(), word);
    if (found != table.end()) mask |= 1U << static_cast<unsigned>(found - table.begin());
  }
  return mask;
}

const char* OrNull(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

void PutSince(cj_question& question, const Position& since) {
  if (since.time_usec) {
    question.since_usec = &*since.time_usec;
  } else {
    question.since_token = since.token.c_str();
  }
}

void PutUntil(cj_question& question, const std::optional<Position>& until) {
  if (!until) return;
  if (until->time_usec) {
    question.until_usec = &*until->time_usec;
  } else {
    question.until_token = until->token.c_str();
  }
}

void PutConsumer(cj_question& question, const std::string& name, const std::string& config_hash) {
  question.since_consumer = name.c_str();
  question.config_hash = OrNull(config_hash);
}

void PutPaths(Question& question, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) question.paths.push_back(path.c_str());
}

}  // namespace

Question ChangesQuestion(const ChangesOptions& options, const Position& since, bool progress) {
  Question result;
  cj_question& question = result.question;
  if (options.consumer.empty()) {
    PutSince(question, since);
  } else {
    PutConsumer(question, options.consumer, options.config_hash);
  }
  PutUntil(question, options.until);
  PutPaths(result, options.paths);
  question.kinds = Mask(options.kinds, kKinds);
  question.presence = options.presence == "existing"  ? CJ_PRESENCE_EXISTING
                      : options.presence == "deleted" ? CJ_PRESENCE_DELETED
                                                      : CJ_PRESENCE_ALL;
  auto flag = [&](bool set, unsigned bit) { question.flags |= set ? bit : 0U; };
  flag(!options.checkpoint, CJ_NO_CHECKPOINT);
  flag(options.expand, CJ_EXPAND);
  flag(!options.wait, CJ_NO_WAIT);
  flag(progress, CJ_PROGRESS);
  question.label = OrNull(options.label);
  if (options.relative_to && options.format == ChangesFormat::kPaths) {
    question.relative_to = options.relative_to->c_str();
  }
  return result;
}

Question LogQuestion(const LogOptions& options) {
  Question result;
  cj_question& question = result.question;
  // A time is the records' own.
  auto put = [](const std::optional<Position>& end, const char*& token, const int64_t*& time) {
    if (end && end->time_usec) {
      time = &*end->time_usec;
    } else if (end) {
      token = end->token.c_str();
    }
  };
  put(options.since, question.since_token, question.from_usec);
  put(options.until, question.until_token, question.to_usec);
  PutPaths(result, options.paths);
  question.kinds = Mask(options.kinds, kKinds);
  question.types = Mask(options.types, kTypes);
  question.lines = options.lines ? &*options.lines : nullptr;
  if (options.reverse) question.flags |= CJ_REVERSE;
  if (options.follow) question.flags |= CJ_FOLLOW;
  return result;
}

Question FollowQuestion(const FollowOptions& options) {
  Question result;
  cj_question& question = result.question;
  if (!options.consumer.empty()) {
    PutConsumer(question, options.consumer, options.config_hash);
  } else if (options.since) {
    PutSince(question, *options.since);
  }
  PutPaths(result, options.paths);
  question.kinds = Mask(options.kinds, kKinds);
  question.types = Mask(options.types, kTypes);
  question.settle_usec = options.settle_usec;
  return result;
}

}  // namespace cj::client
