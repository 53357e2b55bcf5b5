// Replies into values: what is there, what may be missing, what is refused.
#include "client/answers.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "client/explanation.h"

using namespace cj;
using namespace cj::client;
using nlohmann::json;

TEST_CASE("answers: changes and summary") {
  auto reply = ReadChangesReply(json::parse(R"({
    "changes": [
      {"change":"created","path":"/a","type":"file","from":null,"new_member":1},
      {"change":"renamed","path_base64":"L/8=","from":"/b","type":"directory","recursive":true,
       "data":true,"metadata":true,"transient":true}],
    "summary": {"since":"s","next":"n","changes":2,"complete":true}})"));
  REQUIRE(reply);
  REQUIRE(reply->changes.size() == 2);
  CHECK(reply->changes[0] == Change{"created", "/a", "", "file", false, false, false, false});
  CHECK(reply->changes[1] == Change{"renamed", "/\xff", "/b", "directory", true, true, true, true});
  REQUIRE(reply->summary);
  CHECK(reply->summary->next == "n");
  CHECK(reply->summary->changes == 2);
  auto empty = ReadChangesReply(json::object());
  REQUIRE(empty);
  CHECK(empty->changes.empty());
  CHECK_FALSE(empty->summary);
}

TEST_CASE("answers: damage is told by its place") {
  struct Row {
    const char* text;
    const char* where;
  };
  const Row rows[] = {
      {R"({"changes":[{"change":"created","type":"file"}]})", "changes.changes: 'path' is missing"},
      {R"({"changes":[{"change":"grown","path":"/a","type":"file"}]})", "'change' is missing"},
      {R"({"changes":[{"change":"created","path":"/a","path_base64":"L2E=","type":"file"}]})",
       "given twice"},
      {R"({"changes":[{"change":"created","path_base64":"!","type":"file"}]})", "not valid base64"},
      {R"({"changes":[{"change":"created","path":"/a","type":"file","data":1}]})", "'data'"},
      {R"({"changes":[7]})", "is not an object"},
      {R"({"changes":{}})", "'changes' is missing or not of its type"},
      {R"({"summary":{"since":"s","next":7,"changes":1}})", "'next'"},
      {R"({"summary":{"since":"s","next":"n","changes":"1"}})", "'changes'"},
      {R"({"summary":"x"})", "is not an object"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    auto reply = ReadChangesReply(json::parse(row.text));
    REQUIRE_FALSE(reply);
    CHECK(reply.error().code == ErrorCode::kCorruption);
    CHECK(reply.error().message.find(row.where) != std::string::npos);
  }
}

TEST_CASE("answers: who made a record, and how far that is known") {
  const json record = {{"sequence", 1}, {"period", 2}, {"time_usec", 3},
                       {"volume", 4},   {"pid", 5},    {"operations", {"created"}}};
  auto by = [&](const json& actor) {
    json told = record;
    told["by"] = actor;
    return ReadLogReply({{"records", {told}}});
  };
  auto whole = by({{"pid", 7}, {"comm", "sh"}, {"uid", 0}, {"unit", "a.service"}});
  REQUIRE(whole);
  const Actor& actor = whole->records.at(0).by.value();
  CHECK((actor.pid == 7 && actor.comm == "sh" && actor.uid == 0 && actor.unit == "a.service"));
  auto ended = by({{"pid", 7}});
  REQUIRE(ended);
  CHECK_FALSE(ended->records.at(0).by.value().uid);
  auto nobody = by(nullptr);
  REQUIRE(nobody);
  CHECK_FALSE(nobody->records.at(0).by);
  CHECK_FALSE(by({{"comm", "sh"}}));
  CHECK_FALSE(by(7));
}

TEST_CASE("answers: an explanation gathers its replies") {
  const json record = {{"sequence", 1}, {"period", 2}, {"time_usec", 3},
                       {"volume", 4},   {"pid", 5},    {"operations", {"created"}}};
  const json evidence = {{"role", "name"}, {"token", "t"}, {"record", record}};
  const json change = {{"change", "created"}, {"path", "/a"}};
  Explanation told;
  for (int replies : {1, 2}) {
    REQUIRE(AddExplanation({{"changes", {change}}, {"evidence", {evidence}}}, &told));
    CHECK(told.evidence.size() == static_cast<std::size_t>(replies));
    CHECK_FALSE(told.verdict);
  }
  CHECK((told.changes.size() == 2 && told.evidence[1].record.sequence == 1));
  REQUIRE(AddExplanation({{"verdict", {{"since", "s"}, {"told", true}, {"below", 3}}}}, &told));
  CHECK((told.verdict->told && told.verdict->below == 3 && told.verdict->refused.empty()));
  for (const char* damaged :
       {R"({"verdict":7})", R"({"verdict":{"told":1}})", R"({"evidence":[{"role":"name"}]})",
        R"({"evidence":7})", R"({"changes":[{"change":"eaten","path":"/a"}]})"}) {
    INFO(damaged);
    const Status added = AddExplanation(json::parse(damaged), &told);
    REQUIRE_FALSE(added);
    CHECK(added.error().code == ErrorCode::kCorruption);
  }
}

TEST_CASE("answers: records, periods, findings, tokens") {
  auto records = ReadLogReply(json::parse(R"({"records":[{"sequence":1,"period":2,"time_usec":3,
    "volume":4,"pid":5,"operations":["created","directory"],"path":"/a","object":"ff"}],
    "gaps":[{"from_usec":1,"to_usec":2,"cause":"c"}]})"));
  REQUIRE(records);
  CHECK(records->records.at(0).operations.size() == 2);
  CHECK(records->records.at(0).object == "ff");
  CHECK(records->gaps.at(0).cause == "c");
  CHECK_FALSE(ReadLogReply(json::parse(R"({"records":[{"sequence":1}]})")));
  CHECK_FALSE(ReadLogReply(json::parse(
      R"({"records":[{"sequence":1,"period":2,"time_usec":3,
          "volume":4,"pid":5,"operations":[1]}]})")));

  auto periods = ReadPeriodsReply(json::parse(R"({"periods":[{"token":"t","start_usec":1,
    "end_usec":null,"records":0,"gaps":[{"from_usec":1,"to_usec":2,"cause":"c"}]}]})"));
  REQUIRE(periods);
  CHECK_FALSE(periods->at(0).end_usec);
  CHECK(periods->at(0).gaps.at(0).cause == "c");

  auto findings = ReadDiagnoseReply(json::parse(
      R"({"findings":[{"name":"n","subject":"s","available":true,"required":true,
          "meaning":"m"}]})"));
  REQUIRE(findings);
  CHECK(findings->at(0).available);

  CHECK(ReadCheckpointReply({{"token", "t"}})->token == "t");
  CHECK_FALSE(ReadCheckpointReply({{"token", 1}}));
  auto made = ReadCheckpointReply(
      {{"token", "t"}, {"absent", {{{"path_base64", "L//w"}, {"why", "it is not there"}}}}});
  REQUIRE(made);
  REQUIRE(made->absent.size() == 1);
  CHECK(made->absent.front().path == "/\xff\xf0");
  CHECK_FALSE(ReadCheckpointReply({{"token", "t"}, {"absent", {{{"path", "/a"}}}}}));
  CHECK(NextOfRescanNeeded({{"next", "t"}}) == "t");
  CHECK(NextOfRescanNeeded({{"next", 5}}).empty());
}

