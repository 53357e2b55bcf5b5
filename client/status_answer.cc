// The reply of GetStatus.
#include "client/answer_parts.h"

namespace cj::client {
namespace {

using reply::Finish;
using reply::Members;
using reply::ReadConsumer;
using reply::ReadCrawl;
using reply::ReadGap;

StatusAnswer::Watch ReadWatch(Members& members) {
  return {members.Path("path"),
          members.Int("volume"),
          members.Strings("excludes"),
          members.OptionalString("absent"),
          members.OptionalString("pre_modify"),
          members.OptionalString("durability")};
}

StatusAnswer::Volume ReadVolume(Members& members) {
  return {members.Int("id"), members.String("type"), members.String("uuid"),
          members.Path("mount_point")};
}

StatusAnswer::Counters ReadCounters(Members& members) {
  StatusAnswer::Counters counters;
  counters.events_read = members.Int("events_read");
  counters.records_stored = members.Int("records_stored");
  counters.out_of_scope = members.OptionalInt("out_of_scope").value_or(0);
  counters.duplicates = members.OptionalInt("duplicates").value_or(0);
  counters.ignored = members.OptionalInt("ignored").value_or(0);
  counters.drains = members.OptionalInt("drains").value_or(0);
  counters.appends = members.OptionalInt("appends").value_or(0);
  counters.checkpoints = members.OptionalInt("checkpoints").value_or(0);
  counters.overflows = members.OptionalInt("overflows").value_or(0);
  return counters;
}

StatusAnswer::Backlog ReadBacklog(Members& members) {
  return {members.Int("bytes"), members.Int("capacity_bytes"), members.Int("lag_usec")};
}

StatusAnswer::Rates ReadRates(Members& members) {
  return {members.Int("uptime_usec"), members.Int("interval_usec"), members.Int("events"),
          members.Int("records")};
}

}  // namespace

Result<StatusAnswer> ReadStatusReply(const nlohmann::json& parameters) {
  Members members(parameters, "status");
  StatusAnswer status;
  status.version = members.String("version");
  status.pid = members.Int("pid");
  status.start_usec = members.Int("start_usec");
  status.journal = members.String("journal");
  status.state_directory = members.Path("state_directory");
  status.store_bytes = members.Int("store_bytes");
  status.open_period = members.Object<Period>("open_period", ReadPeriod);
  status.oldest = members.String("oldest");
  status.periods = members.Int("periods");
  status.watches = members.Objects<StatusAnswer::Watch>("watches", ReadWatch);
  status.volumes = members.Objects<StatusAnswer::Volume>("volumes", ReadVolume);
  status.gaps = members.Objects<Gap>("gaps", ReadGap);
  status.gaps_left_out = members.OptionalInt("gaps_left_out").value_or(0);
  if (members.Find("crawl") != nullptr) status.crawl = members.Object<Crawl>("crawl", ReadCrawl);
  status.consumers = members.Objects<Consumer>("consumers", ReadConsumer);
  const auto counters = members.Object<StatusAnswer::Counters>("counters", ReadCounters);
  status.counters = counters;
  status.events_read = counters.events_read;
  status.records_stored = counters.records_stored;
  // An older daemon does not tell.
  if (members.Has("backlog")) {
    status.backlog = members.Object<StatusAnswer::Backlog>("backlog", ReadBacklog);
  }
  if (members.Has("rates")) {
    status.rates = members.Object<StatusAnswer::Rates>("rates", ReadRates);
  }
  auto read_continuity = [](Members& continuity) { return continuity.Flag("survives_kill"); };
  status.survives_kill = members.Object<bool>("continuity", read_continuity);
  auto read_strict = [](Members& strict) {
    return StatusAnswer::Strict{strict.Int("intents"), strict.Int("missed"), strict.Flag("waits"),
                                strict.Int("answered")};
  };
  if (members.Has("strict")) {
    status.strict = members.Object<StatusAnswer::Strict>("strict", read_strict);
  }
  status.storage_error = members.OptionalString("storage_error");
  status.resident_bytes = members.Int("resident_bytes");
  status.connections = members.Int("connections");
  status.answers = members.OptionalInt("answers").value_or(0);
  return Finish(members, std::move(status));
}

}  // namespace cj::client
