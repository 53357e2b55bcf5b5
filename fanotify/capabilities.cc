#include "fanotify/capabilities.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/unique_fd.h"
#include "fanotify/group.h"
#include "fanotify/handles.h"
#include "fanotify/kernel_abi.h"
#include "fanotify/pre_group.h"
#include "fanotify/silent_writers.h"
#include "fanotify/volume_lookup.h"

namespace cj {
namespace {

constexpr unsigned kPostInit = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK;
// The inode number of the first pid namespace (PROC_PID_INIT_INO of the kernel).
constexpr ino_t kInitialPidNamespace = 0xEFFF'FFFC;

UniqueFd Init(unsigned flags) { return UniqueFd(::fanotify_init(flags, O_RDONLY | O_CLOEXEC)); }

bool CanInit(unsigned flags) { return Init(flags).valid(); }

// Every probe below marks one directory for events that a directory alone never sends, or for
// notifications only, so that no program ever waits for it.
bool CanMark(unsigned init_flags, unsigned mark_flags, std::uint64_t mask, const char* path) {
  UniqueFd group = Init(init_flags);
  return group &&
         ::fanotify_mark(group.get(), FAN_MARK_ADD | mark_flags, mask, AT_FDCWD, path) == 0;
}

// Whether the kernel knows such marks at all. These errors are said of the filesystem that `path`
// is on, when the flags and the mask have been found good: the root directory may be on an overlay.
bool KnowsMark(unsigned init_flags, unsigned mark_flags, std::uint64_t mask, const char* path) {
  UniqueFd group = Init(init_flags);
  if (!group) return false;
  if (::fanotify_mark(group.get(), FAN_MARK_ADD | mark_flags, mask, AT_FDCWD, path) == 0) {
    return true;
  }
  return errno == EOPNOTSUPP || errno == ENODEV || errno == EXDEV;
}

Finding ProbePostGroup() {
  Finding finding{"post-events", false, true,
                  "changes are reported with the names and handles of "
                  "what changed",
                  ""};
  finding.available = CanInit(kPostInit | FAN_REPORT_DFID_NAME_TARGET);
  if (!finding.available) {
    auto group = CreateEventGroup(true);
    if (!group) finding.remedy = group.error().message;
  }
  return finding;
}

Finding ProbeUnlimitedQueue() {
  return {
      "unlimited-queue",
      CanInit(kPostInit | FAN_REPORT_DFID_NAME_TARGET | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS),
      false, "no burst of changes overflows the kernel's queue", "run with CAP_SYS_ADMIN"};
}

Finding ProbeRename() {
  return {"rename-events", KnowsMark(kPostInit | FAN_REPORT_DFID_NAME_TARGET, 0, FAN_RENAME, "/"),
          true, "a rename is reported as one event with both names", "Linux 5.17 or newer"};
}

Finding ProbeIgnoreMarks() {
  return {"ignore-marks",
          KnowsMark(kPostInit | FAN_REPORT_DFID_NAME_TARGET,
                    FAN_MARK_EVICTABLE | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY,
                    FAN_CLOSE_WRITE | FAN_EVENT_ON_CHILD, "/"),
          false,
          "a file that is written without end costs the kernel little (evictable ignore marks)",
          "Linux 6.0 or newer"};
}

Finding ProbePreAccessKernel() {
  return {"pre-access",
          KnowsMark(FAN_CLASS_PRE_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, 0, abi::kFanPreAccess, "/"),
          false, "PreModify=access: the first write to each file can be recorded before it happens",
          "Linux 6.14 or newer with CONFIG_FANOTIFY_ACCESS_PERMISSIONS"};
}

Finding ProbeWriteIntent() {
  return {"write-intent", CanTellWriters(), false,
          "PreModify=: opens for reading are told from opens for writing, and not recorded",
          "run with CAP_LEASE, and fs.leases-enable=1; else every open counts as one for writing"};
}

Finding ProbeMountEvents() {
  return {"mount-events",
          CanMark(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | abi::kFanReportMnt,
                  abi::kFanMarkMntns, abi::kFanMntAttach | abi::kFanMntDetach, "/proc/self/ns/mnt"),
          false, "mounts and unmounts are reported at once; without it mountinfo is watched",
          "Linux 6.15 or newer"};
}

Finding ProbeHandles() {
  Finding finding{
      "open-by-handle", false, true, "handles can be turned into present paths",
      "run with CAP_DAC_READ_SEARCH; open_by_handle_at must not be filtered by seccomp"};
  // Handles of no filesystem are asked for, only whether we may ask: EPERM comes before ESTALE.
  UniqueFd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string bytes(8, '\0');
  const UniqueFd opened = OpenHandle(root.get(), {1, bytes}, O_PATH);
  finding.available = root && (opened || (errno != EPERM && errno != ENOSYS));
  return finding;
}

Finding ProbeMapFiles() {
  Finding finding{"map-files", false, true,
                  "files written through shared mappings are found at every checkpoint",
                  "run with CAP_SYS_PTRACE and CAP_SYS_ADMIN on a kernel with CONFIG_PROC_CHILDREN "
                  "and CONFIG_PROC_FS"};
  auto found = LinuxKernel().ScanSilentWriters({});
  struct stat info;
  finding.available = found.has_value() && ::stat("/proc/self/map_files", &info) == 0;
  if (!found) finding.remedy = found.error().message;
  return finding;
}

Finding ProbePidNamespace() {
  struct stat info;
  const bool initial =
      ::stat("/proc/self/ns/pid", &info) == 0 && info.st_ino == kInitialPidNamespace;
  return {"pid-namespace", initial, false,
          "every process of the machine is visible; the mappings of those that are not are missed",
          "run outside of containers, in the initial pid namespace"};
}

// A process that may not be looked into may write to a mapped file without being noticed in time.
Finding ProbeProcesses() {
  Finding finding{"all-processes", false, false,
                  "no process hides its shared mappings: what it writes through one is reported "
                  "at every checkpoint, not only when the mapping goes",
                  ""};
  auto guarded = FindGuardedProcesses();
  if (!guarded) {
    finding.remedy = guarded.error().message;
    return finding;
  }
  finding.available = guarded->empty();
  for (const pid_t pid : *guarded) {
    finding.remedy +=
        finding.remedy.empty() ? "a security module or container guards process " : ", ";
    finding.remedy += std::to_string(pid);
  }
  return finding;
}

Finding Invisible(const char* name, const char* meaning) {
  return {name, false, false, meaning, ""};
}

void AddInvisible(std::vector<Finding>* findings) {
  findings->push_back(
      Invisible("inode-flags",
                "changes of inode flags (chattr, FS_IOC_SETFLAGS) send no event and are not seen"));
  findings->push_back(Invisible("access-times", "atime is not tracked"));
  findings->push_back(Invisible(
      "block-device-writes",
      "what fsck, another operating system, a snapshot rollback or any writer to the block "
      "device changes below the filesystem is not seen"));
  findings->push_back(
      Invisible("overlay-mappings",
                "a store through a mapping made on an overlayfs whose upper directory is here is "
                "reported when the mapping goes, not at every checkpoint"));
  findings->push_back(
      Invisible("asynchronous-io-leftovers",
                "writes by io_submit(2) are found while their context exists or when the file is "
                "closed; a file "
                "that stays open after io_destroy(2) is reported only when it is closed"));
}

}  // namespace

std::vector<Finding> ProbeKernel() {
  return {ProbePostGroup(),       ProbeUnlimitedQueue(), ProbeRename(),       ProbeIgnoreMarks(),
          ProbeHandles(),         ProbeMapFiles(),       ProbePidNamespace(), ProbeProcesses(),
          ProbePreAccessKernel(), ProbeWriteIntent(),    ProbeMountEvents()};
}

std::vector<Finding> ProbeFilesystem(const std::string& path) {
  std::vector<Finding> findings;
  auto volume = FindVolume(path);
  if (!volume) {
    findings.push_back({"post-marks", false, true, "changes under " + path + " are reported",
                        volume.error().message});
    return findings;
  }
  Finding marks{"post-marks", false, true,
                "changes on this " + volume->identity.type + " are reported", ""};
  auto group = CreateEventGroup(true);
  Status marked = group ? (*group)->Mark(*volume) : Status(group.error());
  marks.available = marked.has_value();
  if (!marked) marks.remedy = marked.error().message;
  findings.push_back(std::move(marks));

  const std::string at = MarkPath(*volume);
  findings.push_back({"filesystem-errors",
                      CanMark(kPostInit | FAN_REPORT_DFID_NAME_TARGET, FAN_MARK_FILESYSTEM,
                              FAN_FS_ERROR, at.c_str()),
                      false, "errors that the filesystem finds in itself are recorded", ""});
  findings.push_back({"pre-open",
                      CanMark(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, 0, FAN_OPEN_PERM,
                              volume->path.c_str()),
                      false, "PreModify=open is possible here",
                      "a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS"});
  findings.push_back({"pre-access",
                      CanMark(FAN_CLASS_PRE_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, 0,
                              abi::kFanPreAccess, volume->path.c_str()),
                      false, "PreModify=access is possible here",
                      "Linux 6.14 or newer, and ext4, xfs or btrfs"});
  const bool lasting = volume->identity.uuid.compare(0, 5, "fsid-") != 0;
  findings.push_back({"lasting-identity", lasting, false,
                      "the volume is known again after it was unmounted (by UUID)",
                      lasting ? "" : "give the filesystem a UUID, or keep it mounted"});
  AddInvisible(&findings);
  return findings;
}

}  // namespace cj
