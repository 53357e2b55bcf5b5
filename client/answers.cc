#include "client/answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "protocol/path_json.h"

namespace cj::client {
namespace {

using nlohmann::json;

// Reads members of one object and remembers the first that is not as the interface says.
class Members {
 public:
  Members(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) Complain("is not an object");
  }

  std::string String(const char* name) {
    const json* member = Find(name);
    if (member == nullptr || !member->is_string()) return Missing(name), "";
    return member->get<std::string>();
  }
  bool Has(const char* name) { return Find(name) != nullptr; }

  std::string OptionalString(const char* name) {
    return Find(name) == nullptr ? std::string() : String(name);
  }
  std::int64_t Int(const char* name) {
    const json* member = Find(name);
    if (member == nullptr || !member->is_number_integer()) return Missing(name), 0;
    return member->get<std::int64_t>();
  }
  std::optional<std::int64_t> OptionalInt(const char* name) {
    return Find(name) == nullptr ? std::nullopt : std::optional(Int(name));
  }
  bool Flag(const char* name) {
    const json* member = Find(name);
    if (member == nullptr) return false;
    if (!member->is_boolean()) return Missing(name), false;
    return member->get<bool>();
  }
  // Empty when it is not there.
  std::string OptionalPath(const char* name) {
    if (!object_.is_object()) return "";
    auto path = GetPath(object_, name);
    if (!path) {
      Complain(std::string("'") + name + "' " + path.error().message);
      return "";
    }
    return std::move(*path).value_or("");
  }
  std::string Path(const char* name) {
    std::string path = OptionalPath(name);
    if (path.empty()) Missing(name);
    return path;
  }
  std::vector<std::string> Strings(const char* name) {
    std::vector<std::string> all;
    ForEach(name, [&](const json& each) {
      if (!each.is_string()) return Missing(name);
      all.push_back(each.get<std::string>());
    });
    return all;
  }
  // The elements of array `name`, then those of array `name`_base64.
  std::vector<std::string> Paths(const char* name) {
    std::vector<std::string> all = Strings(name);
    const std::string base64 = std::string(name) + "_base64";
    for (const std::string& each : Strings(base64.c_str())) {
      auto path = Base64Decode(each);
      if (!path) return Missing(base64.c_str()), all;
      all.push_back(*std::move(path));
    }
    return all;
  }
  // An absent or null array is an empty one.
  template <typename Body>
  void ForEach(const char* name, const Body& body) {
    const json* member = Find(name);
    if (member == nullptr) return;
    if (!member->is_array()) return Missing(name);
    for (const json& each : *member) body(each);
  }
  // The objects of an array.
  template <typename T, typename Read>
  std::vector<T> Objects(const char* name, const Read& read) {
    std::vector<T> all;
    ForEach(name, [&](const json& each) {
      Members members(each, where_ + "." + name);
      all.push_back(read(members));
      Adopt(members);
    });
    return all;
  }
  template <typename T, typename Read>
  T Object(const char* name, const Read& read) {
    const json* member = Find(name);
    if (member == nullptr) return Missing(name), T();
    Members members(*member, where_ + "." + name);
    T value = read(members);
    Adopt(members);
    return value;
  }
  void OneOf(const char* name, const std::string& value,
             std::initializer_list<std::string_view> allowed) {
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) Missing(name);
  }

  const json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    auto member = object_.find(name);
    return member == object_.end() || member->is_null() ? nullptr : &*member;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  void Missing(const char* name) {
    Complain(std::string("'") + name + "' is missing or not of its type");
  }
  void Complain(const std::string& what) {
    if (!error_)
      error_ =
          Error{ErrorCode::kCorruption, "the daemon's reply is damaged: " + where_ + ": " + what};
  }
  void Adopt(const Members& inner) {
    if (!error_) error_ = inner.error_;
  }

  const json& object_;
  std::string where_;
  std::optional<Error> error_;
};

