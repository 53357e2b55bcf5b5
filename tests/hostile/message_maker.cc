#include "message_maker.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "protocol/frame_splitter.h"
#include "protocol/message.h"

namespace cj::test {
namespace {

using nlohmann::json;

// Words that text is exchanged for once it is text: JSON values cannot hold what is meant.
constexpr const char* kSurrogate = "_lone_surrogate_";
constexpr const char* kBadUtf8 = "_bad_utf8_";
constexpr const char* kHugeNumber = "_huge_number_";

void Exchange(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
}

std::string Nested(std::size_t depth, char open, char close) {
  return std::string(depth, open) + std::string(depth, close);
}

// These cost the journal something that lasts, or the kernel's time: less often than the others is
// often enough.
bool IsCostly(const std::string& method) {
  return method.ends_with(".Checkpoint") || method.ends_with(".Crawl") ||
         method.ends_with(".AddConsumer") || method.ends_with(".Diagnose");
}
constexpr std::uint64_t kCostlyOneIn = 40;

}  // namespace

MessageMaker::MessageMaker(std::vector<Description> descriptions, Facts facts, std::uint64_t seed)
    : descriptions_(std::move(descriptions)), facts_(std::move(facts)), random_(seed) {}

const IdlMethod& MessageMaker::AnyMethod() {
  // The first description is the one that is tested; the others are there as well.
  const Description& description = Chance(8) ? Any(descriptions_) : descriptions_.front();
  return Any(description.methods);
}

json MessageMaker::StringFor(const std::string& name) {
  if (name.ends_with("_base64")) return Chance(2) ? "L3RtcA==" : "/w==";
  if (name == "token") return Any(facts_.tokens);
  if (name == "name" || name == "consumer") return Any(facts_.names);
  if (name == "interface") return Any(descriptions_).interface;
  if (name.find("path") != std::string::npos || name == "relative_to") return Any(facts_.paths);
  if (name == "kinds") return std::array{"entry", "data", "metadata"}[Below(3)];
  if (name == "presence") return std::array{"all", "existing", "deleted"}[Below(3)];
  if (name == "types") return std::array{"file", "directory", "symlink"}[Below(3)];
  return "word";
}

json MessageMaker::IntFor(const std::string& name) {
  if (name.find("usec") != std::string::npos && Chance(2)) return Below(20'000);
  return Chance(2) ? json(Below(100)) : json(random_() >> 1);
}

json MessageMaker::PlainValue(const Description& description, const IdlField& field) {
  switch (field.type.kind) {
    case IdlType::Kind::kBool:
      // Each of these may make a checkpoint, which is the disk's work.
      return field.name == "checkpoint" ? Chance(kCostlyOneIn) : Chance(2);
    case IdlType::Kind::kInt:
      return IntFor(field.name);
    case IdlType::Kind::kFloat:
      return 0.5;
    case IdlType::Kind::kString:
      return StringFor(field.name);
    case IdlType::Kind::kObject:
      return json::object();
    case IdlType::Kind::kEnum:
      return Any(field.type.words);
    case IdlType::Kind::kNamed: {
      IdlField named{field.name, description.types.at(field.type.name)};
      return PlainValue(description, named);
    }
    case IdlType::Kind::kStruct:
      break;
  }
  json object = json::object();
  // Most structures of parameters are places: one of the ways to say it is what is wanted.
  const bool one = Chance(2) || field.type.fields.empty();
  for (const IdlField& inner : field.type.fields) {
    if (one ? inner.name == "token" : !inner.type.optional || Chance(2)) {
      object[inner.name] = ValueOf(description, inner);
    }
  }
  return object;
}

json MessageMaker::ValueOf(const Description& description, const IdlField& field) {
  if (!field.type.array) return PlainValue(description, field);
  json array = json::array();
  for (std::uint64_t i = Below(4); i > 0; --i) array.push_back(PlainValue(description, field));
  return array;
}

json MessageMaker::Call(const IdlMethod& method) {
  const auto of = std::find_if(descriptions_.begin(), descriptions_.end(), [&](const auto& each) {
    return method.name.starts_with(each.interface + ".");
  });
  json parameters = json::object();
  const std::uint64_t few = 2 + Below(6);
  for (const IdlField& field : method.parameters) {
    if (field.type.optional && !Chance(few) && field.name != "checkpoint") continue;
    parameters[field.name] = ValueOf(*of, field);
  }
  json call = {{"method", method.name}, {"parameters", std::move(parameters)}};
  if (!Chance(4)) call["more"] = true;
  return call;
}

json MessageMaker::WrongValue() {
  switch (Below(16)) {
    case 0:
      return nullptr;
    case 1:
      return Chance(2);
    case 2:
      return -1;
    case 3:
      return std::numeric_limits<std::int64_t>::min();
    case 4:
      return std::numeric_limits<std::uint64_t>::max();
    case 5:
      return 1e308;
    case 6:
      return "";
    case 7:
      return std::string(Below(9000), 'x');
    case 8:
      return json::array({1, "two", nullptr, json::object()});
    case 9:
      return json::object({{"token", 1}});
    case 10:
      return json::parse(Nested(2 + Below(80), '[', ']'));
    case 11:
      return std::string("/a\0b", 4);
    case 12:
      return kSurrogate;
    case 13:
      return kBadUtf8;
    case 14:
      return kHugeNumber;
    default:
      return std::vector<int>(Below(300), 7);
  }
}

void MessageMaker::SpoilValue(json& parameters) {
  if (!parameters.is_object() || parameters.empty() || Chance(8)) {
    parameters[Chance(2) ? "unknown" : StringFor("kinds").get<std::string>()] = WrongValue();
    return;
  }
  auto member = std::next(parameters.begin(), static_cast<long>(Below(parameters.size())));
  if (member->is_object() && Chance(2)) {
    SpoilValue(*member);
  } else if (member->is_array() && Chance(2)) {
    member->push_back(WrongValue());
  } else if (Chance(6)) {
    parameters.erase(member);
  } else {
    *member = WrongValue();
  }
}

void MessageMaker::SpoilFlags(json& call) {
  for (const char* flag : {"oneway", "more", "upgrade"}) {
    if (Chance(2)) continue;
    call[flag] = Chance(6) ? WrongValue() : json(Chance(2));
  }
}

std::string MessageMaker::SpoilText(std::string text) {
  switch (Below(6)) {
    case 0:  // a member twice
      return text.replace(0, 1, R"({"method":"org.changejournal.GetStatus",)");
    case 1:
      return text.substr(0, Below(text.size() + 1));
    case 2:
      return text.insert(Below(text.size() + 1), 1, '\0');
    case 3:
      return text + (last_.empty() ? "{}" : last_);
    case 4:
      return text.insert(Below(text.size() + 1), "\xc3\x28");
    default:
      SpoilBytes(text);
      return text;
  }
}

void MessageMaker::SpoilBytes(std::string& text) {
  for (std::uint64_t i = 1 + Below(4); i > 0 && !text.empty(); --i) {
    const std::size_t at = Below(text.size());
    switch (Below(3)) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ (1 << Below(8)));
        break;
      case 1:
        text.erase(at, 1 + Below(8));
        break;
      default:
        text.insert(at, 1 + Below(8), static_cast<char>(random_()));
    }
  }
}

