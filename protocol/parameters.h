// Reads the parameters of a call and remembers the first one that is wrong, so that a method reads
// as a list of what it takes:
//
//   ParameterReader reader(call.parameters());
//   request.label = reader.OptionalString("label");
//   request.paths = reader.Paths("paths");
//   request.expand = reader.Bool("expand", false);
//   if (auto bad = reader.Finish()) { co_await call.InvalidParameter(*bad); co_return; }
//
// null counts as absent, as UAPI.20 has it. A getter that fails returns an empty value; the values
// are of use only when Finish() found nothing. Not thread-safe; the JSON must outlive the reader.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cj {

struct BadParameter {
  std::string name;    // "paths", or "since.token" inside of an object
  std::string reason;  // for people: "is missing", "must be a string"
};

class ParameterReader {
 public:
  // `parameters`: an object (CallMessage::parameters is one).
  explicit ParameterReader(const nlohmann::json& parameters);

  std::string String(std::string_view name);
  std::optional<std::string> OptionalString(std::string_view name);
  // Integers within int64 only; 1.0 is none.
  std::int64_t Int(std::string_view name);
  std::optional<std::int64_t> OptionalInt(std::string_view name);
  bool Bool(std::string_view name);
  bool Bool(std::string_view name, bool otherwise);
  double Float(std::string_view name);
  // Absent: an empty vector.
  std::vector<std::string> Strings(std::string_view name);
  // One of `allowed`; absent: nullopt.
  std::optional<std::string> OptionalEnum(std::string_view name,
                                          std::initializer_list<std::string_view> allowed);
  // Several of `allowed`; absent: an empty vector.
  std::vector<std::string> Enums(std::string_view name,
                                 std::initializer_list<std::string_view> allowed);

  // Bytes of `name`, or of `name`_base64. Never with a NUL byte inside.
  std::string Path(std::string_view name);
  std::optional<std::string> OptionalPath(std::string_view name);
  // The elements of array `name`, then those of array `name`_base64; absent: an empty vector.
  std::vector<std::string> Paths(std::string_view name);

  // Reads the object `name` through `read`, whose reader knows the full name for complaints;
  // members that it did not ask for are rejected. False: absent (Optional) or not an object.
  bool Object(std::string_view name, const std::function<void(ParameterReader&)>& read);
  bool OptionalObject(std::string_view name, const std::function<void(ParameterReader&)>& read);
  // An untyped member, as it is; nullptr when absent.
  const nlohmann::json* Any(std::string_view name);

  // For rules of the method's own: "lines" must not be negative.
  void Reject(std::string_view name, std::string reason);

  // Call it last: rejects members that nobody asked for. nullopt: all is well.
  std::optional<BadParameter> Finish();

 private:
  ParameterReader(const nlohmann::json& parameters, std::string prefix, BadParameter* bad);
  const nlohmann::json* Find(std::string_view name);
  const nlohmann::json* Require(std::string_view name);

  const nlohmann::json& parameters_;
  std::string prefix_;  // "" or "since."
  std::set<std::string, std::less<>> asked_;
  BadParameter own_bad_;
  BadParameter* bad_ = &own_bad_;  // the outermost reader's; an empty reason: nothing is bad

 public:
  ParameterReader(const ParameterReader&) = delete;
  ParameterReader& operator=(const ParameterReader&) = delete;
};

}  // namespace cj
