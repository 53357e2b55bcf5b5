#include "protocol/json_value.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace cj {

JsonValue::JsonValue() : value_(std::make_unique<nlohmann::json>(nlohmann::json::object())) {}
JsonValue::JsonValue(const nlohmann::json& value)
    : value_(std::make_unique<nlohmann::json>(value)) {}
JsonValue::JsonValue(nlohmann::json&& value)
    : value_(std::make_unique<nlohmann::json>(std::move(value))) {}
JsonValue::JsonValue(const JsonValue& other)
    : value_(std::make_unique<nlohmann::json>(*other.value_)) {}
JsonValue::JsonValue(JsonValue&& other) noexcept = default;
JsonValue& JsonValue::operator=(const JsonValue& other) {
  if (this != &other) value_ = std::make_unique<nlohmann::json>(*other.value_);
  return *this;
}
JsonValue& JsonValue::operator=(JsonValue&& other) noexcept = default;
JsonValue::~JsonValue() = default;

}  // namespace cj
