// One owned JSON value whose type need not be complete: headers and plain structs hold a JsonValue,
// and only the .cc files that look inside include <nlohmann/json.hpp>, which takes seconds to
// compile. Copying copies the value. Not thread-safe; hand it over by moving.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

namespace cj {

class JsonValue {
 public:
  // An empty object, {}.
  JsonValue();
  JsonValue(const nlohmann::json& value);  // NOLINT(google-explicit-constructor)
  JsonValue(nlohmann::json&& value);       // NOLINT(google-explicit-constructor)
  JsonValue(const JsonValue& other);
  JsonValue(JsonValue&& other) noexcept;
  JsonValue& operator=(const JsonValue& other);
  JsonValue& operator=(JsonValue&& other) noexcept;
  ~JsonValue();

  // A moved-from value may only be assigned to or destroyed.
  nlohmann::json& operator*() { return *value_; }
  const nlohmann::json& operator*() const { return *value_; }
  nlohmann::json* operator->() { return value_.get(); }
  const nlohmann::json* operator->() const { return value_.get(); }

 private:
  std::unique_ptr<nlohmann::json> value_;
};

}  // namespace cj
