#include "tests/support/event_bytes.h"

#include <sys/fanotify.h>

#include <cstring>

namespace cj {
namespace {

constexpr std::size_t kAlignment = 4;

template <typename T>
void Append(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendFid(std::string* out, std::uint8_t type, std::uint64_t fsid, const std::string& handle,
               const std::string* name) {
  std::string record;
  Append<std::uint64_t>(&record, fsid);
  Append<std::uint32_t>(&record, static_cast<std::uint32_t>(handle.size()));
  Append<std::int32_t>(&record, kTestHandleType);
  record += handle;
  if (name != nullptr) record.append(name->c_str(), name->size() + 1);
  while (record.size() % kAlignment != 0) record.push_back('\0');
  Append<std::uint8_t>(out, type);
  Append<std::uint8_t>(out, 0);
  Append<std::uint16_t>(out, static_cast<std::uint16_t>(record.size() + 4));
  *out += record;
}

std::string InfoRecords(const EventSpec& spec) {
  std::string info;
  const bool renamed = (spec.mask & FAN_RENAME) != 0;
  if (renamed && !spec.old_parent.empty()) {
    AppendFid(&info, FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, spec.fsid, spec.old_parent, &spec.old_name);
  }
  if (!spec.parent.empty()) {
    AppendFid(&info, renamed ? FAN_EVENT_INFO_TYPE_NEW_DFID_NAME : FAN_EVENT_INFO_TYPE_DFID_NAME,
              spec.fsid, spec.parent, &spec.name);
  }
  if (!spec.object.empty()) {
    AppendFid(&info, FAN_EVENT_INFO_TYPE_FID, spec.fsid, spec.object, nullptr);
  }
  if ((spec.mask & FAN_FS_ERROR) != 0) {
    Append<std::uint8_t>(&info, FAN_EVENT_INFO_TYPE_ERROR);
    Append<std::uint8_t>(&info, 0);
    Append<std::uint16_t>(&info, 12);
    Append<std::int32_t>(&info, spec.fs_error);
    Append<std::uint32_t>(&info, 1);
  }
  return info;
}

}  // namespace

std::string EventBytes(const EventSpec& spec) {
  const std::string info = InfoRecords(spec);
  fanotify_event_metadata metadata{};
  metadata.event_len = static_cast<std::uint32_t>(sizeof(metadata) + info.size());
  metadata.vers = FANOTIFY_METADATA_VERSION;
  metadata.metadata_len = sizeof(metadata);
  metadata.mask = spec.mask;
  metadata.fd = FAN_NOFD;
  metadata.pid = spec.pid;
  std::string bytes(reinterpret_cast<const char*>(&metadata), sizeof(metadata));
  return bytes + info;
}

}  // namespace cj