Change ReadChange(Members& members) {
  Change change;
  change.change = members.String("change");
  members.OneOf("change", change.change, {"created", "modified", "renamed", "deleted", "rescan"});
  change.path = members.Path("path");
  change.from = members.OptionalPath("from");
  change.type = members.OptionalString("type");
  change.data = members.Flag("data");
  change.metadata = members.Flag("metadata");
  change.recursive = members.Flag("recursive");
  change.transient = members.Flag("transient");
  change.maybe = members.Flag("maybe");
  return change;
}

Summary ReadSummary(Members& members) {
  Summary summary;
  summary.since = members.String("since");
  summary.next = members.String("next");
  summary.changes = members.Int("changes");
  return summary;
}

Gap ReadGap(Members& members) {
  return {members.OptionalString("volume"),
          members.Int("from_usec"),
          members.Int("to_usec"),
          members.String("cause"),
          members.OptionalInt("filled_in").value_or(0),
          members.OptionalString("obstacle")};
}

Crawl ReadCrawl(Members& members) {
  Crawl crawl;
  crawl.running = members.Flag("running");
  crawl.directories = members.Int("directories");
  crawl.entries = members.Int("entries");
  crawl.expected = members.OptionalInt("expected").value_or(0);
  crawl.changed = members.Int("changed");
  crawl.completed = members.Int("completed");
  return crawl;
}

Period ReadPeriod(Members& members) {
  Period period;
  period.token = members.String("token");
  period.start_usec = members.Int("start_usec");
  period.end_usec = members.OptionalInt("end_usec");
  period.label = members.OptionalString("label");
  period.records = members.Int("records");
  period.gaps = members.Objects<Gap>("gaps", ReadGap);
  return period;
}

Record ReadRecord(Members& members) {
  Record record;
  record.sequence = members.Int("sequence");
  record.period = members.Int("period");
  record.time_usec = members.Int("time_usec");
  record.volume = members.Int("volume");
  record.pid = members.Int("pid");
  record.operations = members.Strings("operations");
  record.path = members.OptionalPath("path");
  record.from = members.OptionalPath("from");
  record.object = members.OptionalString("object");
  return record;
}

Consumer ReadConsumer(Members& members) {
  Consumer consumer;
  consumer.name = members.String("name");
  consumer.token = members.String("token");
  consumer.sequence = members.Int("sequence");
  consumer.paths = members.Paths("paths");
  consumer.acknowledged_usec = members.OptionalInt("acknowledged_usec");
  consumer.waiting = members.Int("waiting");
  consumer.waiting_bytes = members.Int("waiting_bytes");
  consumer.lag_usec = members.Int("lag_usec");
  consumer.expired = members.OptionalString("expired");
  return consumer;
}

Finding ReadFinding(Members& members) {
  Finding finding;
  finding.name = members.String("name");
  finding.subject = members.String("subject");
  finding.available = members.Flag("available");
  finding.required = members.Flag("required");
  finding.meaning = members.String("meaning");
  finding.remedy = members.OptionalString("remedy");
  return finding;
}

StatusAnswer::Watch ReadWatch(Members& members) {
  return {members.Path("path"),
          members.Int("volume"),
          members.Strings("excludes"),
          members.OptionalString("absent"),
          members.OptionalString("pre_modify"),
          members.OptionalString("durability")};
}

AbsentTree ReadAbsentTree(Members& members) {
  return {members.Path("path"), members.String("why")};
}

StatusAnswer::Volume ReadVolume(Members& members) {
  return {members.Int("id"), members.String("type"), members.String("uuid"),
          members.Path("mount_point")};
}

template <typename T>
Result<T> Finish(const Members& members, T value) {
  if (members.error()) return *members.error();
  return value;
}

}  // namespace

Result<ChangesReply> ReadChangesReply(const json& parameters) {
  Members members(parameters, "changes");
  ChangesReply reply;
  reply.changes = members.Objects<Change>("changes", ReadChange);
  if (members.Find("crawl") != nullptr) reply.crawl = members.Object<Crawl>("crawl", ReadCrawl);
  if (members.Find("summary") != nullptr) {
    reply.summary = members.Object<Summary>("summary", ReadSummary);
  }
  return Finish(members, std::move(reply));
}

