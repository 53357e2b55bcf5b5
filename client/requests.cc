#include "client/requests.h"

#include <nlohmann/json.hpp>

#include "protocol/path_json.h"

namespace cj::client {
namespace {

using nlohmann::json;

json PositionJson(const Position& position) {
  if (position.time_usec) return {{"time_usec", *position.time_usec}};
  return {{"token", position.token}};
}

void PutPaths(json& object, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) AddPath(object, "paths", path);
}

}  // namespace

JsonValue CrawlParameters(const std::vector<std::string>& paths) {
  json parameters = json::object();
  PutPaths(parameters, paths);
  return parameters;
}

JsonValue ExplainParameters(const ExplainOptions& options) {
  json parameters = json::object();
  PutPath(parameters, "path", options.path);
  if (!options.consumer.empty()) {
    parameters["since"] = {{"consumer", options.consumer}};
  } else if (options.since) {
    parameters["since"] = PositionJson(*options.since);
  }
  if (options.until) parameters["until"] = PositionJson(*options.until);
  return parameters;
}

JsonValue AddConsumerParameters(const NewConsumer& consumer) {
  json parameters = {{"name", consumer.name}};
  if (consumer.since) parameters["since"] = PositionJson(*consumer.since);
  PutPaths(parameters, consumer.paths);
  if (!consumer.config_hash.empty()) parameters["config_hash"] = consumer.config_hash;
  if (consumer.max_lag_usec != 0) parameters["max_lag_usec"] = consumer.max_lag_usec;
  if (consumer.max_lag_bytes != 0) parameters["max_lag_bytes"] = consumer.max_lag_bytes;
  return parameters;
}

JsonValue RemoveConsumerParameters(const std::string& name) { return json{{"name", name}}; }

JsonValue AcknowledgeParameters(const AcknowledgeOptions& options) {
  json parameters = {{"name", options.name}, {"token", options.token}};
  if (options.sequence) parameters["sequence"] = *options.sequence;
  if (!options.config_hash.empty()) parameters["config_hash"] = options.config_hash;
  return parameters;
}

JsonValue CheckpointParameters(const std::string& label) {
  json parameters = json::object();
  if (!label.empty()) parameters["label"] = label;
  return parameters;
}

}  // namespace cj::client
