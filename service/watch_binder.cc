#include "service/watch_binder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <span>
#include <utility>

#include "base/text.h"
#include "base/unique_fd.h"
#include "checkpoint/watched_text.h"
#include "fanotify/directories.h"
#include "fanotify/volume.h"
#include "journal/views.h"
#include "service/strict_watches.h"

namespace cj {
namespace {

constexpr const char* kNotThere = "it is not there";
constexpr const char* kNotMounted = "it is not mounted";
constexpr const char* kWasNotThere = "it was not there";
constexpr const char* kElsewhere = "the path leads to another place now";
constexpr const char* kOther = "another filesystem has been mounted there";

std::string Canonical(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real == nullptr ? std::string() : std::string(real.get());
}

// One that has not been there has a path and nothing else.
Watch Unbound(const WatchConfig& wanted, const std::string& why) {
  Watch watch;
  watch.wanted = wanted.path;
  watch.volume.path = wanted.path;
  watch.excludes = wanted.excludes;
  watch.absent = why;
  return watch;
}

// Where the kernel does not number mounts for good (Linux 6.8 does, from 2^31 on) another mount may
// have the number of one that is gone.
bool IsNeverReused(std::uint64_t mount) { return mount >= std::uint64_t{1} << 31; }

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    text.push_back(kDigits[value >> 4]);
    text.push_back(kDigits[value & 15]);
  }
  return text;
}

// Where the directory was that was watched, when it alone has been removed or renamed: its
// filesystem is still there, with nothing mounted on the way. An error is a shortage.
Result<std::optional<VolumeMount>> WithoutDirectory(const VolumeMount& bound) {
  const std::optional<VolumeMount> none;
  auto below = FindVolume(bound.mount_point);
  if (!below.has_value() && IsShortage(below.error())) return below.error();
  if (!below.has_value() || below->identity != bound.identity ||
      below->mount_point != bound.mount_point || below->mount_root != bound.mount_root ||
      !(below->mount_handle == bound.mount_handle)) {
    return none;
  }
  auto directories = OpenDirectories(std::vector<VolumeMount>{*below});
  if (!directories.has_value() && IsShortage(directories.error())) return directories.error();
  if (!directories.has_value() || (*directories)->IsHidden(0, bound.path)) return none;
  return std::optional<VolumeMount>(*std::move(below));
}

bool IsSameDevice(const VolumeMount& one, const VolumeMount& other) {
  return one.superblock_device == other.superblock_device && one.fsid == other.fsid;
}

// Two filesystems with one UUID, a disk and its copy: nobody could tell the one's records from the
// other's, and only one would be marked. `other` must still be what it was bound to: a disk that
// was taken out and came back has another number, too.
bool IsTwinOf(const Watch& watch, const Watch& other) {
  if (!other.bound() || !other.absent.empty() || other.volume.id != watch.volume.id ||
      other.volume.superblock_device == watch.volume.superblock_device) {
    return false;
  }
  const auto now = FindVolume(other.volume.mount_point);
  return now.has_value() && now->identity == other.volume.identity &&
         now->superblock_device == other.volume.superblock_device;
}

// All that decides which events are recorded, as bytes to be compared. No path has a NUL.
std::string WatchedText(const std::vector<Watch>& watches) {
  std::string text;
  for (const Watch& watch : watches) {
    std::vector<std::string> fields = {std::to_string(watch.volume.id.value), watch.volume.path,
                                       "m" + watch.volume.mount_point};
    if (watch.volume.mount_root != "/" && !watch.volume.mount_handle.empty()) {
      fields.push_back("r" + Hex(watch.volume.mount_handle.encoded));
    }
    for (const std::string& exclude : watch.excludes) fields.push_back("x" + exclude);
    for (const std::string& path : watch.excluded_paths) fields.push_back("p" + path);
    text += WatchedPart(fields);
  }
  return text;
}