// At the bounds of messages, and beyond.
std::string MessageMaker::Huge() {
  const std::string head = R"({"method":"org.changejournal.Checkpoint","parameters":{"label":)";
  std::string body;
  switch (Below(5)) {
    case 0:
      body = '"' + std::string(kMaxCallBytes - 100 + Below(200), 'x') + '"';
      break;
    case 1:
      body = Nested(kMaxMessageDepth - 6 + Below(12), '[', ']');
      break;
    case 2:
      body = std::string(400'000, '[');
      break;
    case 3:
      body = "[0";
      for (std::size_t i = kMaxCallValues - 8 + Below(16); i > 0; --i) body += ",0";
      body += "]";
      break;
    default:
      body = "{\"a\":" + std::string(300'000, '9') + "}";
  }
  return head + body + "}}";
}

std::string MessageMaker::RandomBytes(std::size_t most) {
  std::string bytes(Below(most), '\0');
  for (char& c : bytes) c = static_cast<char>(random_());
  return bytes;
}

std::string MessageMaker::Next() {
  if (Chance(3000)) return Huge() + '\0';
  if (Chance(20)) return RandomBytes(300) + '\0';
  const IdlMethod* method = &AnyMethod();
  if (IsCostly(method->name) && !Chance(kCostlyOneIn)) method = &AnyMethod();
  json call = Call(*method);
  const std::uint64_t kind = Below(10);
  const bool values = kind >= 3 && kind <= 7;
  if (values) {
    for (std::uint64_t i = 1 + Below(3); i > 0; --i) SpoilValue(call["parameters"]);
  }
  if (kind == 7 || kind == 8) SpoilFlags(call);
  if (Chance(40)) call["method"] = method->name + "s";
  if (Chance(100)) call["parameters"] = WrongValue();
  std::string text = call.dump(-1, ' ', Chance(2), json::error_handler_t::replace);
  Exchange(text, kSurrogate, R"(\ud800)");
  Exchange(text, kBadUtf8, "\xff\xc0\xaf");
  Exchange(text, std::string("\"") + kHugeNumber + "\"", "1e99999");
  if (kind == 9 || Chance(12)) text = SpoilText(std::move(text));
  if (text.size() < 4000) last_ = text;
  return text + '\0';
}

}  // namespace cj::test
