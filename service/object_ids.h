// What a client is told of an object instead of its file handle: the same text for the same object,
// and nothing that leads to it. A handle opens its file by open_by_handle_at(2), and over NFS where
// the filesystem is exported, past all directories that are closed.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "base/result.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"

namespace cj {

// Immutable; any thread.
class ObjectIds {
 public:
  static constexpr std::size_t kKeyBytes = 16;
  using Key = std::array<unsigned char, kKeyBytes>;

  explicit ObjectIds(const Key& key) : key_(key) {}
  // With the key that is kept in this directory, so that ids outlive the daemon. Where there is
  // none, or none that can be one, a new one is made.
  static Result<ObjectIds> Open(const std::string& state_directory);

  // 32 hex digits (SipHash-2-4 of volume and handle); empty for no handle.
  std::string Of(VolumeId volume, const FileHandle& object) const;

 private:
  Key key_;
};

}  // namespace cj
