#include "fanotify/directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "base/text.h"
#include "fanotify/handles.h"
#include "fanotify/inode_number.h"
#include "fanotify/volume_lookup.h"

namespace cj {
namespace {

// A path that was read and does not lead to the directory is either stale, because of a rename just
// now, or it never will, because the directory is hidden. Every this many looks that read the same,
// we ask which.
constexpr int kAskAfter = 4;
// Renames that outrun us this long give kBusy, never a wrong path.
constexpr int kPathAttempts = 1000;

struct OpenMount {
  UniqueFd fd;  // invalid when the mount is gone
  int id = 0;
  Error gone;  // why
};

// Of the directory that `volume.path` led to when the volume was found; empty: not known.
const FileHandle& ExpectedRoot(const VolumeMount& volume) {
  return volume.path == volume.mount_point ? volume.mount_handle : volume.root;
}

OpenMount OpenOne(const VolumeMount& volume) {
  OpenMount mount;
  mount.fd.reset(::open(volume.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!mount.fd) {
    mount.gone = ErrnoError(errno, volume.path);
    return mount;
  }
  auto handle = GetHandle(mount.fd.get(), "", AT_EMPTY_PATH);
  // A bind mount may show another directory of the same filesystem there.
  const FileHandle& expected = ExpectedRoot(volume);
  const bool another = handle && !expected.empty() && !(handle->handle == expected);
  if (handle && !another && IsVolume(mount.fd.get(), volume.path, volume)) {
    mount.id = handle->mount_id;
    return mount;
  }
  mount.fd.reset();
  mount.gone.message = volume.path + ": the " + volume.identity.type + " with UUID " +
                       volume.identity.uuid +
                       " is not mounted there any more, or another part of it";
  return mount;
}

bool IsGone(int fd) {
  struct stat info;
  return ::fstat(fd, &info) != 0 || info.st_nlink == 0;
}

bool SameObject(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool LeadsTo(const std::string& path, const struct stat& wanted) {
  struct stat found;
  return ::stat(path.c_str(), &found) == 0 && SameObject(found, wanted);
}

// True when another mount covers the directory, or the whole of `mount`: the way to `path` leaves
// its mount. A rename does not look like that; it makes names vanish.
bool IsCovered(int mount, const std::string& mount_path, const std::string& path) {
  struct stat root;
  if (::fstat(mount, &root) == 0 && !LeadsTo(mount_path, root)) return true;
  return path != mount_path && !OpenWithin(mount, mount_path, path, O_PATH) && errno == EXDEV;
}

// True when `mount` shows only a part of its filesystem and the directory is not in it. The kernel
// does not go up from there (path_connected() in fs/namei.c).
bool IsOutside(int directory) {
  const UniqueFd above(::openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return !above && errno == ENOENT;
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

class LinuxDirectories : public Directories {
 public:
  LinuxDirectories(std::vector<VolumeMount> mounts, std::vector<OpenMount> open)
      : mounts_(std::move(mounts)), open_(std::move(open)) {}

  Result<Location> Path(std::size_t mount_index, const FileHandle& directory) override {
    CJ_ASSIGN_OR_RETURN(const OpenMount* mount, Opened(mount_index));
    const std::string& point = mounts_[mount_index].path;
    UniqueFd fd = OpenHandle(mount->fd.get(), directory.view(), O_PATH | O_DIRECTORY);
    if (!fd) return OpenFailed(errno, mount_index);
    struct stat wanted;
    if (::fstat(fd.get(), &wanted) != 0) return ErrnoError(errno, "fstat of a directory handle");
    std::string before;
    int same = 0;
    for (int attempt = 0; attempt < kPathAttempts; ++attempt) {
      CJ_ASSIGN_OR_RETURN(std::string path, PathOfFd(fd.get()));
      const bool below = PathContains(point, path);
      if (below && LeadsTo(path, wanted)) return Location{std::move(path), false};
      // A rename shows the directory without a name for a moment, too, but with its link.
      if (EndsWith(path, " (deleted)") && IsGone(fd.get())) {
        return NotFound("the directory was deleted", mount_index);
      }
      same = path == before ? same + 1 : 0;
      if (same % kAskAfter == kAskAfter - 1) {
        if (IsOutside(fd.get())) {
          return NotFound("the directory lies outside of the mounted part", mount_index);
        }
        if (!below) return NotFound("the mount was moved just now", mount_index, EXDEV);
        if (IsCovered(mount->fd.get(), point, path)) return Location{std::move(path), true};
      }
      before = std::move(path);
    }
    return Error{ErrorCode::kBusy, before + ": renamed faster than it can be looked at; ask again",
                 0};
  }

  Result<std::string> PathAbove(std::size_t mount_index, const FileHandle& directory) override {
    CJ_ASSIGN_OR_RETURN(const OpenMount* mount, Opened(mount_index));
    UniqueFd fd = OpenHandle(mount->fd.get(), directory.view(), O_PATH | O_DIRECTORY);
    if (!fd) return OpenFailed(errno, mount_index);
    for (;;) {
      auto path = PathOfFd(fd.get());
      if (path || path.error().code != ErrorCode::kLimit) return path;
      fd.reset(::openat(fd.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!fd) return ErrnoError(errno, "looking above a directory with too long a path");
    }
  }

  Result<std::uint64_t> LinkCount(std::size_t mount_index, const FileHandle& object) override {
    CJ_ASSIGN_OR_RETURN(const struct stat info, StatusOf(mount_index, object));
    return std::uint64_t{info.st_nlink};
  }

  std::optional<std::int64_t> ChangeTimeNsec(std::size_t mount_index,
                                             const FileHandle& object) override {
    const auto info = StatusOf(mount_index, object);
    if (!info) return std::nullopt;
    return info->st_ctim.tv_sec * 1'000'000'000LL + info->st_ctim.tv_nsec;
  }

  Result<NameState> Look(std::size_t mount_index, const std::string& directory_path,
                         const std::string& name) override {
    CJ_ASSIGN_OR_RETURN(const OpenMount* mount, Opened(mount_index));
    // Longer names exist nowhere; ENAMETOOLONG then speaks of the path as a whole.
    if (name.size() > NAME_MAX) return NameState{};
    const std::string path = name == "." ? directory_path : JoinPath(directory_path, name);
    // One descriptor for both questions, so that both answers are of the same object.
    UniqueFd fd = OpenWithin(mount->fd.get(), mounts_[mount_index].path, path, O_PATH);
    if (!fd) {
      // ELOOP: a symbolic link has taken the place of a directory on the way.
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return NameState{};
      if (errno == EXDEV) return LookAtMountPoint(mount_index, path);
      Error error = ErrnoError(errno, path);
      if (errno == ENAMETOOLONG) error.code = ErrorCode::kLimit;
      return error;
    }
    return StateOf(fd.get(), mount_index, path);
  }

  // What is neither simply there in the directory nor absent from it is for Look() to explain.
  Result<NameState> Glance(std::size_t mount_index, const std::string& directory_path,
                           const std::string& name, HandleView expected) override {
    CJ_ASSIGN_OR_RETURN(const OpenMount* mount, Opened(mount_index));
    OpenGlanced(mount_index, *mount, directory_path);
    const bool is_name = name != "." && name != ".." && name.find('/') == std::string::npos;
    if (!is_name || !glanced_.fd) return Look(mount_index, directory_path, name);
    auto seen = SeeGlanced(mount_index, name, expected);
    return seen.has_value() ? std::move(seen) : Look(mount_index, directory_path, name);
  }

  Result<NameState> GlanceIn(std::size_t mount_index, HandleView directory,
                             const std::string& directory_path, const std::string& name,
                             HandleView expected) override {
    CJ_ASSIGN_OR_RETURN(const OpenMount* mount, Opened(mount_index));
    OpenGlanced(mount_index, *mount, directory_path);
    if (!IsGlanced(*mount, directory)) {
      return Error{ErrorCode::kNotFound, "another directory is at " + directory_path};
    }
    return SeeGlanced(mount_index, name, expected);
  }

  void Forget() override { glanced_ = {}; }

  std::optional<Place> Locate(std::size_t mount_index, const FileHandle& object) override {
    auto mount = Opened(mount_index);
    if (!mount) return std::nullopt;
    auto place = LocateObject((*mount)->fd.get(), object.view());
    if (!place) return std::nullopt;
    return Place{std::move(place->parent), std::move(place->name)};
  }

  bool IsNamed(std::size_t mount_index, const FileHandle& object, const FileHandle& directory,
               const std::string& name) override {
    auto mount = Opened(mount_index);
    if (!mount) return false;
    const UniqueFd fd = OpenHandle((*mount)->fd.get(), directory.view(), O_PATH | O_DIRECTORY);
    if (!fd) return false;
    auto found = GetHandle(fd.get(), name.c_str(), 0);
    return found && found->mount_id == (*mount)->id && found->handle == object;
  }

  Result<FileHandle> HandleOf(const std::string& path) override {
    UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
      Error error = ErrnoError(errno, path);
      if (errno == ENOTDIR) error.code = ErrorCode::kNotFound;
      return error;
    }
    CJ_ASSIGN_OR_RETURN(HandleAt found, GetHandle(fd.get(), "", AT_EMPTY_PATH));
    return std::move(found.handle);
  }

  bool IsHidden(std::size_t mount_index, const std::string& path) override {
    auto mount = Opened(mount_index);
    return !mount || IsCovered((*mount)->fd.get(), mounts_[mount_index].path, path);
  }

  // Reading nothing takes the lock, too.
  void AwaitRenames(std::size_t mount_index, const std::string& path) override {
    auto mount = Opened(mount_index);
    if (!mount) return;
    const UniqueFd fd = OpenWithin((*mount)->fd.get(), mounts_[mount_index].path, path,
                                   O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    if (fd) ::syscall(SYS_getdents64, fd.get(), nullptr, 0);
  }

  std::span<const VolumeMount> mounts() const override { return mounts_; }

 private:
  void OpenGlanced(std::size_t mount_index, const OpenMount& mount, const std::string& path) {
    if (glanced_.mount == mount_index && glanced_.path == path) return;
    glanced_ = {mount_index, path,
                OpenWithin(mount.fd.get(), mounts_[mount_index].path, path, O_PATH | O_DIRECTORY),
                std::nullopt};
  }

  bool IsGlanced(const OpenMount& mount, HandleView directory) {
    if (!glanced_.fd) return false;
    if (!glanced_.handle.has_value()) {
      auto found = GetHandle(glanced_.fd.get(), "", AT_EMPTY_PATH);
      const bool is_here = found.has_value() && found->mount_id == mount.id;
      glanced_.handle = is_here ? std::move(found->handle) : FileHandle();
    }
    return !glanced_.handle->empty() && *glanced_.handle == FileHandle(directory);
  }

  // An error: neither simply there in the glanced directory nor absent from it.
  Result<NameState> SeeGlanced(std::size_t mount_index, const std::string& name,
                               HandleView expected) const {
    if (auto recognized = Recognize(mount_index, name, expected)) return *std::move(recognized);
    const UniqueFd fd = OpenName(glanced_.fd.get(), name, O_PATH);
    if (fd) return StateOf(fd.get(), mount_index, name);
    if (errno == ENOENT) return NameState{};
    return ErrnoError(errno, JoinPath(glanced_.path, name));
  }

  // One system call instead of four, where the name in the glanced directory is still that of the
  // object that is expected there.
  std::optional<NameState> Recognize(std::size_t mount_index, const std::string& name,
                                     HandleView expected) const {
    const auto inode = InodeNumberOf(mounts_[mount_index].identity.type, expected);
    if (!inode.has_value()) return std::nullopt;
    struct statx info;
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    const unsigned wanted = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO | STATX_MNT_ID;
    if (::statx(glanced_.fd.get(), name.c_str(), flags, wanted, &info) != 0) return std::nullopt;
    const bool is_here = (info.stx_mask & wanted) == wanted &&
                         info.stx_mnt_id == static_cast<std::uint64_t>(open_[mount_index].id);
    if (!is_here || info.stx_ino != *inode || !S_ISREG(info.stx_mode)) return std::nullopt;
    NameState state;
    state.exists = true;
    state.object = FileHandle(expected);
    state.mode = info.stx_mode;
    state.link_count = info.stx_nlink;
    state.inode = info.stx_ino;
    return state;
  }

  // Something is mounted at `path`, or on the way to it.
  Result<NameState> LookAtMountPoint(std::size_t mount_index, const std::string& path) {
    const std::string directory(SplitPath(path).directory);
    const std::string& point = mounts_[mount_index].path;
    UniqueFd above;
    if (PathContains(point, directory)) {
      above = OpenWithin(open_[mount_index].fd.get(), point, directory, O_PATH);
    }
    struct stat info;
    if (!above || ::lstat(path.c_str(), &info) != 0) {
      return Error{ErrorCode::kRescanNeeded,
                   path + " is hidden: something has been mounted over it", EXDEV};
    }
    NameState state;
    state.exists = true;
    state.mode = info.st_mode;
    state.link_count = info.st_nlink;
    state.inode = info.st_ino;
    return state;
  }

  Result<NameState> StateOf(int fd, std::size_t mount_index, const std::string& path) const {
    struct stat info;
    if (::fstat(fd, &info) != 0) return ErrnoError(errno, path);
    NameState state;
    state.exists = true;
    state.mode = info.st_mode;
    state.link_count = info.st_nlink;
    state.inode = info.st_ino;
    auto handle = GetHandle(fd, "", AT_EMPTY_PATH);
    if (handle && OnVolume(open_[mount_index], mounts_[mount_index], handle->mount_id, info, fd)) {
      state.object = std::move(handle->handle);
    }
    return state;
  }

  Result<struct stat> StatusOf(std::size_t mount_index, const FileHandle& object) {
    CJ_ASSIGN_OR_RETURN(const OpenMount* mount, Opened(mount_index));
    const UniqueFd fd = OpenHandle(mount->fd.get(), object.view(), O_PATH);
    struct stat info;
    if (fd && ::fstat(fd.get(), &info) == 0) return info;
    Error error = ErrnoError(errno, "opening an object by its handle");
    if (errno == ESTALE) error.code = ErrorCode::kNotFound;
    return error;
  }

  Result<const OpenMount*> Opened(std::size_t index) const {
    if (index >= open_.size()) {
      return Error{ErrorCode::kNotFound, "no mount has the number " + std::to_string(index), 0};
    }
    if (!open_[index].fd) {
      return Error{ErrorCode::kNotFound, open_[index].gone.message, EXDEV};
    }
    return &open_[index];
  }

  Error NotFound(const std::string& what, std::size_t index, int errno_value = 0) const {
    return Error{ErrorCode::kNotFound, mounts_[index].path + ": " + what, errno_value};
  }

  Error OpenFailed(int errno_value, std::size_t index) const {
    switch (errno_value) {
      case ESTALE:
      case ENOENT:
      case ENOTDIR:
        return Error{ErrorCode::kNotFound, mounts_[index].path + ": the directory is gone",
                     errno_value};
      case EPERM:
        return ErrnoError(errno_value, "open_by_handle_at (needs CAP_DAC_READ_SEARCH)");
      default:
        return ErrnoError(errno_value, "open_by_handle_at");
    }
  }

  // Another mount than ours may still show the same volume (a bind mount).
  static bool OnVolume(const OpenMount& mount, const VolumeMount& volume, int mount_id,
                       const struct stat& info, int fd) {
    if (mount_id == mount.id || info.st_dev == volume.device) return true;
    if (volume.identity.type != "btrfs") return false;
    auto fsid = FsIdOfFd(fd, volume.path);
    return fsid && *fsid == volume.fsid;
  }

  std::vector<VolumeMount> mounts_;
  std::vector<OpenMount> open_;
  struct {
    std::size_t mount = 0;
    std::string path;
    UniqueFd fd;
    std::optional<FileHandle> handle;  // absent: another mount's; nothing: nobody has asked
  } glanced_;                          // the directory of the last Glance() or GlanceIn()
};

}  // namespace

Result<std::unique_ptr<Directories>> OpenDirectories(std::span<const VolumeMount> mounts) {
  std::vector<OpenMount> open;
  open.reserve(mounts.size());
  for (const VolumeMount& volume : mounts) {
    open.push_back(OpenOne(volume));
    const int problem = open.back().gone.errno_value;
    if (problem == EMFILE || problem == ENFILE || problem == ENOMEM) return open.back().gone;
  }
  return std::unique_ptr<Directories>(std::make_unique<LinuxDirectories>(
      std::vector<VolumeMount>(mounts.begin(), mounts.end()), std::move(open)));
}

}  // namespace cj
