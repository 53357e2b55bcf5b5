#include "recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"
#include "fanotify/handles.h"

namespace cj {
namespace {

constexpr std::array<std::pair<std::uint64_t, const char*>, 17> kMaskNames{{
    {FAN_CREATE, "CREATE"},
    {FAN_DELETE, "DELETE"},
    {FAN_RENAME, "RENAME"},
    {FAN_MODIFY, "MODIFY"},
    {FAN_ATTRIB, "ATTRIB"},
    {FAN_CLOSE_WRITE, "CLOSE_WRITE"},
    {FAN_ACCESS, "ACCESS"},
    {FAN_OPEN, "OPEN"},
    {FAN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
    {FAN_DELETE_SELF, "DELETE_SELF"},
    {FAN_MOVE_SELF, "MOVE_SELF"},
    {FAN_MOVED_FROM, "MOVED_FROM"},
    {FAN_MOVED_TO, "MOVED_TO"},
    {FAN_FS_ERROR, "FS_ERROR"},
    {FAN_Q_OVERFLOW, "OVERFLOW"},
    {FAN_EVENT_ON_CHILD, "ON_CHILD"},
    {FAN_ONDIR, "ONDIR"},
}};

}  // namespace

std::string MaskText(std::uint64_t mask) {
  std::string text;
  for (const auto& [bit, name] : kMaskNames) {
    if ((mask & bit) == 0) continue;
    text += text.empty() ? name : std::string("|") + name;
    mask &= ~bit;
  }
  if (mask != 0) {
    std::array<char, 32> rest;
    std::snprintf(rest.data(), rest.size(), "|%#llx", static_cast<unsigned long long>(mask));
    text += rest.data();
  }
  return text;
}

Recorder::Recorder(const std::string& directory) {
  auto volume = FindVolume(directory);
  CJ_CHECK(volume.has_value(), "the recorder's directory is on no volume");
  volume_ = *std::move(volume);
  auto group = LinuxKernel().CreateGroup(true);
  CJ_CHECK(group.has_value(), "fanotify_init fails");
  group_ = *std::move(group);
  CJ_CHECK(group_->Mark(volume_).has_value(), "the recorder's filesystem cannot be marked");
}

std::vector<RecordedEvent> Recorder::Drain() {
  std::vector<RecordedEvent> events;
  std::vector<std::byte> buffer(64 * 1024);
  while (true) {
    auto count = group_->Read(buffer);
    CJ_CHECK(count.has_value(), "a group cannot be read");
    if (*count == 0) return events;
    std::span<const std::byte> rest(buffer.data(), *count);
    while (!rest.empty()) {
      Event event;
      CJ_CHECK(ParseEvent(&rest, &event).has_value(), "the kernel's event cannot be parsed");
      events.push_back({event.mask, event.pid, event.fsid, FileHandle(event.object),
                        FileHandle(event.parent), std::string(event.name),
                        FileHandle(event.old_parent), std::string(event.old_name)});
    }
  }
}

std::string Recorder::Labelled(const FileHandle& handle) const {
  const auto found = labels_.find(handle);
  return found == labels_.end() ? "?" : found->second;
}

std::string Recorder::Text(const RecordedEvent& event) const {
  std::string text = MaskText(event.mask);
  if (!event.old_parent.empty()) {
    text += " " + Labelled(event.old_parent) + "/" + event.old_name + " ->";
  }
  if (!event.parent.empty()) text += " " + Labelled(event.parent) + "/" + event.name;
  if (!event.object.empty()) text += " " + Labelled(event.object);
  return text;
}

std::vector<std::string> Recorder::DrainText() {
  std::vector<std::string> texts;
  for (const RecordedEvent& event : Drain()) texts.push_back(Text(event));
  return texts;
}

FileHandle Recorder::HandleAtPath(const std::string& path) const {
  auto found = GetHandle(AT_FDCWD, path.c_str(), 0);
  CJ_CHECK(found.has_value(), "a file has no handle");
  return found->handle;
}

void Recorder::Label(const std::string& path, const std::string& label) {
  labels_[HandleAtPath(path)] = label;
}

void WriteFile(const std::string& path, const std::string& content) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  CJ_CHECK(fd.valid(), "a file cannot be written");
  CJ_CHECK(
      ::write(fd.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()),
      "a file cannot be written");
}

void MakeDirectory(const std::string& path) {
  CJ_CHECK(::mkdir(path.c_str(), 0755) == 0, "a directory cannot be made");
}

bool InChild(const std::function<bool()>& body) {
  const pid_t pid = ::fork();
  CJ_CHECK(pid >= 0, "fork fails");
  if (pid == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  CJ_CHECK(::waitpid(pid, &status, 0) == pid, "waitpid fails");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace cj
