#include "protocol/path_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"

namespace cj {

namespace {

const nlohmann::json* FindMember(const nlohmann::json& object, const std::string& key) {
  const auto member = object.find(key);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}

}  // namespace

void PutPath(nlohmann::json& object, std::string_view key, std::string_view path) {
  if (IsUtf8(path)) {
    object[std::string(key)] = path;
  } else {
    object[std::string(key) + "_base64"] = Base64Encode(path);
  }
}

void AddPath(nlohmann::json& object, std::string_view key, std::string_view path) {
  if (IsUtf8(path)) {
    object[std::string(key)].push_back(path);
  } else {
    object[std::string(key) + "_base64"].push_back(Base64Encode(path));
  }
}

Result<std::optional<std::string>> GetPath(const nlohmann::json& object, std::string_view key) {
  const std::string name(key);
  if (!object.is_object()) return Error{ErrorCode::kInvalidArgument, "must be in an object"};
  const nlohmann::json* text = FindMember(object, name);
  const nlohmann::json* base64 = FindMember(object, name + "_base64");
  if (text == nullptr && base64 == nullptr) return std::optional<std::string>();
  if (text != nullptr && base64 != nullptr) {
    return Error{ErrorCode::kInvalidArgument, "is given twice, as text and as base64"};
  }
  const nlohmann::json& member = text != nullptr ? *text : *base64;
  if (!member.is_string()) return Error{ErrorCode::kInvalidArgument, "must be a string"};
  std::optional<std::string> path = member.get_ref<const std::string&>();
  if (base64 != nullptr) path = Base64Decode(*path);
  if (!path) return Error{ErrorCode::kInvalidArgument, "is not valid base64"};
  if (path->find('\0') != std::string::npos) {
    return Error{ErrorCode::kInvalidArgument, "holds a NUL byte, which no path can"};
  }
  return path;
}

}  // namespace cj
