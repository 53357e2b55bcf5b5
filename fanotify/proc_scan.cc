#include "fanotify/proc_scan.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

#include "fanotify/kernel_abi.h"
#include "fanotify/proc_text.h"
#include "fanotify/silent_writers.h"

namespace cj {
namespace {

constexpr std::string_view kAsyncRing = "/[aio]";  // the mapping that io_setup(2) makes

bool IsGone(const Error& error) {
  return error.errno_value == ENOENT || error.errno_value == ESRCH;
}

Error Refused(int errno_value, const std::string& what) {
  Error error = ErrnoError(errno_value, "/proc/" + what);
  if (error.code == ErrorCode::kPermissionDenied) {
    error.message += "; looking for writable mappings needs CAP_SYS_PTRACE and CAP_SYS_ADMIN";
  }
  return error;
}

// With this capability, and refused all the same: something above us guards the process (a security
// module, a container's border), and no privilege of ours would change that.
bool MayTraceEverything() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE)) != 0;
}

// How often this thread has been put aside.
std::uint64_t ThreadSwitches() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nvcsw) + static_cast<std::uint64_t>(usage.ru_nivcsw);
}

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

}  // namespace

Result<std::vector<pid_t>> ProcScan::List(const std::string& directory) const {
  auto numbers = ListNumbers(proc_, directory.c_str());
  if (!numbers) return Refused(numbers.error().errno_value, directory);
  return numbers;
}

Status ProcScan::Run() {
  CJ_ASSIGN_OR_RETURN(proc_, kernel_threads_->Proc());
  may_trace_everything_ = MayTraceEverything();
  for (int pass = 1; pass <= kMaxPasses; ++pass) {
    CJ_ASSIGN_OR_RETURN(const std::vector<pid_t> pids, List("."));
    kernel_threads_->ForgetEnded();  // after the listing: what it still has was listed as such
    bool settled = true;
    for (const pid_t pid : pids) {
      if (!pass_of_.emplace(pid, pass).second) continue;
      if (settled && !(pass >= kSettledPass && ParentWasKnown(pid, pass))) settled = false;
      if (!kernel_threads_->Has(pid)) CJ_RETURN_IF_ERROR(ScanProcess(pid));
    }
    if (settled) return {};
  }
  return Error{ErrorCode::kLimit,
               "processes fork faster than they can be looked at (" + std::to_string(kMaxPasses) +
                   " passes over /proc); find the program that forks without end, then ask again",
               0};
}

bool ProcScan::ParentWasKnown(pid_t pid, int pass) {
  auto number = ParentOf(std::to_string(pid));
  // Orphans are given to the first process; whose children they were is not known.
  if (!number || *number <= 1) return false;
  const auto parent = pass_of_.find(*number);
  return parent != pass_of_.end() && parent->second <= pass - 2;
}

Status ProcScan::ScanProcess(pid_t pid) {
  const std::string process = std::to_string(pid);
  bool empty = false;
  Status status = ScanMaps(pid, process, &empty);
  if (!status && IsGone(status.error())) return {};
  if (!status || !empty) return status;
  // No maps: a kernel thread, a zombie, or a leader that has exited before its threads.
  if (HasOtherThreads(process)) return ScanOtherThreads(pid, process);
  kernel_threads_->Learn(pid);
  return {};
}

// A directory's links are itself, its name and what is in it, here the threads: proc_task_getattr
// in the kernel's fs/proc/base.c.
bool ProcScan::HasOtherThreads(const std::string& process) const {
  constexpr nlink_t kLinksWithOneThread = 3;
  struct stat info;
  const std::string path = process + "/task";
  return ::fstatat(proc_, path.c_str(), &info, 0) == 0 && info.st_nlink > kLinksWithOneThread;
}

Status ProcScan::ScanOtherThreads(pid_t pid, const std::string& process) {
  auto threads = List(process + "/task");
  if (!threads) {
    if (IsGone(threads.error())) return {};
    return threads.error();
  }
  for (const pid_t thread : *threads) {
    if (thread == pid) continue;
    bool empty = false;
    // Not below task/, where there is no map_files; the thread's number works as a process's.
    Status status = ScanMaps(pid, std::to_string(thread), &empty);
    if (!status && IsGone(status.error())) continue;
    // All threads that live share one address space.
    if (!status || !empty) return status;
  }
  return {};
}

