// Errors as values. Result<T> has the names of C++23's std::expected (g++ 12 has the real one only
// in C++23 mode, clang 14 not at all). An Error says what happened, to what, and what to do: its
// message is shown to people as it is. Plain values: no thread rules.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace cj {

enum class ErrorCode {
  kInvalidArgument,   // the caller's words are off
  kNotFound,          // a thing that was named does not exist
  kPermissionDenied,  // the caller may not
  kRescanNeeded,      // no complete answer can be given (guarantee G3)
  kUnsupported,       // the kernel or the filesystem cannot
  kBusy,              // a limit on concurrent use, or somebody else holds it; try again
  kLimit,             // a named limit was crossed
  kCorruption,        // data read from disk or from a peer is damaged
  kIo,                // a system call or the store failed
  kCancelled,         // asked to stop
};

struct Error {
  ErrorCode code = ErrorCode::kIo;
  std::string message;
  int errno_value = 0;  // 0 when no system call was at fault
};

// Makes an Error of a failed system call: "<what>: <strerror>". EPERM and EACCES become
// kPermissionDenied, ENOENT kNotFound, EOPNOTSUPP, ENOSYS and EXDEV kUnsupported, else kIo.
Error ErrnoError(int errno_value, std::string what);

// Memory or descriptors have run out: the error says nothing of what was asked for.
bool IsShortage(const Error& error);

// The error with `context` and ": " before its message.
Error WithContext(Error error, const std::string& context);

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    CJ_CHECK(has_value(), "value() of a failed Result");
    return std::get<0>(state_);
  }
  const T& value() const& {
    CJ_CHECK(has_value(), "value() of a failed Result");
    return std::get<0>(state_);
  }
  T&& value() && {
    CJ_CHECK(has_value(), "value() of a failed Result");
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & {
    CJ_CHECK(!has_value(), "error() of a good Result");
    return std::get<1>(state_);
  }
  const Error& error() const& {
    CJ_CHECK(!has_value(), "error() of a good Result");
    return std::get<1>(state_);
  }
  Error&& error() && {
    CJ_CHECK(!has_value(), "error() of a good Result");
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

// Result<void>: Status() is success.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT
  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const& {
    CJ_CHECK(error_.has_value(), "error() of a good Status");
    return *error_;
  }
  Error&& error() && {
    CJ_CHECK(error_.has_value(), "error() of a good Status");
    return *std::move(error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace cj

// Returns the error of a Status or Result expression from the enclosing function.
#define CJ_RETURN_IF_ERROR(expression)                               \
  do {                                                               \
    auto cj_status = (expression);                                   \
    if (!cj_status.has_value()) return std::move(cj_status).error(); \
  } while (false)

#define CJ_CONCAT_(a, b) a##b
#define CJ_CONCAT(a, b) CJ_CONCAT_(a, b)
// CJ_ASSIGN_OR_RETURN(auto x, F()): x is F()'s value, or the enclosing function returns its error.
#define CJ_ASSIGN_OR_RETURN(declaration, expression) \
  CJ_ASSIGN_OR_RETURN_(CJ_CONCAT(cj_result_, __LINE__), declaration, expression)
#define CJ_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                 \
  if (!result.has_value()) return std::move(result).error();  \
  declaration = std::move(result).value()
