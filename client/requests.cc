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

json ConsumerJson(const std::string& name, const std::string& config_hash) {
  json position = {{"consumer", name}};
  if (!config_hash.empty()) position["config_hash"] = config_hash;
  return position;
}

json ReaderJson(const ChangesOptions& options, const Position& since) {
  if (options.consumer.empty()) return PositionJson(since);
  return ConsumerJson(options.consumer, options.config_hash);
}

json Common(const ChangesOptions& options, const Position& since, bool progress) {
  json parameters = {{"since", ReaderJson(options, since)}};
  if (options.until) parameters["until"] = PositionJson(*options.until);
  PutPaths(parameters, options.paths);
  if (!options.checkpoint) parameters["checkpoint"] = false;
  if (!options.label.empty()) parameters["label"] = options.label;
  if (!options.kinds.empty()) parameters["kinds"] = options.kinds;
  if (options.presence != "all") parameters["presence"] = options.presence;
  if (options.expand) parameters["expand"] = true;
  if (!options.wait) parameters["wait"] = false;
  if (progress) parameters["progress"] = true;
  return parameters;
}

}  // namespace

JsonValue ChangesParameters(const ChangesOptions& options, const Position& since, bool progress) {
  return Common(options, since, progress);
}

JsonValue CrawlParameters(const std::vector<std::string>& paths) {
  json parameters = json::object();
  PutPaths(parameters, paths);
  return parameters;
}

JsonValue ChangePathsParameters(const ChangesOptions& options, const Position& since,
                                bool progress) {
  json parameters = Common(options, since, progress);
  if (options.relative_to) PutPath(parameters, "relative_to", *options.relative_to);
  return parameters;
}

JsonValue LogParameters(const LogOptions& options) {
  json parameters = json::object();
  auto put = [&](const std::optional<Position>& end, const char* token, const char* time) {
    if (end && end->time_usec) {
      parameters[time] = *end->time_usec;
    } else if (end) {
      parameters[token] = PositionJson(*end);
    }
  };
  put(options.since, "since", "from_usec");
  put(options.until, "until", "to_usec");
  PutPaths(parameters, options.paths);
  if (!options.kinds.empty()) parameters["kinds"] = options.kinds;
  if (!options.types.empty()) parameters["types"] = options.types;
  if (options.lines) parameters["lines"] = *options.lines;
  if (options.reverse) parameters["reverse"] = true;
  if (options.follow) parameters["follow"] = true;
  return parameters;
}

JsonValue ExplainParameters(const ExplainOptions& options) {
  json parameters = json::object();
  PutPath(parameters, "path", options.path);
  if (!options.consumer.empty()) {
    parameters["since"] = ConsumerJson(options.consumer, "");
  } else if (options.since) {
    parameters["since"] = PositionJson(*options.since);
  }
  if (options.until) parameters["until"] = PositionJson(*options.until);
  return parameters;
}

JsonValue FollowParameters(const FollowOptions& options, const FeedPosition& resume) {
  json parameters = json::object();
  if (!options.consumer.empty()) {
    parameters["since"] = ConsumerJson(options.consumer, options.config_hash);
  } else if (options.since && resume.token.empty()) {
    parameters["since"] = PositionJson(*options.since);
  }
  if (!resume.token.empty()) {
    parameters["resume"] = {{"token", resume.token}, {"sequence", resume.sequence}};
  }
  PutPaths(parameters, options.paths);
  if (!options.kinds.empty()) parameters["kinds"] = options.kinds;
  if (!options.types.empty()) parameters["types"] = options.types;
  if (options.settle_usec != 0) parameters["settle_usec"] = options.settle_usec;
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
