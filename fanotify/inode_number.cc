#include "fanotify/inode_number.h"

#include <cstring>

namespace cj {
namespace {

// include/linux/exportfs.h, fs/xfs/xfs_export.h
constexpr std::int32_t kInode32Generation = 1;
constexpr std::int32_t kXfsInode64Generation = 0x81;

template <typename Number>
Number At(std::string_view bytes, std::size_t offset) {
  Number number;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

}  // namespace

std::optional<std::uint64_t> InodeNumberOf(std::string_view filesystem, HandleView handle) {
  const std::string_view bytes = handle.bytes;
  // Generation, number, its upper half: shmem_encode_fh() in mm/shmem.c.
  if (filesystem == "tmpfs") {
    if (handle.type != kInode32Generation || bytes.size() != 12) return std::nullopt;
    return std::uint64_t{At<std::uint32_t>(bytes, 8)} << 32 | At<std::uint32_t>(bytes, 4);
  }
  const bool is_xfs = filesystem == "xfs";
  if (!is_xfs && filesystem != "ext4" && filesystem != "ext3" && filesystem != "ext2") {
    return std::nullopt;
  }
  // Number, generation: generic_encode_ino32_fh() in fs/libfs.c, xfs_fs_encode_fh().
  if (handle.type == kInode32Generation && bytes.size() == 8) return At<std::uint32_t>(bytes, 0);
  if (is_xfs && handle.type == kXfsInode64Generation && bytes.size() == 12) {
    return At<std::uint64_t>(bytes, 0);
  }
  return std::nullopt;
}

}  // namespace cj
