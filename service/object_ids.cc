#include "service/object_ids.h"

#include <fcntl.h>
#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/utils.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/text.h"
#include "base/unique_fd.h"

namespace cj {
namespace {

constexpr const char* kFile = "object-key";

static_assert(ObjectIds::kKeyBytes == crypto_shorthash_siphashx24_KEYBYTES);

// Nothing where there is no key, or a file of another length: what is left of a disk that was full.
std::optional<ObjectIds::Key> ReadKey(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::array<unsigned char, ObjectIds::kKeyBytes + 1> bytes{};
  if (!file || ::read(file.get(), bytes.data(), bytes.size()) != ObjectIds::kKeyBytes) {
    return std::nullopt;
  }
  ObjectIds::Key key{};
  std::copy_n(bytes.begin(), key.size(), key.begin());
  return key;
}

// Under its name only when it is on the disk: an id must not change when power fails.
Status WriteKey(const std::string& path, const ObjectIds::Key& key) {
  const std::string temporary = path + ".new";
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd file(::open(temporary.c_str(), kFlags, 0600));
  if (!file) return ErrnoError(errno, "making " + temporary);
  errno = ENOSPC;  // unless write() says something else
  const bool written = ::write(file.get(), key.data(), key.size()) == ObjectIds::kKeyBytes &&
                       ::fsync(file.get()) == 0 &&
                       std::rename(temporary.c_str(), path.c_str()) == 0;
  return written ? Status() : Status(ErrnoError(errno, "writing " + path));
}

}  // namespace

Result<ObjectIds> ObjectIds::Open(const std::string& state_directory) {
  const std::string path = JoinPath(state_directory, kFile);
  if (const auto kept = ReadKey(path)) return ObjectIds(*kept);
  Key key{};
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return ErrnoError(errno, "getrandom");
  }
  CJ_RETURN_IF_ERROR(WriteKey(path, key));
  return ObjectIds(key);
}

std::string ObjectIds::Of(VolumeId volume, const FileHandle& object) const {
  if (object.empty()) return "";
  const std::string text = std::to_string(volume.value) + ':' + object.encoded;
  std::array<unsigned char, crypto_shorthash_siphashx24_BYTES> hash{};
  crypto_shorthash_siphashx24(hash.data(), reinterpret_cast<const unsigned char*>(text.data()),
                              text.size(), key_.data());
  std::array<char, 2 * crypto_shorthash_siphashx24_BYTES + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  return hex.data();
}

}  // namespace cj
