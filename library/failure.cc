#include "library/failure.h"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "protocol/message.h"

namespace cj::library {
namespace {

int ErrnoOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return EINVAL;
    case ErrorCode::kNotFound:  // whatever connect(2) says about a daemon that is not there
      return ECONNREFUSED;
    case ErrorCode::kPermissionDenied:
      return EACCES;
    case ErrorCode::kRescanNeeded:
      return ESTALE;
    case ErrorCode::kBusy:
      return EBUSY;
    case ErrorCode::kLimit:
    case ErrorCode::kCorruption:
      return error.errno_value != 0 ? error.errno_value : EPROTO;
    case ErrorCode::kUnsupported:
    case ErrorCode::kIo:
    case ErrorCode::kCancelled:
      break;
  }
  return error.errno_value != 0 ? error.errno_value : EIO;
}

int ErrnoOfAnswer(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return EINVAL;
    case ErrorCode::kNotFound:
      return ENOENT;
    case ErrorCode::kPermissionDenied:
      return EACCES;
    case ErrorCode::kRescanNeeded:
      return ESTALE;
    case ErrorCode::kBusy:
      return EBUSY;
    case ErrorCode::kUnsupported:
      return EOPNOTSUPP;
    case ErrorCode::kLimit:
    case ErrorCode::kCorruption:
    case ErrorCode::kIo:
    case ErrorCode::kCancelled:
      break;
  }
  return EIO;
}

}  // namespace

int Note(cj_error& error, int code, std::string text) {
  error = cj_error{.code = code, .text = std::move(text)};
  return code;
}

int Note(cj_error& error, const Error& what) { return Note(error, -ErrnoOf(what), what.message); }

int Note(cj_error& error, const CallError& what) {
  const Error meant = FromCallError(what);
  cj_error noted{.code = -ErrnoOfAnswer(meant.code), .text = meant.message, .name = what.name};
  const auto next = what.parameters->find("next");
  if (next != what.parameters->end() && next->is_string()) noted.next = next->get<std::string>();
  noted.parameters = DumpJson(*what.parameters);
  error = std::move(noted);
  return error.code;
}

int NoteException(cj_error& error) noexcept {
  // Short enough to need no memory of their own.
  error.name.clear();
  error.next.clear();
  error.parameters.assign("{}");
  try {
    throw;
  } catch (const std::bad_alloc&) {
    error.text.assign("out of memory");
    error.code = -ENOMEM;
  } catch (...) {
    error.text.assign("it has failed");
    error.code = -EIO;
  }
  return error.code;
}

}  // namespace cj::library
