#include "checkpoint/crawl_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/text.h"
#include "checkpoint/crawl_queue.h"
#include "fanotify/handles.h"

namespace cj {
namespace {

// Entries between two looks at whether to go on, and at the rate.
constexpr std::uint64_t kStride = 256;
constexpr unsigned kWanted = STATX_TYPE | STATX_CTIME | STATX_MNT_ID;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

bool IsDots(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

bool Vanished(int error) { return error == ENOENT || error == ENOTDIR || error == ESTALE; }

std::int64_t ChangeTime(const struct statx& status) {
  return status.stx_ctime.tv_sec * std::int64_t{1'000'000} + status.stx_ctime.tv_nsec / 1000;
}

// Nobody waits for a crawl as much as for anything else on this machine. Source: ioprio_set(2);
// glibc has no wrapper.
void BecomeIdle() {
  constexpr int kWhoProcess = 1;
  constexpr int kIdleClass = 3;
  constexpr int kClassShift = 13;
  constexpr int kNice = 10;
  (void)::syscall(SYS_ioprio_set, kWhoProcess, 0, kIdleClass << kClassShift);
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

Error Gone(const Watch& watch, const std::string& why) {
  return Error{ErrorCode::kNotFound, watch.volume.path + ": " + why, 0};
}

Result<std::uint64_t> MountIdOf(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, kWanted, &status) != 0) {
    return ErrnoError(errno, path);
  }
  return std::uint64_t{status.stx_mnt_id};
}

// Where a directory above the part's root was replaced by another, the tree below may be another
// one, with nothing in it changed lately; but the directory that it came to has a new change time.
bool RootMayBeAnother(const Watch& watch, const std::string& root, std::int64_t since_usec) {
  const std::string& top = watch.volume.mount_point;
  for (std::string path(SplitPath(root).directory); path.size() > top.size();
       path = std::string(SplitPath(path).directory)) {
    struct statx status {};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, kWanted, &status) != 0) return true;
    if (ChangeTime(status) >= since_usec) return true;
  }
  return false;
}

class Walk {
 public:
  Walk(const Watch& watch, const CrawlPart& part, const CrawlLimits& limits, Clock& clock,
       const std::atomic<bool>& cancelled, CrawlCounters& counters)
      : watch_(watch),
        part_(part),
        limits_(limits),
        clock_(clock),
        cancelled_(cancelled),
        counters_(counters),
        top_(part.path),
        judge_paths_(!watch.excludes.empty() || !watch.excluded_paths.empty()),
        queue_(limits, clock) {}

  Status Run(const WalkSink& sink);

 private:
  Status OpenRoot();
  Status FindTop();
  Status HandOver(const WalkSink& sink);
  void Work();
  void Visit(const WaitingDirectory& here, std::size_t nesting);
  void Read(const WaitingDirectory& here, UniqueFd directory, std::size_t nesting);
  void Look(const WaitingDirectory& here, int directory, const char* name, std::size_t nesting);
  void Enter(const WaitingDirectory& here, int directory, const char* name, std::size_t nesting);
  std::optional<HandleAt> HandleIn(const WaitingDirectory& here, int directory, const char* name);
  void TellDirectory(const FileHandle& directory);
  void TellEntry(const WaitingDirectory& here, int directory, const char* name);
  void Unreadable(const WaitingDirectory& here, int error);
  bool StillThere() const;
  bool Stopped() const { return cancelled_.load(std::memory_order_relaxed) || queue_.stopped(); }

  const Watch& watch_;
  const CrawlPart& part_;
  const CrawlLimits limits_;
  Clock& clock_;
  const std::atomic<bool>& cancelled_;
  CrawlCounters& counters_;
  std::string top_;         // the directory where it begins
  std::string only_;        // not empty: of what is in it, nothing but this
  const bool judge_paths_;  // only excludes ask for paths
  UniqueFd mount_;          // some directory of the volume, for opening by handle
  FileHandle root_;
  std::uint64_t mount_id_ = 0;
  CrawlQueue queue_;
  std::atomic<std::uint64_t> unreadable_ = 0;
  std::atomic<int> last_errno_ = 0;
};

Status Walk::OpenRoot() {
  CJ_RETURN_IF_ERROR(CheckPresent(watch_));
  const std::string& root = watch_.volume.path;
  mount_.reset(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!mount_) return Gone(watch_, ErrnoError(errno, "opening it").message);
  struct statx status {};
  if (::statx(mount_.get(), "", AT_EMPTY_PATH, kWanted, &status) != 0) {
    return ErrnoError(errno, root);
  }
  mount_id_ = status.stx_mnt_id;
  CJ_RETURN_IF_ERROR(FindTop());
  CJ_ASSIGN_OR_RETURN(HandleAt found, GetHandle(mount_.get(), "", AT_EMPTY_PATH));
  root_ = std::move(found.handle);
  if (!StillThere()) return Gone(watch_, "it was unmounted just now");
  return CheckPresent(watch_);  // what has been opened is what is there
}

