// What the kernel's headers of Debian 12 (Linux 6.1) do not have yet. Values are the kernel's own
// and never change. Sources: include/uapi/linux/ (fanotify.h, fs.h, stat.h)
// of Linux 6.18.
#pragma once

#include <sys/fanotify.h>
#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace cj::abi {

inline constexpr std::uint64_t kFanPreAccess = 0x0010'0000;  // FAN_PRE_ACCESS, Linux 6.14
inline constexpr std::uint64_t kFanMntAttach = 0x0100'0000;  // FAN_MNT_ATTACH, Linux 6.15
inline constexpr std::uint64_t kFanMntDetach = 0x0200'0000;  // FAN_MNT_DETACH, Linux 6.15
inline constexpr unsigned kFanReportMnt = 0x0000'4000;       // FAN_REPORT_MNT, Linux 6.15
inline constexpr unsigned kFanMarkMntns = 0x0000'0110;       // FAN_MARK_MNTNS, Linux 6.15

inline constexpr unsigned kStatxMntIdUnique = 0x0000'4000;  // STATX_MNT_ID_UNIQUE, Linux 6.8

// struct fsuuid2 and FS_IOC_GETFSUUID, Linux 6.9.
struct FsUuid {
  std::uint8_t length;
  std::uint8_t bytes[16];
};
inline constexpr unsigned long kFsIocGetFsUuid = _IOR(0x15, 0, FsUuid);

// struct procmap_query and PROCMAP_QUERY (an ioctl on /proc/PID/maps), Linux 6.11: the first
// mapping at or behind an address that has all the wanted properties, found without making text of
// the others.
struct ProcmapQuery {
  std::uint64_t size;         // in: of this structure
  std::uint64_t query_flags;  // in
  std::uint64_t query_addr;   // in
  std::uint64_t vma_start;
  std::uint64_t vma_end;
  std::uint64_t vma_flags;
  std::uint64_t vma_page_size;
  std::uint64_t vma_offset;
  std::uint64_t inode;
  std::uint32_t dev_major;
  std::uint32_t dev_minor;
  std::uint32_t vma_name_size;  // in: room; out: with the NUL, 0 for none
  std::uint32_t build_id_size;
  std::uint64_t vma_name_addr;  // in
  std::uint64_t build_id_addr;
};
inline constexpr unsigned long kProcmapQuery = _IOWR('f', 17, ProcmapQuery);
inline constexpr std::uint64_t kProcmapShared = 0x08;
inline constexpr std::uint64_t kProcmapNext = 0x10;
inline constexpr std::uint64_t kProcmapFileBacked = 0x20;

// The layout of what read(2) of a group returns: a struct fanotify_event_metadata, then info
// records, each a header of type (1), padding (1) and length (2), its own length included.
inline constexpr std::size_t kMetadataBytes = 24;
inline constexpr std::size_t kInfoHeaderBytes = 4;
// A FID record: header, fsid (8), handle_bytes (4), handle_type (4), then the handle, then for the
// named kinds a name with its NUL, then padding.
inline constexpr std::size_t kFidHeaderBytes = 20;
inline constexpr std::size_t kErrorRecordBytes = 12;
// FAN_EVENT_INFO_TYPE_RANGE, Linux 6.14: header, padding (4), offset (8), count (8).
inline constexpr std::uint8_t kInfoTypeRange = 6;
inline constexpr std::size_t kRangeRecordBytes = 24;
inline constexpr std::uint32_t kMaxHandleBytes = 128;  // MAX_HANDLE_SZ

}  // namespace cj::abi