Result<LogReply> ReadLogReply(const json& parameters) {
  Members members(parameters, "log");
  LogReply reply;
  reply.gaps = members.Objects<Gap>("gaps", ReadGap);
  reply.records = members.Objects<Record>("records", ReadRecord);
  return Finish(members, std::move(reply));
}

Result<FollowReply> ReadFollowReply(const json& parameters) {
  FollowReply reply;
  CJ_ASSIGN_OR_RETURN(reply.log, ReadLogReply(parameters));
  Members members(parameters, "follow");
  auto read_position = [](Members& position) {
    return FeedPosition{position.String("token"), position.Int("sequence")};
  };
  reply.position = members.Object<FeedPosition>("position", read_position);
  return Finish(members, std::move(reply));
}

Result<std::vector<Period>> ReadPeriodsReply(const json& parameters) {
  Members members(parameters, "periods");
  auto periods = members.Objects<Period>("periods", ReadPeriod);
  return Finish(members, std::move(periods));
}

Result<ConsumersReply> ReadConsumersReply(const json& parameters) {
  Members members(parameters, "consumers");
  ConsumersReply reply;
  reply.consumers = members.Objects<Consumer>("consumers", ReadConsumer);
  reply.oldest = members.String("oldest");
  reply.newest = members.String("newest");
  reply.first_sequence = members.Int("first_sequence");
  reply.next_sequence = members.Int("next_sequence");
  return Finish(members, std::move(reply));
}

Result<AcknowledgeReply> ReadAcknowledgeReply(const json& parameters) {
  Members members(parameters, "acknowledge");
  AcknowledgeReply reply;
  reply.token = members.String("token");
  reply.sequence = members.Int("sequence");
  reply.moved = members.Flag("moved");
  return Finish(members, std::move(reply));
}

Result<StatusAnswer> ReadStatusReply(const json& parameters) {
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
  if (members.Find("crawl") != nullptr) status.crawl = members.Object<Crawl>("crawl", ReadCrawl);
  status.consumers = members.Objects<Consumer>("consumers", ReadConsumer);
  auto read_counters = [&](Members& counters) {
    status.records_stored = counters.Int("records_stored");
    return counters.Int("events_read");
  };
  status.events_read = members.Object<std::int64_t>("counters", read_counters);
  auto read_continuity = [](Members& continuity) { return continuity.Flag("survives_kill"); };
  status.survives_kill = members.Object<bool>("continuity", read_continuity);
  auto read_strict = [](Members& strict) {
    return StatusAnswer::Strict{strict.Int("intents"), strict.Int("missed"), strict.Flag("waits")};
  };
  if (members.Has("strict")) {
    status.strict = members.Object<StatusAnswer::Strict>("strict", read_strict);
  }
  status.storage_error = members.OptionalString("storage_error");
  status.resident_bytes = members.Int("resident_bytes");
  status.connections = members.Int("connections");
  return Finish(members, std::move(status));
}

Result<std::vector<Finding>> ReadDiagnoseReply(const json& parameters) {
  Members members(parameters, "findings");
  auto findings = members.Objects<Finding>("findings", ReadFinding);
  return Finish(members, std::move(findings));
}

Result<Crawl> ReadCrawlReply(const json& parameters) {
  Members members(parameters, "crawl");
  auto crawl = members.Object<Crawl>("crawl", ReadCrawl);
  return Finish(members, crawl);
}

Result<CheckpointReply> ReadCheckpointReply(const json& parameters) {
  Members members(parameters, "checkpoint");
  CheckpointReply reply;
  reply.token = members.String("token");
  reply.absent = members.Objects<AbsentTree>("absent", ReadAbsentTree);
  return Finish(members, std::move(reply));
}

std::string NextOfRescanNeeded(const json& parameters) {
  Members members(parameters, "error");
  return members.OptionalString("next");
}

}  // namespace cj::client