// What is no directory is looked at in the one that has it. Of what is not there the nearest one
// above tells that is, and it is no mistake where a question is about what was there before.
Status Walk::FindTop() {
  const std::string& root = watch_.volume.path;
  while (top_ != root) {
    UniqueFd found = OpenWithin(mount_.get(), root, top_, O_RDONLY | O_DIRECTORY);
    if (found) {
      mount_ = std::move(found);
      return {};
    }
    const bool wrong = errno == ENOENT && (part_.also & kCrawlAskedFor) != 0;
    if (wrong || (errno != ENOTDIR && errno != ENOENT && errno != ELOOP)) {
      return ErrnoError(errno, "crawling " + part_.path);
    }
    const std::string below = std::exchange(top_, std::string(SplitPath(top_).directory));
    only_ = SplitPath(below).name;
  }
  return {};
}

bool Walk::StillThere() const {
  auto now = MountIdOf(watch_.volume.path);
  return now.has_value() && *now == mount_id_;
}

Status Walk::Run(const WalkSink& sink) {
  CJ_RETURN_IF_ERROR(OpenRoot());
  const bool all = RootMayBeAnother(watch_, top_, part_.since_usec);
  const std::int64_t since_usec = all ? kCrawlEverything : part_.since_usec;
  queue_.Begin({root_, top_, since_usec, std::min(since_usec, part_.files_since_usec), kNoUnit});
  std::array<std::thread, kCrawlThreads> threads;
  for (std::thread& thread : threads) thread = std::thread([this] { Work(); });
  Status walked = HandOver(sink);
  queue_.Stop();
  for (std::thread& thread : threads) thread.join();
  if (walked.has_value() && !StillThere()) return Gone(watch_, "it was unmounted meanwhile");
  return walked;
}

Status Walk::HandOver(const WalkSink& sink) {
  for (;;) {
    WalkFound found;
    const bool all = queue_.TakeFound(&found);
    if (cancelled_) return Error{ErrorCode::kCancelled, "the crawl was broken off"};
    if (unreadable_ >= kMaxUnreadable) {
      return ErrnoError(last_errno_, "reading directories of " + watch_.volume.path);
    }
    if (!StillThere()) return Gone(watch_, "it was unmounted meanwhile");
    CJ_RETURN_IF_ERROR(sink(std::move(found)));
    if (all) return {};
  }
}

void Walk::Work() {
  BecomeIdle();
  while (auto next = queue_.Take()) {
    if (!Stopped()) Visit(*next, 0);
    queue_.Done(*next);
  }
}

void Walk::Visit(const WaitingDirectory& here, std::size_t nesting) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY;
  // Looking must not make a disk write times of access; that needs a privilege of its own.
  UniqueFd directory = OpenHandle(mount_.get(), here.directory.view(), kFlags | O_NOATIME);
  if (!directory && errno == EPERM) {
    directory = OpenHandle(mount_.get(), here.directory.view(), kFlags);
  }
  if (!directory) {
    if (!Vanished(errno)) Unreadable(here, errno);
    return;
  }
  struct statx status {};
  if (::statx(directory.get(), "", AT_EMPTY_PATH, kWanted, &status) != 0) {
    return Unreadable(here, errno);
  }
  counters_.directories.fetch_add(1, std::memory_order_relaxed);
  if (ChangeTime(status) >= here.since_usec) return TellDirectory(here.directory);
  if (!only_.empty() && here.directory == root_) {
    counters_.entries.fetch_add(1, std::memory_order_relaxed);
    return Look(here, directory.get(), only_.c_str(), nesting);
  }
  Read(here, std::move(directory), nesting);
}

void Walk::Read(const WaitingDirectory& here, UniqueFd directory, std::size_t nesting) {
  DirectoryStream stream(::fdopendir(directory.get()));
  if (stream == nullptr) return Unreadable(here, errno);
  const int fd = directory.release();
  std::uint64_t seen = 0;
  auto account = [&] {
    counters_.entries.fetch_add(seen, std::memory_order_relaxed);
    queue_.Pace(std::exchange(seen, 0));
  };
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    if (IsDots(entry->d_name)) continue;
    Look(here, fd, entry->d_name, nesting);
    if (++seen < kStride) continue;
    account();
    if (Stopped()) return;
  }
  const int error = errno;
  account();
  if (error != 0) Unreadable(here, error);
}