// Through a mount that is there, if there is one.
std::vector<VolumeMount> VolumesOf(std::vector<Watch> watches) {
  std::stable_partition(watches.begin(), watches.end(),
                        [](const Watch& watch) { return watch.absent.empty(); });
  std::vector<VolumeMount> volumes;
  for (const View& view : MakeViews(watches)) {
    const bool known = std::any_of(volumes.begin(), volumes.end(), [&](const VolumeMount& volume) {
      return volume.id == view.mount.id;
    });
    if (!known) volumes.push_back(view.mount);
  }
  return volumes;
}

}  // namespace

bool IsSameTree(const VolumeMount& bound, const VolumeMount& found) {
  return found.identity == bound.identity && found.path == bound.path &&
         found.mount_point == bound.mount_point && found.mount_root == bound.mount_root;
}

Move JudgeMove(const VolumeMount& bound, const VolumeMount& found) {
  if (found.path == bound.path && PathIsBelow(found.mount_point, bound.mount_point)) {
    return Move::kUnmounted;
  }
  const bool same =
      IsSameTree(bound, found) && found.device == bound.device && found.fsid == bound.fsid;
  return same ? Move::kSame : Move::kReplaced;
}

WatchBinder::WatchBinder(const Config& config, Store& store)
    : config_(config), store_(store), state_directory_(Canonical(config.state_directory)) {
  if (state_directory_.empty()) state_directory_ = config.state_directory;
}