void ProcScan::BeginReading() {
  if (!switches_) switches_ = ThreadSwitches();
}

bool ProcScan::WasDisturbed() {
  const std::uint64_t before = std::exchange(switches_, ThreadSwitches()).value_or(0);
  return before != *switches_;
}

Status ProcScan::ScanMaps(pid_t pid, const std::string& directory, bool* empty) {
  UniqueFd maps;
  BeginReading();
  Status status = ReadMaps(directory, &maps, empty);
  // Only here: a refusal further on means that a capability is missing, which is an error.
  if (!status && status.error().code == ErrorCode::kPermissionDenied && may_trace_everything_) {
    guarded_.push_back(pid);
    *empty = false;
    return {};
  }
  // Opened before an execve(2): what the process has open it may have kept.
  if (status && *empty && maps) {
    maps.reset();
    BeginReading();
    status = ReadMaps(directory, &maps, empty);
  }
  if (!status || *empty) return status;
  bool disturbed = WasDisturbed();
  MappingReadings readings;
  found_.clear();
  bool asynchronous = all_descriptors_;
  for (int reading = 1; reading <= kMaxMapsReadings; ++reading) {
    // This takes its time, and is no part of a reading.
    if (!mappings_.empty()) switches_.reset();
    CJ_RETURN_IF_ERROR(LookUpMappings(pid, directory, &readings, &asynchronous));
    // It was looked for in the address space that the process has now, which execve(2) may have
    // made: what was read is another one's, that of a parent perhaps, where it stays.
    if (readings.missing()) maps.reset();
    bool done = readings.End(disturbed);
    BeginReading();
    if (!done) CJ_RETURN_IF_ERROR(ReadMaps(directory, &maps, &done));
    disturbed = WasDisturbed();
    if (done) {
      if (!asynchronous) return {};
      switches_.reset();
      return AddDescriptors(pid, directory);
    }
  }
  return Error{ErrorCode::kBusy,
               "process " + std::to_string(pid) +
                   " moves its mappings of watched files faster than they can be looked at; ask "
                   "again",
               0};
}

Status ProcScan::ReadMaps(const std::string& directory, UniqueFd* maps, bool* empty) {
  const std::string path = directory + "/maps";
  mappings_.clear();
  if (!*maps) {
    maps->reset(::openat(proc_, path.c_str(), O_RDONLY | O_CLOEXEC));
    // Linux 6.16 says so of whoever has no address space, a leader that has exited as well.
    *empty = !*maps && errno == ESRCH;
    if (*empty) return {};
    if (!*maps) return Refused(errno, path);
  }
  if (may_query_) {
    CJ_ASSIGN_OR_RETURN(may_query_, QueryMaps(maps->get(), path, empty));
    if (may_query_) return {};
  }
  return ReadMapsText(maps->get(), path, empty);
}

Result<bool> ProcScan::QueryMaps(int maps_fd, const std::string& path, bool* empty) {
  abi::ProcmapQuery query{};
  query.size = sizeof(query);
  query.query_flags = abi::kProcmapShared | abi::kProcmapFileBacked | abi::kProcmapNext;
  *empty = false;
  while (true) {
    // Only the ring's name matters: a mapping whose name has no room is asked for without it.
    query.vma_name_size = static_cast<std::uint32_t>(name_.size());
    query.vma_name_addr = reinterpret_cast<std::uint64_t>(name_.data());
    int result = ::ioctl(maps_fd, abi::kProcmapQuery, &query);
    if (result != 0 && errno == ENAMETOOLONG) {
      query.vma_name_size = 0;
      query.vma_name_addr = 0;
      result = ::ioctl(maps_fd, abi::kProcmapQuery, &query);
    }
    if (result != 0) {
      if (errno == ENOENT) return true;
      if (errno == ENOTTY || errno == EINVAL) return false;
      *empty = errno == ESRCH;  // a kernel thread, or the address space is gone
      if (*empty) return true;
      return Refused(errno, path);
    }
    const std::string_view name = query.vma_name_size > 0 ? name_.data() : "";
    const bool is_ring = StartsWith(name, kAsyncRing);
    const dev_t device = makedev(query.dev_major, query.dev_minor);
    if (is_ring || files_->WatchesSuperblock(device)) {
      std::array<char, 40> range;  // two numbers of 16 digits
      std::snprintf(range.data(), range.size(), "%llx-%llx",
                    static_cast<unsigned long long>(query.vma_start),
                    static_cast<unsigned long long>(query.vma_end));
      mappings_.push_back({range.data(), device, query.inode, std::string(name), is_ring});
    }
    query.query_addr = query.vma_end;
  }
}

