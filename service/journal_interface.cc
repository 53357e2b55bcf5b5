#include "service/journal_interface.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "protocol/parameters.h"
#include "service/convert.h"
#include "service/idl.h"

namespace cj {
namespace {

using nlohmann::json;

// The label of a checkpoint is kept for as long as its period.
constexpr std::size_t kMaxLabelBytes = 1024;

// proc_pid_statm(5): the second number is the resident size in pages.
std::int64_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  long long total = 0;
  long long resident = 0;
  int read = std::fscanf(file, "%lld %lld", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace

JournalInterface::JournalInterface(boost::asio::io_context& io, boost::asio::thread_pool& pool,
                                   JournalService& service, AccessControl access, AnswerLimit limit)
    : io_(io),
      pool_(pool),
      service_(service),
      access_(access),
      limit_(limit),
      places_(io, limit.places),
      viewer_places_(io, limit.viewer_places),
      turns_(io, limit.turns),
      viewer_turns_(io, limit.viewer_turns) {}

std::string JournalInterface::Idl() { return std::string(kJournalIdl); }

Method JournalInterface::Guarded(Awaitable (JournalInterface::*method)(Call&), bool more,
                                 For whom) {
  auto handler = [this, method, whom](Call& call) {
    const bool may = whom == For::kAll || access_.MayDoEverything(call.peer());
    return may ? (this->*method)(call) : Refuse(call);
  };
  return Method(handler, more);
}

JournalInterface::Awaitable JournalInterface::Refuse(Call& call) {
  Error error{ErrorCode::kPermissionDenied,
              "only root and members of group " + std::string(kAccessGroup) +
                  " may do that; everybody may ask what has changed (changes, log, follow)"};
  co_await call.Fail(error);
}

std::map<std::string, Method> JournalInterface::Methods() {
  std::map<std::string, Method> methods;
  methods.emplace("GetStatus", Guarded(&JournalInterface::GetStatus, false, For::kTrusted));
  methods.emplace("Checkpoint", Guarded(&JournalInterface::Checkpoint, false, For::kAll));
  methods.emplace("GetPeriods", Guarded(&JournalInterface::GetPeriods, false, For::kTrusted));
  methods.emplace("Diagnose", Guarded(&JournalInterface::Diagnose, false, For::kTrusted));
  methods.emplace("Changes", Guarded(&JournalInterface::Changes, true, For::kAll));
  methods.emplace("ChangePaths", Guarded(&JournalInterface::ChangePaths, true, For::kAll));
  methods.emplace("Crawl", Guarded(&JournalInterface::Crawl, true, For::kTrusted));
  methods.emplace("Explain", Guarded(&JournalInterface::Explain, true, For::kTrusted));
  methods.emplace("Log", Guarded(&JournalInterface::Log, true, For::kAll));
  methods.emplace("Follow", Guarded(&JournalInterface::Follow, true, For::kAll));
  methods.emplace("AddConsumer", Guarded(&JournalInterface::AddConsumer, false, For::kTrusted));
  methods.emplace("RemoveConsumer",
                  Guarded(&JournalInterface::RemoveConsumer, false, For::kTrusted));
  methods.emplace("ListConsumers", Guarded(&JournalInterface::ListConsumers, false, For::kTrusted));
  methods.emplace("Acknowledge", Guarded(&JournalInterface::Acknowledge, false, For::kTrusted));
  return methods;
}

void JournalInterface::RecordsStored() {
  for (boost::asio::steady_timer* follower : followers_) follower->cancel();
}

JournalInterface::Awaitable JournalInterface::GetStatus(Call& call) {
  ParameterReader reader(call.parameters());
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  auto work = [this] { return ToJson(service_.GetStatus(), service_); };
  json reply = co_await Work(call, work);
  reply["version"] = CJ_VERSION;
  reply["pid"] = ::getpid();
  reply["resident_bytes"] = ResidentBytes();
  reply["connections"] = connections_ ? connections_() : 0;
  reply["answers"] = answers();
  co_await call.Reply(reply);
}

JournalInterface::Awaitable JournalInterface::Checkpoint(Call& call) {
  ParameterReader reader(call.parameters());
  std::string label = reader.OptionalString("label").value_or("");
  if (label.size() > kMaxLabelBytes) {
    reader.Reject("label", "is longer than " + std::to_string(kMaxLabelBytes) + " bytes");
  }
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  if (!access_.MayDoEverything(call.peer())) {
    co_await TellToken(call);
    co_return;
  }
  auto work = [&] { return service_.Checkpoint(label); };
  Result<JournalService::Started> started = co_await Work(call, work);
  if (!started.has_value()) {
    co_await call.Fail(started.error());
    co_return;
  }
  json reply = ToJson(*started);
  co_await call.Reply(reply);
}

JournalInterface::Awaitable JournalInterface::Diagnose(Call& call) {
  ParameterReader reader(call.parameters());
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  auto work = [this] {
    json findings = json::array();
    for (const Diagnosis& diagnosis : service_.Diagnose()) findings.push_back(ToJson(diagnosis));
    return findings;
  };
  json reply = json::object();
  reply["findings"] = co_await Work(call, work);
  co_await call.Reply(reply);
}

}  // namespace cj
