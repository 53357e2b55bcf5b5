// File handles (FIDs): the kernel's name for an inode that no rename changes.
// Source: name_to_handle_at(2), open_by_handle_at(2), fanotify(7).
//
// A handle is unique within one volume as long as the filesystem lives; the generation in it makes
// a reused inode number a new handle. Directory handles resolve to their present path even when
// cold; the handle of a file that is not in the dentry cache opens, but has no path.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cj {

// A handle inside somebody else's buffer. bytes.size() <= 128 (MAX_HANDLE_SZ). type is what the
// kernel calls handle_type (0 to 255). An absent handle has empty bytes.
struct HandleView {
  std::int32_t type = 0;
  std::string_view bytes;
  bool empty() const { return bytes.empty(); }
  friend bool operator==(const HandleView&, const HandleView&) = default;
};

// Of `encoded` as FileHandle has it, which outlives the view.
inline HandleView ViewOfEncoded(std::string_view encoded) {
  if (encoded.empty()) return {};
  return {static_cast<std::uint8_t>(encoded[0]), encoded.substr(1)};
}

// An owned handle, in the form that it has in the database: one byte of type, then the bytes.
// Empty means absent. Compares and hashes as bytes.
struct FileHandle {
  std::string encoded;

  FileHandle() = default;
  explicit FileHandle(HandleView view) {
    if (view.empty()) return;
    encoded.reserve(view.bytes.size() + 1);
    encoded.push_back(static_cast<char>(view.type));
    encoded.append(view.bytes);
  }
  // `encoded` as the database and the journal's tables have it.
  static FileHandle FromEncoded(std::string_view encoded) {
    FileHandle handle;
    handle.encoded = encoded;
    return handle;
  }
  bool empty() const { return encoded.empty(); }
  HandleView view() const { return ViewOfEncoded(encoded); }
  friend auto operator<=>(const FileHandle&, const FileHandle&) = default;
};

}  // namespace cj

template <>
struct std::hash<cj::FileHandle> {
  std::size_t operator()(const cj::FileHandle& handle) const noexcept {
    return std::hash<std::string>()(handle.encoded);
  }
};