WatchBinder::Sight WatchBinder::See(const std::string& path) {
  Sight sight;
  sight.path = Canonical(path);
  const UniqueFd fd(::open(sight.path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd && !sight.path.empty() && IsShortage(ErrnoError(errno, path))) return Unseen();
  if (!fd) return {};
  auto mount = MountNumber(fd.get());
  struct stat info;
  if (!mount || ::fstat(fd.get(), &info) != 0) return {};
  sight.nowhere = false;
  sight.mount = *mount;
  sight.device = info.st_dev;
  sight.inode = info.st_ino;
  return sight;
}

WatchBinder::Sight WatchBinder::SeeWatch(const Watch& watch) {
  Sight sight = See(watch.wanted);
  if (!sight.nowhere || sight == Unseen() || !watch.bound()) return sight;
  sight = See(watch.volume.mount_point);
  sight.nowhere = true;
  return sight;
}

Result<Watch> WatchBinder::Bind(const WatchConfig& wanted) {
  auto found = FindVolume(wanted.path);
  if (!found.has_value()) {
    return WithContext(std::move(found).error(), "cannot watch " + wanted.path);
  }
  Watch watch;
  watch.wanted = wanted.path;
  watch.volume = *std::move(found);
  watch.excludes = wanted.excludes;
  CJ_ASSIGN_OR_RETURN(watch.volume.id, store_.InternVolume(watch.volume.identity));
  // The journal must not record its own writing.
  if (PathContains(watch.volume.path, state_directory_)) {
    watch.excluded_paths.push_back(state_directory_);
  }
  if (state_directory_ == watch.volume.path) {
    return Error{ErrorCode::kInvalidArgument,
                 "cannot watch " + wanted.path +
                     ": it is the state directory; choose another StateDirectory="};
  }
  return watch;
}

// Of watches of twins that are there now the first one counts; why `watch` is left to one of those
// before it, or empty.
std::string WatchBinder::TakenByTwin(std::span<const Watch> before, const Watch& watch) {
  if (!watch.bound() || !watch.absent.empty()) return {};
  const auto twin = std::find_if(before.begin(), before.end(),
                                 [&](const Watch& other) { return IsTwinOf(watch, other); });
  if (twin == before.end()) return {};
  return "its filesystem has the UUID of the one at " + twin->volume.path +
         ", and only one of them can be watched; give it another UUID (tune2fs -U random, "
         "xfs_admin -U generate, btrfstune -u)";
}

Status WatchBinder::Start() {
  std::vector<Watch> watches;
  for (const WatchConfig& wanted : config_.watches) {
    // Before it is bound: what comes in between is found by the first look.
    sights_.push_back(See(wanted.path));
    bound_mounts_.push_back(sights_.back().mount);
    beneath_.emplace_back();
    auto bound = Bind(wanted);
    if (!bound && (wanted.must_be_there || bound.error().code != ErrorCode::kNotFound)) {
      return std::move(bound).error();
    }
    Watch watch = bound ? *std::move(bound) : Unbound(wanted, kNotThere);
    const std::string taken = TakenByTwin(watches, watch);
    if (!taken.empty() && wanted.must_be_there) {
      return Error{ErrorCode::kInvalidArgument, "cannot watch " + wanted.path + ": " + taken, 0};
    }
    left_.emplace_back();
    if (!taken.empty()) {
      left_.back() = watch.volume;
      watch = Unbound(wanted, taken);
      sights_.back() = Unseen();
    }
    watches.push_back(std::move(watch));
  }
  Publish(std::move(watches));
  return {};
}

Whereabouts WatchBinder::Look() {
  std::vector<Watch> watches = binding()->watches;
  Whereabouts whereabouts;
  bool changed = false;
  for (std::size_t i = 0; i < watches.size(); ++i) {
    const WatchConfig& wanted = config_.watches[i];
    const Watch before = watches[i];
    const Sight sight = SeeWatch(before);
    const bool looked = sight != sights_[i] || sight == Unseen();
    Unwatched missed{wanted.path, before.absent};
    if (looked) {
      const auto settled =
          sight == Unseen() ? Settled::kBlind : LookAgain(i, sight, &watches[i], &missed);
      sights_[i] = settled == Settled::kYes ? sight : Unseen();
      whereabouts.blind |= settled == Settled::kBlind;
    }
    // Also when it has not moved: the other one may have come.
    const std::string taken = TakenByTwin(std::span(watches).first(i), watches[i]);
    if (!taken.empty()) {
      left_[i] = watches[i].volume;
      watches[i] = Unbound(wanted, taken);
      missed = {wanted.path, taken};
      sights_[i] = Unseen();
    }
    const bool news = looked && watches[i].absent.empty() && !missed.cause.empty();
    changed |= news || watches[i].absent != before.absent ||
               watches[i].volume.root != before.volume.root ||
               !IsSameDevice(watches[i].volume, before.volume) ||
               watches[i].volume.mount_handle != before.volume.mount_handle;
    if (!missed.cause.empty()) whereabouts.unwatched.push_back(std::move(missed));
  }
  LeaveToTwins(&watches, &changed);
  if (!changed) return whereabouts;
  Publish(std::move(watches));
  whereabouts.changed = binding();
  return whereabouts;
}

// Watches that are not there, and whose number one that is there has: what is asked of that one
// must not wait for them.
void WatchBinder::LeaveToTwins(std::vector<Watch>* watches, bool* changed) {
  for (std::size_t i = 0; i < watches->size(); ++i) {
    const Watch& watch = (*watches)[i];
    if (!watch.bound() || watch.absent.empty()) continue;
    const bool taken = std::any_of(watches->begin(), watches->end(),
                                   [&](const Watch& other) { return IsTwinOf(watch, other); });
    if (!taken) continue;
    left_[i] = watch.volume;
    (*watches)[i] = Unbound(config_.watches[i], watch.absent);
    *changed = true;
  }
}

// The path leads nowhere. When it is the directory alone that is gone, the records tell that; its
// filesystem, which other watches may share, may have come back as another device. Not settled:
// nothing that is seen from here says when it is back.
WatchBinder::Settled WatchBinder::LookForFilesystem(std::size_t index, const Sight& sight,
                                                    Watch* watch, Unwatched* missed) {
  std::optional<VolumeMount> there;
  if (watch->bound()) {
    auto found = WithoutDirectory(watch->volume);
    if (!found.has_value()) return Settled::kBlind;
    there = *std::move(found);
  }
  if (!there.has_value()) {
    watch->absent = watch->bound() ? kNotMounted : kNotThere;
  } else if (!watch->absent.empty()) {
    watch->absent = kNotThere;
  }
  missed->cause = watch->absent;
  if (!there.has_value()) return watch->bound() ? Settled::kNo : Settled::kYes;
  const bool same_mount = std::exchange(bound_mounts_[index], sight.mount) == sight.mount;
  const bool same_device = IsSameDevice(*there, watch->volume);
  if (watch->absent.empty() && !(same_mount && same_device)) missed->cause = kMountedAgain;
  if (same_device) return Settled::kYes;
  watch->volume.device = there->device;
  watch->volume.superblock_device = there->superblock_device;
  watch->volume.fsid = there->fsid;
  return Settled::kYes;
}

WatchBinder::Settled WatchBinder::LookAgain(std::size_t index, const Sight& sight, Watch* watch,
                                            Unwatched* missed) {
  if (sight.nowhere) return LookForFilesystem(index, sight, watch, missed);
  auto found = Bind(config_.watches[index]);
  if (!found && IsShortage(found.error())) return Settled::kBlind;
  if (!found) {
    watch->absent = found.error().message;
    missed->cause = watch->absent;
    return Settled::kNo;
  }
  const std::string absent_before = std::exchange(watch->absent, "");
  const bool same_mount =
      std::exchange(bound_mounts_[index], sight.mount) == sight.mount && IsNeverReused(sight.mount);
  auto& beneath = beneath_[index];
  if (!watch->bound()) {
    const bool was_below = beneath.has_value() && JudgeMove(*beneath, found->volume) == Move::kSame;
    if (left_[index].has_value() && !was_below &&
        JudgeMove(*left_[index], found->volume) == Move::kUnmounted) {
      watch->absent = kNotMounted;
      missed->cause = kNotMounted;
      return Settled::kYes;
    }
    left_[index].reset();
    const bool is_above =
        beneath.has_value() && PathIsBelow(beneath->mount_point, found->volume.mount_point);
    if (!is_above) beneath.reset();
    missed->cause = kWasNotThere;
    missed->unknown = true;
    *watch = *std::move(found);
    return Settled::kYes;
  }
  Move move = JudgeMove(watch->volume, found->volume);
  if (beneath.has_value() && JudgeMove(*beneath, found->volume) == Move::kSame) {
    move = Move::kReplaced;
  }
  switch (move) {
    case Move::kSame:
      // Meanwhile events of the tree could not be told from others.
      if (!same_mount) missed->cause = kMountedAgain;
      if (!absent_before.empty()) missed->cause = kWasNotThere;
      // Within a mount the records tell that the directory was replaced.
      if (!same_mount && found->volume.root != watch->volume.root) {
        missed->cause = kElsewhere;
        missed->unknown = true;
      }
      watch->volume = std::move(found->volume);
      break;
    case Move::kUnmounted:
      watch->absent = kNotMounted;
      missed->cause = kNotMounted;
      break;
    case Move::kReplaced:
      missed->cause = found->volume.id == watch->volume.id ? kElsewhere : kOther;
      missed->unknown =
          !IsSameTree(watch->volume, found->volume) || found->volume.root != watch->volume.root;
      Replace(index, *std::move(found), watch);
      break;
  }
  return Settled::kYes;
}

void WatchBinder::Replace(std::size_t index, Watch found, Watch* watch) {
  if (PathIsBelow(watch->volume.mount_point, found.volume.mount_point)) {
    beneath_[index] = watch->volume;
  } else {
    beneath_[index].reset();
  }
  *watch = std::move(found);
}

void WatchBinder::Publish(std::vector<Watch> watches) {
  auto binding = std::make_shared<Binding>();
  binding->volumes = VolumesOf(watches);
  binding->text = WatchedText(watches);
  binding->strict_watches = StrictWatches(watches, config_.watches);
  binding->strict = StrictVolumes(watches, config_.watches);
  binding->watches = std::move(watches);
  MutexLock lock(mutex_);
  binding_ = std::move(binding);
}

std::shared_ptr<const Binding> WatchBinder::binding() const {
  MutexLock lock(mutex_);
  return binding_;
}

}  // namespace cj