void Walk::Look(const WaitingDirectory& here, int directory, const char* name,
                std::size_t nesting) {
  struct statx status {};
  constexpr int kFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
  if (::statx(directory, name, kFlags, kWanted, &status) != 0) {
    if (!Vanished(errno)) Unreadable(here, errno);
    return;
  }
  if (status.stx_mnt_id != mount_id_) return;  // another filesystem covers it
  if (S_ISDIR(status.stx_mode)) return Enter(here, directory, name, nesting);
  const bool regular = S_ISREG(status.stx_mode);
  const std::int64_t since_usec = regular ? here.files_since_usec : here.since_usec;
  if (ChangeTime(status) >= since_usec) TellEntry(here, directory, name);
}

std::optional<HandleAt> Walk::HandleIn(const WaitingDirectory& here, int directory,
                                       const char* name) {
  auto found = GetHandle(directory, name, 0);
  if (!found) {
    if (!Vanished(found.error().errno_value)) Unreadable(here, found.error().errno_value);
    return std::nullopt;
  }
  // Something may have been mounted there a moment ago.
  if (static_cast<std::uint64_t>(found->mount_id) != mount_id_) return std::nullopt;
  return std::move(*found);
}

void Walk::Enter(const WaitingDirectory& here, int directory, const char* name,
                 std::size_t nesting) {
  auto found = HandleIn(here, directory, name);
  if (!found) return;
  WaitingDirectory below;
  below.directory = std::move(found->handle);
  below.since_usec = here.since_usec;
  below.files_since_usec = here.files_since_usec;
  below.unit = here.unit;
  if (judge_paths_) {
    below.path = JoinPath(here.path, name);
    if (!Covers(watch_, below.path)) return;
    if (below.path.size() > limits_.max_path) return TellDirectory(below.directory);
  }
  const bool new_unit = here.unit == kNoUnit && here.directory == root_;
  if (new_unit) {
    auto walked = part_.walked.find(below.directory);
    if (walked != part_.walked.end()) {
      below.since_usec = walked->second;
      below.files_since_usec = std::min(walked->second, part_.walked_files_since_usec);
    }
    if (below.since_usec == kCrawlNothing) return;
  }
  // Where no more may wait, it is walked now. Copied only then: it rarely happens.
  if (queue_.Push(below, new_unit)) return;
  if (nesting < limits_.max_nesting) return Visit(below, nesting + 1);
  TellDirectory(below.directory);
}

void Walk::TellDirectory(const FileHandle& directory) {
  Record record;
  record.time_usec = clock_.RealtimeUsec();
  record.volume = watch_.volume.id;
  record.operations = kCrawled | kDirectory | part_.also;
  record.object = directory;
  record.parent = directory;
  record.name = ".";
  counters_.changed.fetch_add(1, std::memory_order_relaxed);
  queue_.Found(std::move(record));
}

void Walk::TellEntry(const WaitingDirectory& here, int directory, const char* name) {
  if (judge_paths_ && !Covers(watch_, JoinPath(here.path, name))) return;
  auto found = HandleIn(here, directory, name);
  if (!found) return;
  Record record;
  record.time_usec = clock_.RealtimeUsec();
  record.volume = watch_.volume.id;
  record.operations = kCrawled | part_.also;
  record.object = std::move(found->handle);
  record.parent = here.directory;
  record.name = name;
  counters_.changed.fetch_add(1, std::memory_order_relaxed);
  queue_.Found(std::move(record));
}

// What cannot be looked at may be anything.
void Walk::Unreadable(const WaitingDirectory& here, int error) {
  counters_.unreadable.fetch_add(1, std::memory_order_relaxed);
  last_errno_ = error;
  if (++unreadable_ < kMaxUnreadable) return TellDirectory(here.directory);
  queue_.Stop();
}

}  // namespace

Status CheckPresent(const Watch& watch) {
  auto found = FindVolume(watch.volume.path);
  if (!found) return Gone(watch, "it is not there: " + found.error().message);
  // What shows is the directory below the mount point, of a filesystem that is mounted above.
  if (PathIsBelow(found->mount_point, watch.volume.mount_point)) {
    return Gone(watch, "it is not mounted");
  }
  if (found->identity != watch.volume.identity || found->fsid != watch.volume.fsid) {
    return Gone(watch, "another filesystem is mounted there");
  }
  if (found->mount_point != watch.volume.mount_point ||
      !(found->mount_handle == watch.volume.mount_handle)) {
    return Gone(watch, "another part of the filesystem is mounted there");
  }
  return {};
}

Status WalkPart(const Watch& watch, const CrawlPart& part, const CrawlLimits& limits, Clock& clock,
                const std::atomic<bool>& cancelled, CrawlCounters& counters, const WalkSink& sink) {
  return Walk(watch, part, limits, clock, cancelled, counters).Run(sink);
}

}  // namespace cj
