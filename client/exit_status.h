// changectl's exit statuses; scripts rely on them. Pure.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace cj::client {

enum class ExitStatus : int {
  kSuccess = 0,
  kFailed = 1,
  kUsage = 2,
  kRescanNeeded = 3,
  kNotPermitted = 4,
  kNotReachable = 5,
};

// A verb's end: success, or why not. `message` is shown after "changectl: "; empty: say nothing.
struct Outcome {
  ExitStatus status = ExitStatus::kSuccess;
  std::string message;
};

// What an error answer of the daemon, or of the connection to it, means for the caller.
inline ExitStatus ExitStatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return ExitStatus::kUsage;
    case ErrorCode::kRescanNeeded:
      return ExitStatus::kRescanNeeded;
    case ErrorCode::kPermissionDenied:
      return ExitStatus::kNotPermitted;
    case ErrorCode::kNotFound:
    case ErrorCode::kUnsupported:
    case ErrorCode::kBusy:
    case ErrorCode::kLimit:
    case ErrorCode::kCorruption:
    case ErrorCode::kIo:
    case ErrorCode::kCancelled:
      break;
  }
  return ExitStatus::kFailed;
}

inline Outcome Fail(ExitStatus status, std::string message) { return {status, std::move(message)}; }
inline Outcome Fail(const Error& error) { return {ExitStatusOf(error), error.message}; }

}  // namespace cj::client
