#include "protocol/errors.h"

#include <nlohmann/json.hpp>

namespace cj {

namespace {

using nlohmann::json;

std::string StringMember(const json& object, const char* name) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_string()) return "";
  return member->get<std::string>();
}

}  // namespace

CallError ToCallError(const Error& error, std::string_view parameter,
                      const std::optional<std::string>& next) {
  json parameters = {{"reason", error.message}};
  std::string_view name = varlink_error::kFailed;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
      name = varlink_error::kInvalidParameter;
      parameters["parameter"] = parameter.empty() ? "parameters" : std::string(parameter);
      break;
    case ErrorCode::kPermissionDenied:
      name = varlink_error::kPermissionDenied;
      break;
    case ErrorCode::kRescanNeeded:
      name = varlink_error::kRescanNeeded;
      if (next) parameters["next"] = *next;
      break;
    case ErrorCode::kBusy:
    case ErrorCode::kLimit:
      name = varlink_error::kBusy;
      break;
    case ErrorCode::kUnsupported:
    case ErrorCode::kCorruption:
    case ErrorCode::kIo:
    case ErrorCode::kCancelled:
      break;
  }
  return {std::string(name), std::move(parameters)};
}

Error FromCallError(const CallError& error) {
  static constexpr struct {
    std::string_view name;
    ErrorCode code;
    std::string_view member;  // of the parameters, names what the error is about
    std::string_view text;
  } kKnown[] = {
      {varlink_error::kInvalidParameter, ErrorCode::kInvalidArgument, "parameter",
       "the daemon does not accept the parameter"},
      {varlink_error::kPermissionDenied, ErrorCode::kPermissionDenied, "",
       "the daemon does not permit this"},
      {varlink_error::kRescanNeeded, ErrorCode::kRescanNeeded, "", "rescan needed"},
      {varlink_error::kBusy, ErrorCode::kBusy, "", "the daemon is busy"},
      {varlink_error::kNoSuchConsumer, ErrorCode::kNotFound, "", "no such consumer"},
      {varlink_error::kFailed, ErrorCode::kIo, "", "the daemon failed"},
      {varlink_error::kInterfaceNotFound, ErrorCode::kUnsupported, "interface",
       "the daemon does not know the interface"},
      {varlink_error::kMethodNotFound, ErrorCode::kUnsupported, "method",
       "the daemon does not know the method"},
      {varlink_error::kMethodNotImplemented, ErrorCode::kUnsupported, "method",
       "the daemon does not implement the method"},
      {varlink_error::kExpectedMore, ErrorCode::kUnsupported, "",
       "the daemon expects the method to be called with 'more'"},
  };
  const std::string reason = StringMember(*error.parameters, "reason");
  for (const auto& known : kKnown) {
    if (known.name != error.name) continue;
    std::string message(known.text);
    const std::string subject =
        known.member.empty() ? ""
                             : StringMember(*error.parameters, std::string(known.member).c_str());
    if (!subject.empty()) message += " '" + subject + "'";
    if (!reason.empty()) message += ": " + reason;
    return Error{known.code, std::move(message)};
  }
  std::string message = "the daemon answered with the error " + error.name;
  if (!reason.empty()) message += ": " + reason;
  return Error{ErrorCode::kIo, std::move(message)};
}

}  // namespace cj
