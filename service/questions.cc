#include "service/questions.h"

#include "journal/token.h"
#include "service/config/config.h"
#include "service/convert.h"

namespace cj {
namespace {

void ReadPosition(ParameterReader& reader, Position* position) {
  position->token = reader.OptionalString("token");
  position->time_usec = reader.OptionalInt("time_usec");
  if (position->token.has_value() == position->time_usec.has_value()) {
    reader.Reject("token", "give either a token or a time");
  }
}

// A position, or a consumer's.
void ReadReader(ParameterReader& reader, ReadingPosition* position) {
  position->consumer = reader.OptionalString("consumer");
  position->config_hash = reader.OptionalString("config_hash");
  position->place.token = reader.OptionalString("token");
  position->place.time_usec = reader.OptionalInt("time_usec");
  const int given = static_cast<int>(position->consumer.has_value()) +
                    static_cast<int>(position->place.token.has_value()) +
                    static_cast<int>(position->place.time_usec.has_value());
  if (given != 1) reader.Reject("token", "give one of a token, a time and a consumer");
  if (position->config_hash && !position->consumer) {
    reader.Reject("config_hash", "goes with `consumer` only");
  }
}

std::optional<Position> ReadOptionalPosition(ParameterReader& reader, std::string_view name) {
  Position position;
  auto read = [&](ParameterReader& inner) { ReadPosition(inner, &position); };
  if (!reader.OptionalObject(name, read)) return std::nullopt;
  return position;
}

std::uint8_t ReadClasses(ParameterReader& reader) {
  std::uint8_t classes = 0;
  for (const std::string& kind : reader.Enums("kinds", {"entry", "data", "metadata"})) {
    if (kind == "entry") classes |= kEntryClass;
    if (kind == "data") classes |= kDataClass;
    if (kind == "metadata") classes |= kMetadataClass;
  }
  return classes;
}

// Each record is compared with each of them, for as long as the feed lives.
constexpr std::size_t kMaxFeedPaths = 256;
// Longer than that is no burst.
constexpr std::int64_t kMaxSettleUsec = 60'000'000;

std::vector<FileType> ReadTypes(ParameterReader& reader) {
  std::vector<FileType> types;
  for (const std::string& name :
       reader.Enums("types", {"file", "directory", "symlink", "fifo", "socket", "char", "block"})) {
    types.push_back(FileTypeOf(name));
  }
  return types;
}

// Where somebody goes on who was told a position; a consumer may be named beside it.
std::optional<FeedRequest::Resume> ReadResume(ParameterReader& reader,
                                              const ReadingPosition& since) {
  std::optional<FeedRequest::Resume> resume;
  auto read = [&](ParameterReader& inner) {
    const std::string token = inner.String("token");
    const std::int64_t sequence = inner.Int("sequence");
    if (sequence < 0) inner.Reject("sequence", "must not be negative");
    resume = {token, SequenceNumber(static_cast<std::uint64_t>(sequence))};
  };
  reader.OptionalObject("resume", read);
  if (resume && (since.place.token || since.place.time_usec)) {
    reader.Reject("resume", "says where to begin, and so does `since`; give one of them");
  }
  return resume;
}

Presence ReadPresence(ParameterReader& reader) {
  auto presence = reader.OptionalEnum("presence", {"all", "existing", "deleted"});
  if (presence == "existing") return Presence::kExisting;
  if (presence == "deleted") return Presence::kDeleted;
  return Presence::kAll;
}

}  // namespace

NewConsumer ReadNewConsumer(ParameterReader& reader) {
  NewConsumer consumer;
  consumer.name = reader.String("name");
  consumer.since = ReadOptionalPosition(reader, "since");
  if (consumer.since && consumer.since->token) {
    const auto token = ParseToken(*consumer.since->token);
    if (!token) reader.Reject("since.token", token.error().message);
  }
  consumer.paths = ReadPaths(reader);
  if (consumer.paths.size() > kMaxConsumerPaths) {
    reader.Reject("paths", "has more than " + std::to_string(kMaxConsumerPaths) + " paths");
  }
  std::size_t bytes = 0;
  for (const std::string& path : consumer.paths) bytes += path.size();
  if (bytes > kMaxConsumerPathBytes) {
    reader.Reject("paths", "take more than " + std::to_string(kMaxConsumerPathBytes) + " bytes");
  }
  const Status named = CheckConsumerName(consumer.name);
  if (!named) reader.Reject("name", named.error().message);
  consumer.config_hash = reader.OptionalString("config_hash").value_or("");
  const Status hashed = CheckConfigHash(consumer.config_hash);
  if (!hashed) reader.Reject("config_hash", hashed.error().message);
  consumer.max_lag_usec = reader.OptionalInt("max_lag_usec").value_or(0);
  if (consumer.max_lag_usec < 0) reader.Reject("max_lag_usec", "must not be negative");
  const std::int64_t lag_bytes = reader.OptionalInt("max_lag_bytes").value_or(0);
  if (lag_bytes < 0) reader.Reject("max_lag_bytes", "must not be negative");
  consumer.max_lag_bytes = static_cast<std::uint64_t>(lag_bytes);
  return consumer;
}

Acknowledgement ReadAcknowledgement(ParameterReader& reader) {
  Acknowledgement acknowledgement;
  acknowledgement.name = reader.String("name");
  acknowledgement.token = reader.String("token");
  const auto token = ParseToken(acknowledgement.token);
  if (!token) reader.Reject("token", token.error().message);
  const auto sequence = reader.OptionalInt("sequence");
  if (sequence && *sequence < 0) reader.Reject("sequence", "must not be negative");
  if (sequence) acknowledgement.sequence = SequenceNumber(static_cast<std::uint64_t>(*sequence));
  acknowledgement.config_hash = reader.OptionalString("config_hash");
  const Status hashed = CheckConfigHash(acknowledgement.config_hash.value_or(""));
  if (!hashed) reader.Reject("config_hash", hashed.error().message);
  return acknowledgement;
}

std::vector<std::string> ReadPaths(ParameterReader& reader) {
  std::vector<std::string> paths;
  for (const std::string& path : reader.Paths("paths")) {
    auto normal = NormalPath(path);
    if (!normal.has_value()) {
      reader.Reject("paths", normal.error().message);
      break;
    }
    paths.push_back(std::move(normal).value());
  }
  return paths;
}

Question ReadQuestion(ParameterReader& reader) {
  Question question;
  auto since = [&](ParameterReader& inner) { ReadReader(inner, &question.reader); };
  reader.Object("since", since);
  question.until = ReadOptionalPosition(reader, "until");
  question.paths = ReadPaths(reader);
  question.checkpoint = reader.Bool("checkpoint", true);
  question.label = reader.OptionalString("label").value_or("");
  question.classes = ReadClasses(reader);
  question.presence = ReadPresence(reader);
  question.expand = reader.Bool("expand", false);
  question.wait = reader.Bool("wait", true);
  question.progress = reader.Bool("progress", false);
  return question;
}

FeedRequest ReadFeedRequest(ParameterReader& reader) {
  FeedRequest request;
  auto since = [&](ParameterReader& inner) { ReadReader(inner, &request.reader); };
  reader.OptionalObject("since", since);
  request.resume = ReadResume(reader, request.reader);
  request.question.paths = ReadPaths(reader);
  if (request.question.paths.size() > kMaxFeedPaths) {
    reader.Reject("paths", "has more than " + std::to_string(kMaxFeedPaths) + " paths");
  }
  request.question.classes = ReadClasses(reader);
  request.question.types = ReadTypes(reader);
  const std::int64_t settle = reader.OptionalInt("settle_usec").value_or(0);
  if (settle < 0 || settle > kMaxSettleUsec) {
    reader.Reject("settle_usec", "must lie between 0 and " + std::to_string(kMaxSettleUsec));
  }
  request.settle = std::chrono::microseconds(settle);
  return request;
}

ExplainParameters ReadExplainParameters(ParameterReader& reader) {
  ExplainParameters parameters;
  auto path = NormalPath(reader.Path("path"));
  if (path.has_value()) {
    parameters.path = std::move(path).value();
  } else {
    reader.Reject("path", path.error().message);
  }
  auto since = [&](ParameterReader& inner) { ReadReader(inner, &parameters.reader); };
  reader.OptionalObject("since", since);
  parameters.until = ReadOptionalPosition(reader, "until");
  return parameters;
}

LogParameters ReadLogParameters(ParameterReader& reader, std::int64_t max_lines) {
  LogParameters parameters;
  auto since = [&](ParameterReader& inner) { ReadReader(inner, &parameters.reader); };
  reader.OptionalObject("since", since);
  parameters.question.until = ReadOptionalPosition(reader, "until");
  parameters.question.paths = ReadPaths(reader);
  parameters.question.classes = ReadClasses(reader);
  parameters.question.types = ReadTypes(reader);
  parameters.question.from_usec = reader.OptionalInt("from_usec");
  parameters.question.to_usec = reader.OptionalInt("to_usec");
  parameters.question.reverse = reader.Bool("reverse", false);
  parameters.follow = reader.Bool("follow", false);
  parameters.lines = reader.OptionalInt("lines");
  if (parameters.lines && (*parameters.lines < 0 || *parameters.lines > max_lines)) {
    reader.Reject("lines", "must lie between 0 and " + std::to_string(max_lines));
  }
  std::int64_t after = reader.OptionalInt("after_sequence").value_or(0);
  if (after < 0) reader.Reject("after_sequence", "must not be negative");
  parameters.question.after = SequenceNumber(static_cast<std::uint64_t>(after));
  if (parameters.follow && (parameters.question.reverse || parameters.question.until)) {
    reader.Reject("follow", "does not go with `reverse` or `until`");
  }
  if (parameters.follow && parameters.question.to_usec) {
    reader.Reject("follow", "does not go with `to_usec`");
  }
  parameters.resume = ReadResume(reader, parameters.reader);
  if (parameters.resume && (!parameters.follow || parameters.lines || after > 0)) {
    reader.Reject("resume", "goes with `follow`, and without `lines` and `after_sequence`");
  }
  return parameters;
}

}  // namespace cj
