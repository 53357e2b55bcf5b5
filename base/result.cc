#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace cj {

Error ErrnoError(int errno_value, std::string what) {
  ErrorCode code = ErrorCode::kIo;
  switch (errno_value) {
    case EPERM:
    case EACCES:
      code = ErrorCode::kPermissionDenied;
      break;
    case ENOENT:
      code = ErrorCode::kNotFound;
      break;
    case EOPNOTSUPP:
    case ENOSYS:
    case EXDEV:
      code = ErrorCode::kUnsupported;
      break;
    default:
      break;
  }
  what += ": ";
  what += std::generic_category().message(errno_value);
  return Error{code, std::move(what), errno_value};
}

bool IsShortage(const Error& error) {
  const int number = error.errno_value;
  return number == ENOMEM || number == ENOSPC || number == EMFILE || number == ENFILE;
}

Error WithContext(Error error, const std::string& context) {
  error.message.insert(0, context + ": ");
  return error;
}

}  // namespace cj
