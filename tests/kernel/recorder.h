// Records what a marked filesystem reports, as text that a table can be compared with. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fanotify/event.h"
#include "fanotify/kernel.h"
#include "fanotify/volume.h"

namespace cj {

// An Event that owns what it names.
struct RecordedEvent {
  std::uint64_t mask = 0;
  std::int32_t pid = 0;
  FsId fsid;
  FileHandle object;
  FileHandle parent;
  std::string name;
  FileHandle old_parent;
  std::string old_name;
};

// "CREATE|ONDIR"; unknown bits in hexadecimal.
std::string MaskText(std::uint64_t mask);

class Recorder {
 public:
  // Marks the volume that `directory` is on. Broken expectations end the test program.
  explicit Recorder(const std::string& directory);

  // All events that are queued, in order.
  std::vector<RecordedEvent> Drain();
  // Drain() as text: "CREATE top/name object". Handles that have a label are shown by it, others as
  // "?". An absent parent or object is left out.
  std::vector<std::string> DrainText();
  std::string Text(const RecordedEvent& event) const;

  // Labels the object at this path (symbolic links are not followed).
  void Label(const std::string& path, const std::string& label);
  FileHandle HandleAtPath(const std::string& path) const;

  EventGroup& group() { return *group_; }
  const VolumeMount& volume() const { return volume_; }

 private:
  std::string Labelled(const FileHandle& handle) const;
  VolumeMount volume_;
  std::unique_ptr<EventGroup> group_;
  std::map<FileHandle, std::string> labels_;
};

// Whole-file helpers that check what they do.
void WriteFile(const std::string& path, const std::string& content);
void MakeDirectory(const std::string& path);
// Runs `body` in a child process and waits for it; true when it returned true.
bool InChild(const std::function<bool()>& body);

}  // namespace cj
