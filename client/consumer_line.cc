#include "client/consumer_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <limits>

#include "base/units.h"

namespace cj::client {
namespace {

Error Usage(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

void AddName(CLI::App* app, ConsumerWords* words) {
  app->add_option("NAME", words->name, "The consumer's name")->type_name("")->required();
}

bool IsNumber(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void AddConsumerAdd(CLI::App* app, ConsumerWords* words, Options* options) {
  AddName(app, words);
  app->add_option("--watch", words->watches, "Only this subtree; may be repeated")
      ->type_name("PATH");
  app->add_option("--since", words->since, "Begin there instead of now: a token, or a time")
      ->type_name("TOKEN|TIME");
  app->add_option("--config-hash", words->config_hash,
                  "Of its configuration; with another one 'changes' says rescan")
      ->type_name("HASH");
  app->add_option("--max-lag", words->max_lag, "Let it expire when it is so far behind: 7d, 12h")
      ->type_name("SPAN");
  app->add_option("--max-lag-size", words->max_lag_size,
                  "Let it expire when so much waits for it: 500M, 2G")
      ->type_name("SIZE");
  app->add_flag("--json", options->json, "JSON, one object per line");
}

void AddConsumerRemove(CLI::App* app, ConsumerWords* words) { AddName(app, words); }

void AddAck(CLI::App* app, ConsumerWords* words) {
  AddName(app, words);
  app->add_option("POSITION", words->place,
                  "A token: all before it is handled; or a record's number: all up to it is")
      ->type_name("")
      ->required();
  app->add_option("--config-hash", words->config_hash, "Of its configuration from now on")
      ->type_name("HASH");
}

Status FinishConsumer(const ConsumerWords& words, Options* options) {
  NewConsumer& consumer = options->consumer;
  if (words.name.empty()) return Usage("NAME is empty");
  consumer.name = words.name;
  consumer.config_hash = words.config_hash;
  if (!words.max_lag.empty()) {
    auto span = ParseTimeSpan(words.max_lag);
    if (!span) return WithContext(span.error(), "--max-lag");
    if (*span == 0) return Usage("--max-lag: 0 would let it expire at once");
    consumer.max_lag_usec = *span;
  }
  if (!words.max_lag_size.empty()) {
    auto size = ParseByteSize(words.max_lag_size);
    if (!size) return WithContext(size.error(), "--max-lag-size");
    if (*size == 0) return Usage("--max-lag-size: 0 would let it expire at once");
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    consumer.max_lag_bytes = static_cast<std::int64_t>(std::min(*size, kMost));
  }
  return {};
}

Status FinishAck(const ConsumerWords& words, Options* options) {
  AcknowledgeOptions& ack = options->acknowledge;
  if (words.name.empty()) return Usage("NAME is empty");
  if (words.place.empty()) return Usage("POSITION is empty; give a token or a record's number");
  ack.name = words.name;
  ack.config_hash = words.config_hash;
  if (!IsNumber(words.place)) {
    ack.token = words.place;
    return {};
  }
  std::int64_t number = 0;
  const char* end = words.place.data() + words.place.size();
  if (std::from_chars(words.place.data(), end, number).ec != std::errc()) {
    return Usage("'" + words.place + "' is larger than any record's number");
  }
  ack.sequence = number;
  return {};
}

}  // namespace cj::client
