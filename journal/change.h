// One line of an answer: the net change of one path over an interval. Plain values.
#pragma once

#include <cstdint>
#include <string>

namespace cj {

enum class ChangeKind : std::uint8_t { kCreated, kModified, kRenamed, kDeleted, kRescan };

// What the path is now; of a deleted path it is only known whether it was a directory: kFile then
// means "not a directory".
enum class FileType : std::uint8_t { kFile, kDirectory, kSymlink, kFifo, kSocket, kChar, kBlock };

struct Change {
  ChangeKind kind = ChangeKind::kModified;
  FileType type = FileType::kFile;
  std::string path;
  std::string from;  // only kRenamed
  bool data = false;
  bool metadata = false;
  bool recursive = false;  // the path and all below it
  // Net of everything nothing happened to the path, as far as records tell: it came and went, or
  // was renamed and renamed back. A reader may have seen it in between, so a copy needs it.
  bool transient = false;
  // The file was opened for writing (strict mode), and nothing says that it was changed or not.
  bool maybe = false;
  friend bool operator==(const Change&, const Change&) = default;
};

inline bool Exists(ChangeKind kind) { return kind != ChangeKind::kDeleted; }

// Anything below the directory may have changed; it has to be looked through.
inline Change RescanOf(const std::string& directory) {
  Change change;
  change.kind = ChangeKind::kRescan;
  change.type = FileType::kDirectory;
  change.path = directory;
  change.recursive = true;
  return change;
}

}  // namespace cj
