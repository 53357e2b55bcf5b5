// Consumers: AddConsumer, RemoveConsumer, ListConsumers, Acknowledge.
#include <nlohmann/json.hpp>

#include "protocol/parameters.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/questions.h"

namespace cj {
namespace {

using nlohmann::json;

CallError ToConsumerError(const Error& error, const std::string& name, const char* parameter,
                          const std::optional<std::string>& next) {
  if (error.code != ErrorCode::kNotFound) return ToCallError(error, parameter, next);
  return {std::string(varlink_error::kNoSuchConsumer),
          json{{"name", name}, {"reason", error.message}}};
}

}  // namespace

JournalInterface::Awaitable JournalInterface::FailConsumer(Call& call, const std::string& name,
                                                           const Error& error,
                                                           const char* parameter) {
  std::optional<std::string> next;
  if (error.code == ErrorCode::kRescanNeeded) next = service_.RescanToken();
  co_await call.Fail(ToConsumerError(error, name, parameter, next));
}

JournalInterface::Awaitable JournalInterface::AddConsumer(Call& call) {
  ParameterReader reader(call.parameters());
  const NewConsumer request = ReadNewConsumer(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const Status watched = service_.CheckPaths(request.paths, nullptr);
  if (!watched.has_value()) {
    co_await FailConsumer(call, request.name, watched.error(), "paths");
    co_return;
  }
  auto work = [&] { return service_.AddConsumer(request); };
  Result<JournalService::Started> added = co_await Work(call, work);
  if (!added.has_value()) {
    co_await FailConsumer(call, request.name, added.error(), "name");
    co_return;
  }
  json reply = ToJson(*added);
  co_await call.Reply(reply);
}

JournalInterface::Awaitable JournalInterface::RemoveConsumer(Call& call) {
  ParameterReader reader(call.parameters());
  const std::string name = reader.String("name");
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  auto work = [&] { return service_.consumers().Remove(name); };
  Status removed = co_await Work(call, work);
  if (!removed.has_value()) {
    co_await FailConsumer(call, name, removed.error(), "name");
    co_return;
  }
  EndFollowing(name);
  json reply = json::object();
  co_await call.Reply(reply);
}

JournalInterface::Awaitable JournalInterface::ListConsumers(Call& call) {
  ParameterReader reader(call.parameters());
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  auto work = [this] { return ToJson(service_.consumers().List(), service_); };
  json reply = co_await Work(call, work);
  co_await call.Reply(reply);
}

JournalInterface::Awaitable JournalInterface::Acknowledge(Call& call) {
  ParameterReader reader(call.parameters());
  const Acknowledgement request = ReadAcknowledgement(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  auto work = [&] { return service_.consumers().Acknowledge(request); };
  Result<Consumers::Acknowledged> done = co_await Work(call, work);
  if (!done.has_value()) {
    co_await FailConsumer(call, request.name, done.error(), "sequence");
    co_return;
  }
  json reply = {{"token", service_.TokenOf(done->consumer.period)},
                {"sequence", done->consumer.handled.value},
                {"moved", done->moved}};
  co_await call.Reply(reply);
}

}  // namespace cj
