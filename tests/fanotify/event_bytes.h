// Builds the bytes that read(2) of a fanotify group returns, for tests of the parser.
#pragma once

#include <sys/fanotify.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace cj {

class EventBytes {
 public:
  EventBytes(std::uint64_t mask, std::int32_t pid) {
    fanotify_event_metadata header{};
    header.vers = FANOTIFY_METADATA_VERSION;
    header.metadata_len = sizeof(header);
    header.mask = mask;
    header.fd = FAN_NOFD;
    header.pid = pid;
    bytes_.assign(reinterpret_cast<const char*>(&header), sizeof(header));
  }
  EventBytes& Fid(std::uint8_t type, std::uint64_t fsid, std::int32_t handle_type,
                  std::string_view handle) {
    return Record(type, FidBody(fsid, handle_type, handle));
  }
  EventBytes& Named(std::uint8_t type, std::uint64_t fsid, std::int32_t handle_type,
                    std::string_view handle, std::string_view name) {
    std::string body = FidBody(fsid, handle_type, handle);
    body.append(name);
    body.push_back('\0');
    return Record(type, body);
  }
  EventBytes& Error(std::int32_t error, std::uint32_t count) {
    std::string body;
    Put(&body, error);
    Put(&body, count);
    return Record(FAN_EVENT_INFO_TYPE_ERROR, body);
  }
  // A record with any body, padded to four bytes as the kernel does.
  EventBytes& Record(std::uint8_t type, std::string body) {
    while (body.size() % 4 != 0) body.push_back('\0');
    fanotify_event_info_header header{};
    header.info_type = type;
    header.len = static_cast<std::uint16_t>(sizeof(header) + body.size());
    Put(&bytes_, header);
    bytes_ += body;
    return *this;
  }
  // The finished event.
  std::string Take() const {
    std::string out = bytes_;
    const auto length = static_cast<std::uint32_t>(out.size());
    std::memcpy(out.data(), &length, sizeof(length));
    return out;
  }

 private:
  template <typename T>
  static void Put(std::string* out, const T& value) {
    out->append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  static std::string FidBody(std::uint64_t fsid, std::int32_t handle_type,
                             std::string_view handle) {
    std::string body;
    Put(&body, fsid);
    Put(&body, static_cast<std::uint32_t>(handle.size()));
    Put(&body, handle_type);
    body.append(handle);
    return body;
  }
  std::string bytes_;
};

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace cj
