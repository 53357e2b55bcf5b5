#include "service/convert.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "protocol/json_text.h"
#include "protocol/path_json.h"
#include "service/strict_watches.h"

namespace cj {
namespace {

using nlohmann::json;

const char* NameOf(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kCreated:
      return "created";
    case ChangeKind::kModified:
      return "modified";
    case ChangeKind::kRenamed:
      return "renamed";
    case ChangeKind::kDeleted:
      return "deleted";
    case ChangeKind::kRescan:
      return "rescan";
  }
  return "rescan";
}

constexpr std::string_view kTypeNames[] = {"file",   "directory", "symlink", "fifo",
                                           "socket", "char",      "block"};

std::string_view NameOf(FileType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

struct OperationName {
  std::uint32_t bit;
  const char* name;
};
constexpr OperationName kOperationNames[] = {
    {kCreated, "created"},          {kDeleted, "deleted"},       {kRenamed, "renamed"},
    {kReplaced, "replaced"},        {kLinked, "linked"},         {kModified, "modified"},
    {kClosedWrite, "closed-write"}, {kAttributes, "attributes"}, {kSilent, "silent"},
    {kDirectory, "directory"},      {kCrawled, "crawled"},       {kIntent, "intent"},
};

json OperationNames(std::uint32_t operations) {
  json names = json::array();
  for (const OperationName& operation : kOperationNames) {
    if ((operations & operation.bit) != 0) names.push_back(operation.name);
  }
  return names;
}

}  // namespace

FileType FileTypeOf(std::string_view name) {
  const auto* found = std::find(std::begin(kTypeNames), std::end(kTypeNames), name);
  CJ_CHECK(found != std::end(kTypeNames), "a type that is not known");
  return static_cast<FileType>(found - std::begin(kTypeNames));
}

void AppendJson(const Change& change, std::string* text) {
  JsonLine line;
  line.String("change", NameOf(change.kind));
  line.String("type", NameOf(change.type));
  line.Path("path", change.path);
  if (change.kind == ChangeKind::kRenamed) line.Path("from", change.from);
  if (change.data) line.True("data");
  if (change.metadata) line.True("metadata");
  if (change.recursive) line.True("recursive");
  if (change.transient) line.True("transient");
  if (change.maybe) line.True("maybe");
  *text += line.Take();
}

json ToJson(const Gap& gap) {
  json object = {{"from_usec", gap.from_usec}, {"to_usec", gap.to_usec}, {"cause", gap.cause}};
  if (!gap.volume.empty()) object["volume"] = gap.volume;
  if (gap.filled()) object["filled_in"] = gap.filled_in.value;
  return object;
}

json ToJson(const CrawlStatus& crawl) {
  json object = {{"running", crawl.running},
                 {"directories", crawl.counts.directories},
                 {"entries", crawl.counts.entries},
                 {"changed", crawl.counts.changed},
                 {"completed", crawl.crawls}};
  if (crawl.start_usec != 0) object["start_usec"] = crawl.start_usec;
  if (crawl.took_usec != 0 && !crawl.running) object["took_usec"] = crawl.took_usec;
  if (crawl.expected != 0) object["expected"] = crawl.expected;
  if (crawl.counts.unreadable != 0) object["unreadable"] = crawl.counts.unreadable;
  return object;
}

json ToJson(const PeriodInfo& period, const std::string& token) {
  json object = {
      {"token", token}, {"start_usec", period.start_usec}, {"records", period.record_count}};
  if (!period.open()) object["end_usec"] = period.end_usec;
  if (!period.label.empty()) object["label"] = period.label;
  if (!period.gaps.empty()) {
    json gaps = json::array();
    for (const Gap& gap : period.gaps) gaps.push_back(ToJson(gap));
    object["gaps"] = std::move(gaps);
  }
  return object;
}

namespace {

// Known to root and the group of the journal only.
json ActorToJson(std::int32_t pid, const Actor& actor) {
  json by = {{"pid", pid}};
  if (!actor.known) return by;
  by["comm"] = actor.comm;
  by["uid"] = actor.uid;
  if (!actor.unit.empty()) by["unit"] = actor.unit;
  return by;
}

}  // namespace

json ToJson(const LogEntry& entry, const ObjectIds& ids) {
  const Record& record = entry.record;
  json object = {{"sequence", record.sequence.value},
                 {"period", record.period.value},
                 {"time_usec", record.time_usec},
                 {"volume", record.volume.value},
                 {"pid", record.pid},
                 {"operations", OperationNames(record.operations)}};
  if (!entry.path.empty()) PutPath(object, "path", entry.path);
  if (!entry.from.empty()) PutPath(object, "from", entry.from);
  if (!record.object.empty()) object["object"] = ids.Of(record.volume, record.object);
  if (entry.by) object["by"] = ActorToJson(record.pid, *entry.by);
  return object;
}

json ToJson(const Diagnosis& diagnosis) {
  json object = {{"name", diagnosis.finding.name},
                 {"subject", diagnosis.subject},
                 {"available", diagnosis.finding.available},
                 {"required", diagnosis.finding.required},
                 {"meaning", diagnosis.finding.meaning}};
  if (!diagnosis.finding.remedy.empty()) object["remedy"] = diagnosis.finding.remedy;
  return object;
}

json SummaryToJson(const OpenedAnswer& answered) {
  json summary = {{"since", answered.since},
                  {"next", answered.next},
                  {"changes", answered.answer->count()},
                  {"complete", true}};
  if (answered.excludes) summary["excludes"] = true;
  return {{"summary", std::move(summary)}};
}

json ToJson(const JournalService::Started& started) {
  json reply = {{"token", started.token}};
  for (const Watch& watch : started.absent) {
    json tree = {{"why", watch.absent}};
    PutPath(tree, "path", watch.wanted);
    reply["absent"].push_back(std::move(tree));
  }
  return reply;
}

namespace {

json ToJson(const ConsumerStatus& status, const JournalService& service) {
  const Consumer& consumer = status.consumer;
  json object = {{"name", consumer.name},
                 {"token", service.TokenOf(consumer.period)},
                 {"sequence", consumer.handled.value},
                 {"added_usec", consumer.added_usec},
                 {"waiting", status.lag.records},
                 {"waiting_bytes", status.lag.bytes},
                 {"lag_usec", status.lag.age_usec}};
  for (const std::string& path : consumer.paths) AddPath(object, "paths", path);
  if (!consumer.config_hash.empty()) object["config_hash"] = consumer.config_hash;
  if (consumer.moved_usec != 0) object["acknowledged_usec"] = consumer.moved_usec;
  if (consumer.max_lag_usec != 0) object["max_lag_usec"] = consumer.max_lag_usec;
  if (consumer.max_lag_bytes != 0) object["max_lag_bytes"] = consumer.max_lag_bytes;
  if (!consumer.expired.empty()) {
    object["expired"] = consumer.expired;
    object["expired_usec"] = consumer.expired_usec;
  }
  return object;
}

}  // namespace

json ToJson(const ConsumerList& list, const JournalService& service) {
  json consumers = json::array();
  for (const ConsumerStatus& each : list.consumers) consumers.push_back(ToJson(each, service));
  return {{"consumers", std::move(consumers)},
          {"oldest", service.TokenOf(list.oldest)},
          {"newest", service.TokenOf(list.open)},
          {"first_sequence", list.first.value},
          {"next_sequence", list.next.value}};
}

namespace {

json GapToJson(const PeriodGap& gap, const CrawlStatus& crawl) {
  json one = ToJson(gap.gap);
  for (const auto& [stuck, why] : crawl.stuck) {
    if (!gap.gap.filled() && IsSameGap(stuck, gap)) one["obstacle"] = why;
  }
  return one;
}

}  // namespace

void PutGaps(const ServiceStatus& status, json* object) {
  std::size_t all = 0;
  std::size_t filled = 0;
  for (const PeriodInfo& period : status.periods) {
    all += period.gaps.size();
    filled += static_cast<std::size_t>(std::count_if(period.gaps.begin(), period.gaps.end(),
                                                     [](const Gap& gap) { return gap.filled(); }));
  }
  const std::size_t left_out = all > kMaxGapsTold ? std::min(filled, all - kMaxGapsTold) : 0;
  std::size_t skip = left_out;
  json gaps = json::array();
  for (const PeriodInfo& period : status.periods) {
    for (const Gap& gap : period.gaps) {
      if (gap.filled() && skip > 0) {
        --skip;
      } else {
        gaps.push_back(GapToJson({period.id, gap}, status.crawl));
      }
    }
  }
  (*object)["gaps"] = std::move(gaps);
  if (left_out > 0) (*object)["gaps_left_out"] = left_out;
}

json ToJson(const ServiceStatus& status, const JournalService& service) {
  json watches = json::array();
  for (std::size_t i = 0; i < status.watches.size(); ++i) {
    const Watch& watch = status.watches[i];
    const WatchConfig& setting = status.settings.at(i);
    json one = {{"path", watch.volume.path}, {"volume", watch.volume.id.value}};
    one["pre_modify"] = NameOf(setting.pre_modify);
    if (setting.pre_modify != PreModify::kOff) one["durability"] = NameOf(setting.durability);
    if (!watch.excludes.empty()) one["excludes"] = watch.excludes;
    if (!watch.absent.empty()) one["absent"] = watch.absent;
    watches.push_back(std::move(one));
  }
  json volumes = json::array();
  for (const VolumeMount& volume : status.volumes) {
    volumes.push_back({{"id", volume.id.value},
                       {"type", volume.identity.type},
                       {"uuid", volume.identity.uuid},
                       {"mount_point", volume.mount_point}});
  }
  const EngineCounters& counters = status.counters;
  const PeriodInfo& open = status.periods.back();
  json object = {{"journal", status.journal},
                 {"state_directory", status.state_directory},
                 {"store_bytes", status.store_bytes},
                 {"open_period", ToJson(open, service.TokenOf(open.id))},
                 {"oldest", service.TokenOf(status.periods.front().id)},
                 {"periods", status.periods.size()},
                 {"next_sequence", status.next_sequence.value},
                 {"watches", std::move(watches)},
                 {"volumes", std::move(volumes)},
                 {"crawl", ToJson(status.crawl)},
                 {"consumers", ToJson(status.consumers, service).at("consumers")},
                 {"start_usec", status.start_usec},
                 {"counters",
                  {{"events_read", counters.events_read},
                   {"records_stored", counters.records_stored},
                   {"out_of_scope", counters.out_of_scope},
                   {"duplicates", counters.duplicates},
                   {"ignored", counters.ignored},
                   {"drains", counters.drains},
                   {"appends", counters.appends},
                   {"checkpoints", counters.checkpoints},
                   {"overflows", counters.overflows}}},
                 {"backlog",
                  {{"bytes", counters.spool.bytes},
                   {"capacity_bytes", counters.spool.capacity_bytes},
                   {"lag_usec", status.lag_usec}}},
                 {"rates",
                  {{"uptime_usec", status.uptime_usec},
                   {"interval_usec", status.rates.interval_usec},
                   {"events", status.rates.events},
                   {"records", status.rates.records}}}};
  PutGaps(status, &object);
  if (std::any_of(status.settings.begin(), status.settings.end(),
                  [](const WatchConfig& one) { return one.pre_modify != PreModify::kOff; })) {
    object["strict"] = {{"answered", counters.strict.events},
                        {"intents", counters.strict.intents},
                        {"own", counters.strict.own},
                        {"missed", counters.strict.missed},
                        {"waits", counters.hasty_since_usec == 0}};
  }
  json& continuity = object["continuity"];
  continuity = {{"survives_kill", status.counters.survives_kill},
                {"inherited", status.start.inherited}};
  if (!status.start.refused.empty()) continuity["not_inherited"] = status.start.refused;
  if (!counters.storage_error.empty()) object["storage_error"] = counters.storage_error;
  return object;
}

}  // namespace cj
