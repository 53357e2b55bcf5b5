// Of what the daemon's replies say, what only changectl shows; the rest is in protocol/replies.h.
// Unknown members are ignored, so that a newer daemon can be asked. Errors are kCorruption: the
// peer does not keep to service/org.changejournal.varlink. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/replies.h"

namespace cj::client {

using reply::AbsentTree;
using reply::AcknowledgeReply;
using reply::Actor;
using reply::Change;
using reply::ChangesReply;
using reply::CheckpointReply;
using reply::Consumer;
using reply::ConsumersReply;
using reply::Crawl;
using reply::FeedPosition;
using reply::FollowReply;
using reply::Gap;
using reply::LogReply;
using reply::Record;
using reply::Summary;

using reply::ReadAcknowledgeReply;
using reply::ReadChangesReply;
using reply::ReadCheckpointReply;
using reply::ReadConsumersReply;
using reply::ReadCrawlReply;
using reply::ReadFollowReply;
using reply::ReadLogReply;

struct Period {
  std::string token;
  std::int64_t start_usec = 0;
  std::optional<std::int64_t> end_usec;  // none: the open period
  std::string label;
  std::int64_t records = 0;
  std::vector<Gap> gaps;
};

struct StatusAnswer {
  std::string version;
  std::int64_t pid = 0;
  std::int64_t start_usec = 0;
  std::string journal;
  std::string state_directory;
  std::int64_t store_bytes = 0;
  Period open_period;
  std::string oldest;
  std::int64_t periods = 0;
  struct Watch {
    std::string path;
    std::int64_t volume = 0;
    std::vector<std::string> excludes;
    std::string absent = {};      // why it is not there; empty: it is
    std::string pre_modify = {};  // "open", "access"; empty or "off": it is not in strict mode
    std::string durability = {};
  };
  std::vector<Watch> watches;
  struct Volume {
    std::int64_t id = 0;
    std::string type;
    std::string uuid;
    std::string mount_point;
  };
  std::vector<Volume> volumes;
  struct Strict {  // of the watches in strict mode
    std::int64_t intents = 0;
    std::int64_t missed = 0;
    bool waits = true;
    std::int64_t answered = 0;
  };
  std::optional<Strict> strict;
  std::vector<Gap> gaps;
  std::int64_t gaps_left_out = 0;  // older ones, filled
  Crawl crawl;
  std::vector<Consumer> consumers;
  std::int64_t events_read = 0;
  std::int64_t records_stored = 0;
  struct Counters {
    std::int64_t events_read = 0;
    std::int64_t records_stored = 0;
    std::int64_t out_of_scope = 0;
    std::int64_t duplicates = 0;
    std::int64_t ignored = 0;
    std::int64_t drains = 0;
    std::int64_t appends = 0;
    std::int64_t checkpoints = 0;
    std::int64_t overflows = 0;
  };
  Counters counters;
  struct Backlog {
    std::int64_t bytes = 0;
    std::int64_t capacity_bytes = 0;
    std::int64_t lag_usec = 0;
  };
  std::optional<Backlog> backlog;
  struct Rates {  // events and records of the last interval_usec
    std::int64_t uptime_usec = 0;
    std::int64_t interval_usec = 0;
    std::int64_t events = 0;
    std::int64_t records = 0;
  };
  std::optional<Rates> rates;
  std::string storage_error;
  bool survives_kill = false;
  std::int64_t resident_bytes = 0;
  std::int64_t connections = 0;
  std::int64_t answers = 0;  // being made
};

struct Finding {
  std::string name;
  std::string subject;
  bool available = false;
  bool required = false;
  std::string meaning;
  std::string remedy;
};

Result<std::vector<Period>> ReadPeriodsReply(const nlohmann::json& parameters);
Result<StatusAnswer> ReadStatusReply(const nlohmann::json& parameters);
Result<std::vector<Finding>> ReadDiagnoseReply(const nlohmann::json& parameters);
// The token that RescanNeeded says to go on from; empty when it names none.
std::string NextOfRescanNeeded(const nlohmann::json& parameters);

}  // namespace cj::client
