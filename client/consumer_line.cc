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
  app->add_option("TOKEN", words->place, "All that comes before it is handled")
      ->type_name("")
      ->required();
  app->add_option("--record", words->record, "Of its period, records up to this number as well")
      ->type_name("N");
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
  if (words.place.empty()) return Usage("TOKEN is empty");
  ack.name = words.name;
  ack.token = words.place;
  ack.config_hash = words.config_hash;
  if (words.record.empty()) return {};
  std::int64_t number = -1;
  const char* end = words.record.data() + words.record.size();
  const auto [stop, error] = std::from_chars(words.record.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) {
    return Usage("--record: '" + words.record + "' is no record's number");
  }
  ack.sequence = number;
  return {};
}

}  // namespace cj::client
