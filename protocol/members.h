// Reads the members of a reply and remembers the first that is not as the interface says, so that
// reading one is a list of what it has. What parameters.h is for calls; but unknown members are
// ignored. Includes the JSON library: for .cc files. The JSON must outlive the reader.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "protocol/path_json.h"

namespace cj::reply {

using nlohmann::json;

// Reads members of one object and remembers the first that is not as the interface says.
class Members {
 public:
  Members(const json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) Complain("is not an object");
  }

  std::string String(const char* name) {
    const json* member = Find(name);
    if (member == nullptr || !member->is_string()) return Missing(name), "";
    return member->get<std::string>();
  }
  bool Has(const char* name) { return Find(name) != nullptr; }

  std::string OptionalString(const char* name) {
    return Find(name) == nullptr ? std::string() : String(name);
  }
  std::int64_t Int(const char* name) {
    const json* member = Find(name);
    if (member == nullptr || !member->is_number_integer()) return Missing(name), 0;
    return member->get<std::int64_t>();
  }
  std::optional<std::int64_t> OptionalInt(const char* name) {
    return Find(name) == nullptr ? std::nullopt : std::optional(Int(name));
  }
  bool Flag(const char* name) {
    const json* member = Find(name);
    if (member == nullptr) return false;
    if (!member->is_boolean()) return Missing(name), false;
    return member->get<bool>();
  }
  // Empty when it is not there.
  std::string OptionalPath(const char* name) {
    if (!object_.is_object()) return "";
    auto path = GetPath(object_, name);
    if (!path) {
      Complain(std::string("'") + name + "' " + path.error().message);
      return "";
    }
    return std::move(*path).value_or("");
  }
  std::string Path(const char* name) {
    std::string path = OptionalPath(name);
    if (path.empty()) Missing(name);
    return path;
  }
  std::vector<std::string> Strings(const char* name) {
    std::vector<std::string> all;
    ForEach(name, [&](const json& each) {
      if (!each.is_string()) return Missing(name);
      all.push_back(each.get<std::string>());
    });
    return all;
  }
  // The elements of array `name`, then those of array `name`_base64.
  std::vector<std::string> Paths(const char* name) {
    std::vector<std::string> all = Strings(name);
    const std::string base64 = std::string(name) + "_base64";
    for (const std::string& each : Strings(base64.c_str())) {
      auto path = Base64Decode(each);
      if (!path) return Missing(base64.c_str()), all;
      all.push_back(*std::move(path));
    }
    return all;
  }
  // An absent or null array is an empty one.
  template <typename Body>
  void ForEach(const char* name, const Body& body) {
    const json* member = Find(name);
    if (member == nullptr) return;
    if (!member->is_array()) return Missing(name);
    for (const json& each : *member) body(each);
  }
  // The objects of an array.
  template <typename T, typename Read>
  std::vector<T> Objects(const char* name, const Read& read) {
    std::vector<T> all;
    ForEach(name, [&](const json& each) {
      Members members(each, where_ + "." + name);
      all.push_back(read(members));
      Adopt(members);
    });
    return all;
  }
  template <typename T, typename Read>
  T Object(const char* name, const Read& read) {
    const json* member = Find(name);
    if (member == nullptr) return Missing(name), T();
    Members members(*member, where_ + "." + name);
    T value = read(members);
    Adopt(members);
    return value;
  }
  void OneOf(const char* name, const std::string& value,
             std::initializer_list<std::string_view> allowed) {
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) Missing(name);
  }

  const json* Find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    auto member = object_.find(name);
    return member == object_.end() || member->is_null() ? nullptr : &*member;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  void Missing(const char* name) {
    Complain(std::string("'") + name + "' is missing or not of its type");
  }
  void Complain(const std::string& what) {
    if (!error_)
      error_ =
          Error{ErrorCode::kCorruption, "the daemon's reply is damaged: " + where_ + ": " + what};
  }
  void Adopt(const Members& inner) {
    if (!error_) error_ = inner.error_;
  }

  const json& object_;
  std::string where_;
  std::optional<Error> error_;
};

template <typename T>
Result<T> Finish(const Members& members, T value) {
  if (members.error()) return *members.error();
  return value;
}

}  // namespace cj::reply
