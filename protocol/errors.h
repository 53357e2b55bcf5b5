// Errors on the wire: their names, and the one place where our Error becomes a Varlink error
// (daemon) and a Varlink error becomes our Error (client). Pure functions, any thread.
//
// | ErrorCode                   | Varlink error                           |
// |-----------------------------|-----------------------------------------|
// | kInvalidArgument, kNotFound | org.varlink.service.InvalidParameter    |
// | kPermissionDenied           | org.varlink.service.PermissionDenied    |
// | kRescanNeeded               | org.changejournal.RescanNeeded          |
// | kBusy, kLimit               | org.changejournal.Busy                  |
// | all others                  | org.changejournal.Failed                |
//
// Every one carries the message as `reason`; for the two of org.varlink.service that is a member
// more than their description has, which clients are to ignore.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/json_value.h"

namespace cj {

namespace varlink_error {
inline constexpr std::string_view kInterfaceNotFound = "org.varlink.service.InterfaceNotFound";
inline constexpr std::string_view kMethodNotFound = "org.varlink.service.MethodNotFound";
inline constexpr std::string_view kMethodNotImplemented =
    "org.varlink.service.MethodNotImplemented";
inline constexpr std::string_view kInvalidParameter = "org.varlink.service.InvalidParameter";
inline constexpr std::string_view kPermissionDenied = "org.varlink.service.PermissionDenied";
inline constexpr std::string_view kExpectedMore = "org.varlink.service.ExpectedMore";
inline constexpr std::string_view kRescanNeeded = "org.changejournal.RescanNeeded";
inline constexpr std::string_view kBusy = "org.changejournal.Busy";
inline constexpr std::string_view kNoSuchConsumer = "org.changejournal.NoSuchConsumer";
inline constexpr std::string_view kFailed = "org.changejournal.Failed";
}  // namespace varlink_error

struct CallError {
  std::string name;
  JsonValue parameters;
};

// What the daemon sends for `error`. `parameter`: which parameter is at fault, for kInvalidArgument
// and kNotFound ("parameters" when it is not known). `next`: the token to go on from, for
// kRescanNeeded.
CallError ToCallError(const Error& error, std::string_view parameter = "",
                      const std::optional<std::string>& next = std::nullopt);

// What the client makes of it: the code by the table above (an unknown error: kIo), a message that
// can be shown to people.
Error FromCallError(const CallError& error);

}  // namespace cj
