#include "protocol/replies.h"

#include "protocol/members.h"
#include "protocol/reply_parts.h"

namespace cj::reply {

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
  crawl.start_usec = members.OptionalInt("start_usec").value_or(0);
  crawl.took_usec = members.OptionalInt("took_usec").value_or(0);
  crawl.unreadable = members.OptionalInt("unreadable").value_or(0);
  return crawl;
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
  consumer.config_hash = members.OptionalString("config_hash");
  consumer.added_usec = members.OptionalInt("added_usec").value_or(0);
  consumer.max_lag_usec = members.OptionalInt("max_lag_usec");
  consumer.max_lag_bytes = members.OptionalInt("max_lag_bytes");
  consumer.expired_usec = members.OptionalInt("expired_usec").value_or(0);
  return consumer;
}

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

namespace {

Actor ReadActor(Members& members) {
  return {members.Int("pid"), members.OptionalString("comm"), members.OptionalInt("uid"),
          members.OptionalString("unit")};
}

}  // namespace

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
  if (members.Has("by")) record.by = members.Object<Actor>("by", ReadActor);
  return record;
}

namespace {

Summary ReadSummary(Members& members) {
  Summary summary;
  summary.since = members.String("since");
  summary.next = members.String("next");
  summary.changes = members.Int("changes");
  summary.excludes = members.Flag("excludes");
  return summary;
}

FeedPosition ReadPosition(Members& members) {
  return {members.String("token"), members.Int("sequence")};
}

AbsentTree ReadAbsentTree(Members& members) {
  return {members.Path("path"), members.String("why")};
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
  if (members.Has("position")) {
    reply.position = members.Object<FeedPosition>("position", ReadPosition);
  }
  return Finish(members, std::move(reply));
}

Result<FollowReply> ReadFollowReply(const json& parameters) {
  FollowReply reply;
  CJ_ASSIGN_OR_RETURN(reply.log, ReadLogReply(parameters));
  Members members(parameters, "follow");
  reply.position = members.Object<FeedPosition>("position", ReadPosition);
  return Finish(members, std::move(reply));
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

}  // namespace cj::reply