TEST_CASE("answers: consumers") {
  json reply = json::parse(R"({"consumers":[{"name":"c","token":"t","sequence":5,"waiting":0,
    "waiting_bytes":0,"lag_usec":0,"acknowledged_usec":7}],"oldest":"o","newest":"n",
    "first_sequence":1,"next_sequence":6})");
  auto consumers = ReadConsumersReply(reply);
  REQUIRE(consumers);
  CHECK(consumers->consumers.at(0).acknowledged_usec == 7);
  CHECK(consumers->next_sequence == 6);
  reply["consumers"][0]["paths_base64"] = {"?"};
  CHECK_FALSE(ReadConsumersReply(reply));
  auto moved = ReadAcknowledgeReply({{"token", "t"}, {"sequence", 5}, {"moved", true}});
  REQUIRE(moved);
  CHECK(moved->moved);
  CHECK_FALSE(ReadAcknowledgeReply({{"token", "t"}, {"moved", true}}));
}

TEST_CASE("answers: status") {
  json reply = json::parse(R"({"version":"1","pid":1,"start_usec":1,"journal":"j",
    "state_directory":"/s","store_bytes":1,"open_period":{"token":"t","start_usec":1,"records":1},
    "oldest":"o","periods":1,"next_sequence":1,
    "watches":[{"path":"/w","volume":1,"excludes":["x"]}],
    "volumes":[{"id":1,"type":"ext4","uuid":"u","mount_point":"/w"}],"gaps":[],
    "consumers":[{"name":"c","token":"t","sequence":5,"waiting":3,"waiting_bytes":30,"lag_usec":9,
                  "paths":["/a"],"paths_base64":["L//w"],"expired":"slow"}],
    "counters":{"events_read":7,"records_stored":6},
    "continuity":{"survives_kill":true,"inherited":false},
    "resident_bytes":1,"connections":1,"answers":0})");
  auto status = ReadStatusReply(reply);
  REQUIRE(status);
  CHECK(status->events_read == 7);
  CHECK(status->records_stored == 6);
  CHECK(status->watches.at(0).excludes.at(0) == "x");
  REQUIRE(status->consumers.size() == 1);
  CHECK(status->consumers[0].paths == std::vector<std::string>{"/a", "/\xff\xf0"});
  CHECK(status->consumers[0].waiting == 3);
  CHECK(status->consumers[0].expired == "slow");
  for (const char* member : {"version", "open_period", "counters", "state_directory"}) {
    INFO(member);
    json damaged = reply;
    damaged.erase(member);
    CHECK_FALSE(ReadStatusReply(damaged));
  }
}