Status ProcScan::ReadMapsText(int maps_fd, const std::string& path, bool* empty) {
  Status status;
  if (::lseek(maps_fd, 0, SEEK_SET) != 0) status = ErrnoError(errno, path);
  if (status) status = ReadAll(maps_fd, &text_);
  if (!status) return Refused(status.error().errno_value, path);
  *empty = text_.empty();
  std::string_view rest = text_;
  MapsLine line;
  while (NextMapsLine(&rest, &line)) {
    if (!line.shared) continue;
    const bool is_ring = StartsWith(line.path, kAsyncRing);
    if (!is_ring && !files_->WatchesSuperblock(line.device)) continue;
    mappings_.push_back(
        {std::string(line.range), line.device, line.inode, std::string(line.path), is_ring});
  }
  return {};
}

Status ProcScan::LookUpMappings(pid_t pid, const std::string& directory, MappingReadings* readings,
                                bool* asynchronous) {
  for (const Mapping& mapping : mappings_) {
    if (mapping.is_ring) {
      *asynchronous = true;
      continue;
    }
    FoundFile file{mapping.device, mapping.inode, mapping.name};
    bool found = found_.count(file) > 0;
    if (!found) {
      CJ_ASSIGN_OR_RETURN(const Looked looked, LookUp(pid, directory, mapping));
      found = looked != Looked::kGone;
      if (looked == Looked::kWritten) found_.insert(std::move(file));
    }
    readings->Listed({mapping.device, mapping.inode}, found);
  }
  return {};
}

Result<ProcScan::Looked> ProcScan::LookUp(pid_t pid, const std::string& directory,
                                          const Mapping& mapping) {
  const std::string link = directory + "/map_files/" + mapping.range;
  struct stat info;
  if (::fstatat(proc_, link.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT && errno != ESRCH) return Refused(errno, link);
    return Looked::kGone;
  }
  // The link may be written through when the mapped file was opened for writing. That counts, not
  // the mapping's present protection: mprotect(2) may have changed it to and fro.
  if ((info.st_mode & S_IWUSR) == 0) return Looked::kReadOnly;
  auto outcome = files_->Add(proc_, link.c_str(), pid);
  if (!outcome) return Refused(outcome.error().errno_value, link);
  return *outcome == SilentFiles::Outcome::kGone ? Looked::kGone : Looked::kWritten;
}

Status ProcScan::AddDescriptors(pid_t pid, const std::string& directory) {
  auto descriptors = List(directory + "/fd");
  if (!descriptors) {
    if (IsGone(descriptors.error())) return {};
    return descriptors.error();
  }
  for (const int descriptor : *descriptors) {
    const std::string link = directory + "/fd/" + std::to_string(descriptor);
    struct stat info;
    if (::fstatat(proc_, link.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if ((info.st_mode & S_IWUSR) == 0) continue;
    auto outcome = files_->Add(proc_, link.c_str(), pid);
    if (!outcome) return Refused(outcome.error().errno_value, link);
  }
  return {};
}

// 4242 (name (with) anything) S 1 4242 4242 0 -1 4194560 ...
Result<pid_t> ProcScan::ParentOf(const std::string& directory) {
  const std::string path = directory + "/stat";
  UniqueFd fd(::openat(proc_, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Refused(errno, path);
  std::string text;
  Status status = ReadAll(fd.get(), &text);
  if (!status) return Refused(status.error().errno_value, path);
  const std::size_t name_end = text.rfind(')');
  char state = 0;
  int parent = 0;
  if (name_end == std::string::npos ||
      std::sscanf(text.c_str() + name_end, ") %c %d", &state, &parent) != 2) {
    return Error{ErrorCode::kCorruption, "/proc/" + path + " cannot be understood", 0};
  }
  return static_cast<pid_t>(parent);
}

}  // namespace cj
