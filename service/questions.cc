#include "service/questions.h"

#include "service/config/config.h"

namespace cj {
namespace {

void ReadPosition(ParameterReader& reader, Position* position) {
  position->token = reader.OptionalString("token");
  position->time_usec = reader.OptionalInt("time_usec");
  if (position->token.has_value() == position->time_usec.has_value()) {
    reader.Reject("token", "give either a token or a time");
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

Presence ReadPresence(ParameterReader& reader) {
  auto presence = reader.OptionalEnum("presence", {"all", "existing", "deleted"});
  if (presence == "existing") return Presence::kExisting;
  if (presence == "deleted") return Presence::kDeleted;
  return Presence::kAll;
}

}  // namespace

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
  auto since = [&](ParameterReader& inner) { ReadPosition(inner, &question.since); };
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

LogParameters ReadLogParameters(ParameterReader& reader, std::int64_t max_lines) {
  LogParameters parameters;
  parameters.question.since = ReadOptionalPosition(reader, "since");
  parameters.question.until = ReadOptionalPosition(reader, "until");
  parameters.question.paths = ReadPaths(reader);
  parameters.question.reverse = reader.Bool("reverse", false);
  parameters.follow = reader.Bool("follow", false);
  parameters.lines = reader.OptionalInt("lines").value_or(0);
  if (parameters.lines < 0 || parameters.lines > max_lines) {
    reader.Reject("lines", "must lie between 0 and " + std::to_string(max_lines));
  }
  std::int64_t after = reader.OptionalInt("after_sequence").value_or(0);
  if (after < 0) reader.Reject("after_sequence", "must not be negative");
  parameters.question.after = SequenceNumber(static_cast<std::uint64_t>(after));
  if (parameters.follow && (parameters.question.reverse || parameters.question.until)) {
    reader.Reject("follow", "does not go with `reverse` or `until`");
  }
  return parameters;
}

}  // namespace cj
