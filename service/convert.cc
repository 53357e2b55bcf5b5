#include "service/convert.h"

#include <nlohmann/json.hpp>

#include "protocol/path_json.h"

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

const char* NameOf(FileType type) {
  static constexpr const char* kNames[] = {"file",   "directory", "symlink", "fifo",
                                           "socket", "char",      "block"};
  return kNames[static_cast<std::size_t>(type)];
}

struct OperationName {
  std::uint32_t bit;
  const char* name;
};
constexpr OperationName kOperationNames[] = {
    {kCreated, "created"},          {kDeleted, "deleted"},       {kRenamed, "renamed"},
    {kReplaced, "replaced"},        {kLinked, "linked"},         {kModified, "modified"},
    {kClosedWrite, "closed-write"}, {kAttributes, "attributes"}, {kSilent, "silent"},
    {kDirectory, "directory"},
};

json OperationNames(std::uint32_t operations) {
  json names = json::array();
  for (const OperationName& operation : kOperationNames) {
    if ((operations & operation.bit) != 0) names.push_back(operation.name);
  }
  return names;
}

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char c : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(c) & 0xf]);
  }
  return text;
}

}  // namespace

json ToJson(const Change& change) {
  json object = {{"change", NameOf(change.kind)}, {"type", NameOf(change.type)}};
  PutPath(object, "path", change.path);
  if (change.kind == ChangeKind::kRenamed) PutPath(object, "from", change.from);
  if (change.data) object["data"] = true;
  if (change.metadata) object["metadata"] = true;
  if (change.recursive) object["recursive"] = true;
  if (change.transient) object["transient"] = true;
  return object;
}

json ToJson(const Gap& gap) {
  json object = {{"from_usec", gap.from_usec}, {"to_usec", gap.to_usec}, {"cause", gap.cause}};
  if (!gap.volume.empty()) object["volume"] = gap.volume;
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

json ToJson(const LogEntry& entry) {
  const Record& record = entry.record;
  json object = {{"sequence", record.sequence.value},
                 {"period", record.period.value},
                 {"time_usec", record.time_usec},
                 {"volume", record.volume.value},
                 {"pid", record.pid},
                 {"operations", OperationNames(record.operations)}};
  if (!entry.path.empty()) PutPath(object, "path", entry.path);
  if (!entry.from.empty()) PutPath(object, "from", entry.from);
  if (!record.object.empty()) object["object"] = Hex(record.object.encoded);
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

json ToJson(const ServiceStatus& status, const JournalService& service) {
  json watches = json::array();
  for (const Watch& watch : status.watches) {
    json one = {{"path", watch.volume.path}, {"volume", watch.volume.id.value}};
    if (!watch.excludes.empty()) one["excludes"] = watch.excludes;
    watches.push_back(std::move(one));
  }
  json volumes = json::array();
  for (const VolumeMount& volume : status.volumes) {
    volumes.push_back({{"id", volume.id.value},
                       {"type", volume.identity.type},
                       {"uuid", volume.identity.uuid},
                       {"mount_point", volume.mount_point}});
  }
  json gaps = json::array();
  for (const PeriodInfo& period : status.periods) {
    for (const Gap& gap : period.gaps) gaps.push_back(ToJson(gap));
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
                 {"gaps", std::move(gaps)},
                 {"consumers", json::array()},
                 {"start_usec", status.start_usec},
                 {"counters",
                  {{"events_read", counters.events_read},
                   {"records_stored", counters.records_stored},
                   {"out_of_scope", counters.out_of_scope},
                   {"duplicates", counters.duplicates},
                   {"drains", counters.drains},
                   {"appends", counters.appends},
                   {"checkpoints", counters.checkpoints},
                   {"overflows", counters.overflows}}}};
  if (!counters.storage_error.empty()) object["storage_error"] = counters.storage_error;
  return object;
}

}  // namespace cj
