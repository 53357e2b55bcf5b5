#include "protocol/parameters.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "protocol/path_json.h"

namespace cj {

namespace {

using nlohmann::json;

std::string OneOf(std::initializer_list<std::string_view> allowed) {
  std::string text;
  for (std::string_view value : allowed) {
    text += text.empty() ? "must be one of " : ", ";
    text += value;
  }
  return text;
}

bool IsInt64(const json& value) {
  if (!value.is_number_integer()) return false;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return !value.is_number_unsigned() || value.get<std::uint64_t>() <= kMax;
}

}  // namespace

ParameterReader::ParameterReader(const json& parameters) : parameters_(parameters) {
  CJ_CHECK(parameters.is_object(), "parameters are an object");
}

ParameterReader::ParameterReader(const json& parameters, std::string prefix, BadParameter* bad)
    : parameters_(parameters), prefix_(std::move(prefix)), bad_(bad) {}

void ParameterReader::Reject(std::string_view name, std::string reason) {
  if (bad_->reason.empty()) *bad_ = {prefix_ + std::string(name), std::move(reason)};
}

const json* ParameterReader::Find(std::string_view name) {
  const auto asked = asked_.emplace(name).first;
  const auto member = parameters_.find(*asked);
  return member == parameters_.end() || member->is_null() ? nullptr : &*member;
}

const json* ParameterReader::Require(std::string_view name) {
  const json* member = Find(name);
  if (member == nullptr) Reject(name, "is missing");
  return member;
}

std::optional<std::string> ParameterReader::OptionalString(std::string_view name) {
  const json* member = Find(name);
  if (member == nullptr) return std::nullopt;
  if (member->is_string()) return member->get<std::string>();
  Reject(name, "must be a string");
  return std::nullopt;
}

std::string ParameterReader::String(std::string_view name) {
  return Require(name) != nullptr ? OptionalString(name).value_or("") : "";
}

std::optional<std::int64_t> ParameterReader::OptionalInt(std::string_view name) {
  const json* member = Find(name);
  if (member == nullptr) return std::nullopt;
  if (IsInt64(*member)) return member->get<std::int64_t>();
  Reject(name, "must be an integer of 64 bits");
  return std::nullopt;
}

std::int64_t ParameterReader::Int(std::string_view name) {
  return Require(name) != nullptr ? OptionalInt(name).value_or(0) : 0;
}

bool ParameterReader::Bool(std::string_view name, bool otherwise) {
  const json* member = Find(name);
  if (member == nullptr) return otherwise;
  if (member->is_boolean()) return member->get<bool>();
  Reject(name, "must be true or false");
  return otherwise;
}

bool ParameterReader::Bool(std::string_view name) {
  return Require(name) != nullptr && Bool(name, false);
}

double ParameterReader::Float(std::string_view name) {
  const json* member = Require(name);
  if (member == nullptr) return 0;
  if (member->is_number()) return member->get<double>();
  Reject(name, "must be a number");
  return 0;
}

std::vector<std::string> ParameterReader::Strings(std::string_view name) {
  const json* member = Find(name);
  std::vector<std::string> strings;
  if (member == nullptr) return strings;
  const bool all_strings =
      member->is_array() && std::all_of(member->begin(), member->end(),
                                        [](const json& element) { return element.is_string(); });
  if (!all_strings) {
    Reject(name, "must be an array of strings");
    return strings;
  }
  strings.reserve(member->size());
  for (const json& element : *member) strings.push_back(element.get<std::string>());
  return strings;
}

std::optional<std::string> ParameterReader::OptionalEnum(
    std::string_view name, std::initializer_list<std::string_view> allowed) {
  std::optional<std::string> value = OptionalString(name);
  if (!value || std::find(allowed.begin(), allowed.end(), *value) != allowed.end()) return value;
  Reject(name, OneOf(allowed));
  return std::nullopt;
}

std::vector<std::string> ParameterReader::Enums(std::string_view name,
                                                std::initializer_list<std::string_view> allowed) {
  std::vector<std::string> values = Strings(name);
  for (const std::string& value : values) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) continue;
    Reject(name, OneOf(allowed));
    return {};
  }
  return values;
}

std::optional<std::string> ParameterReader::OptionalPath(std::string_view name) {
  Find(name);
  Find(std::string(name) + "_base64");
  auto path = GetPath(parameters_, name);
  if (path.has_value()) return *std::move(path);
  Reject(name, path.error().message);
  return std::nullopt;
}

std::string ParameterReader::Path(std::string_view name) {
  std::optional<std::string> path = OptionalPath(name);
  if (!path) Reject(name, "is missing");
  return std::move(path).value_or("");
}

std::vector<std::string> ParameterReader::Paths(std::string_view name) {
  std::vector<std::string> paths = Strings(name);
  const std::string base64_name = std::string(name) + "_base64";
  const std::size_t plain = paths.size();
  for (std::string& text : Strings(base64_name)) paths.push_back(std::move(text));
  for (std::size_t i = 0; i < paths.size(); ++i) {
    // One element at a time through the codec of single paths.
    const std::string& which = i < plain ? std::string(name) : base64_name;
    auto path = GetPath(json{{i < plain ? "p" : "p_base64", paths[i]}}, "p");
    if (!path.has_value()) {
      Reject(which, "has an element that " + path.error().message);
      return {};
    }
    paths[i] = **std::move(path);
  }
  return paths;
}

bool ParameterReader::OptionalObject(std::string_view name,
                                     const std::function<void(ParameterReader&)>& read) {
  const json* member = Find(name);
  if (member == nullptr) return false;
  if (!member->is_object()) {
    Reject(name, "must be an object");
    return false;
  }
  ParameterReader reader(*member, prefix_ + std::string(name) + ".", bad_);
  read(reader);
  reader.Finish();
  return true;
}

bool ParameterReader::Object(std::string_view name,
                             const std::function<void(ParameterReader&)>& read) {
  return Require(name) != nullptr && OptionalObject(name, read);
}

const json* ParameterReader::Any(std::string_view name) { return Find(name); }

std::optional<BadParameter> ParameterReader::Finish() {
  for (const auto& [name, value] : parameters_.items()) {
    if (!asked_.contains(name)) Reject(name, "is not a parameter of this method");
  }
  if (bad_->reason.empty()) return std::nullopt;
  return *bad_;
}

}  // namespace cj
