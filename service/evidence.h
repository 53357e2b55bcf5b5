// Which records have to do with a path: its own, those of names that the file had before or after,
// of other names of the file, of directories above it, and of what is in it. Pure; not thread-safe.
//
// What concerns the path shows only from other records (a rename tells a former name, whose records
// may have been read already), so the records are read until a pass over them teaches nothing new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "service/log_reader.h"

namespace cj {

enum class EvidenceRole : std::uint8_t {
  kName,    // the path itself
  kFormer,  // a name that it had before, or got later
  kLink,    // the same file by another name
  kAbove,   // a directory on the way to it, where that speaks of all that is below
  kMember,  // something in it came or went
};

class Evidence {
 public:
  // Names, and objects, that are followed for one path: a file that is replaced by a rename a
  // thousand times was a thousand objects. Beyond, records of the others are not found, and
  // complete() is false.
  static constexpr std::size_t kMaxFollowed = 256;

  explicit Evidence(std::string path);

  // What is at the path now.
  void Follow(VolumeId volume, const FileHandle& object);
  // Nothing: the entry, which is a record, does not concern the path.
  std::optional<EvidenceRole> Judge(const LogEntry& entry);

  // True when records have taught something since the last time it was asked.
  bool TakeLearnt() { return std::exchange(learnt_, false); }
  bool complete() const { return complete_; }

 private:
  using Object = std::pair<std::uint32_t, std::string>;

  template <typename T>
  void Learn(T thing, std::set<T>* known);
  bool IsNamed(const LogEntry& entry) const;
  bool IsAbove(const LogEntry& entry);
  bool IsMember(const LogEntry& entry) const;

  const std::string path_;
  std::set<std::string> names_;    // of the file itself
  std::set<std::string> carried_;  // where the path was before directories above it were renamed
  std::set<Object> objects_;
  bool learnt_ = false;
  bool complete_ = true;
};

}  // namespace cj
