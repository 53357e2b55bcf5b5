// A workload that nobody here wrote: stress-ng's filesystem stressors, all at once, round after
// round of `operations` for as long as the oracle asks. It cleans up after itself, so what counts
// is held (SIGSTOP) in its midst.
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/oracle/process.h"
#include "tests/oracle/workload.h"

namespace cj::oracle {
namespace {

using std::chrono::steady_clock;

// Names of stressors, with an option that keeps their files small where they have one.
struct Stressor {
  const char* name;
  const char* option;
  unsigned share;  // of the operations; one of link's makes thousands of names, so it gets one
};
constexpr Stressor kStressors[] = {
    {"aio", "", 10},
    {"chmod", "", 10},
    {"chown", "", 10},
    {"copy-file", "--copy-file-bytes=128M", 1},
    {"dentry", "--dentries=64", 40},
    {"dir", "--dir-dirs=64", 20},
    {"dirdeep", "--dirdeep-inodes=200", 20},
    {"fallocate", "--fallocate-bytes=1M", 2},
    {"filename", "", 20},
    {"hdd", "--hdd-bytes=1M", 5},
    {"iomix", "--iomix-bytes=1M", 5},
    {"link", "", 0},
    {"mknod", "", 10},
    {"mmap", "--mmap-file --mmap-bytes=1M", 0},
    {"msync", "--msync-bytes=1M", 5},
    {"rename", "", 60},
    {"seek", "--seek-size=1M", 20},
    {"symlink", "", 0},
    {"sync-file", "--sync-file-bytes=1M", 2},
    {"touch", "", 40},
    {"utime", "", 40},
    {"xattr", "", 1},
};

// State letter and parent of every process.
struct ProcessInfo {
  char state;
  pid_t parent;
};

std::map<pid_t, ProcessInfo> Processes() {
  std::map<pid_t, ProcessInfo> processes;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
    const pid_t pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid <= 0) continue;
    std::ifstream file(std::string("/proc/") + entry->d_name + "/stat");
    std::string line;
    if (!std::getline(file, line)) continue;
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    ProcessInfo info{};
    rest >> info.state >> info.parent;
    processes[pid] = info;
  }
  return processes;
}

bool AtRest(char state) { return state == 'T' || state == 't' || state == 'Z' || state == 'X'; }

class StressNg : public Workload {
 public:
  StressNg(std::uint64_t operations, std::uint64_t seed, const WorkloadSetup& setup)
      : operations_(operations), seed_(seed), setup_(setup) {
    // A stressor whose parent ended stays in our family, where it can be found and stopped.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  ~StressNg() override { KillAll(); }

  Status StartRound();
  bool Enough(std::uint64_t) const override { return true; }
  Status Hold() override;
  Status Resume() override;
  Status Finish() override;
  std::string Report() const override;

 private:
  std::set<pid_t> Family() const;
  void Signal(int number) const;
  void KillAll();

  std::uint64_t operations_;
  std::uint64_t seed_;
  WorkloadSetup setup_;
  Child child_;
  std::uint64_t rounds_ = 0;
};

Status StressNg::StartRound() {
  std::vector<std::string> command = {"stress-ng", "--temp-path=" + setup_.inside,
                                      "--seed=" + std::to_string(seed_ + rounds_), "--timeout=60"};
  unsigned shares = 0;
  for (const Stressor& stressor : kStressors) shares += stressor.share;
  for (const Stressor& stressor : kStressors) {
    const std::uint64_t operations = operations_ * stressor.share / shares + 1;
    const std::string option = std::string("--") + stressor.name;
    command.push_back(option + "=1");
    command.push_back(option + "-ops=" + std::to_string(operations));
    std::istringstream more(stressor.option);
    for (std::string word; more >> word;) command.push_back(word);
  }
  // Beside the operation logs, not among them: it is no log of paths.
  CJ_ASSIGN_OR_RETURN(child_, StartCommand(command, setup_.log_directory + "/../stress-ng.log"));
  return {};
}

std::set<pid_t> StressNg::Family() const {
  std::set<pid_t> family = {child_.pid()};
  const std::map<pid_t, ProcessInfo> processes = Processes();
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& [pid, info] : processes) {
      if (family.contains(info.parent)) grown = family.insert(pid).second || grown;
    }
  }
  return family;
}

void StressNg::Signal(int number) const {
  for (const pid_t pid : Family()) kill(pid, number);
}

// New processes may be born while we look, so that all is still only when every member is at rest.
Status StressNg::Hold() {
  const auto end = steady_clock::now() + std::chrono::seconds(120);
  while (steady_clock::now() < end) {
    Signal(SIGSTOP);
    const std::map<pid_t, ProcessInfo> processes = Processes();
    bool rest = true;
    for (const pid_t pid : Family()) {
      const auto found = processes.find(pid);
      rest = rest && found != processes.end() && AtRest(found->second.state);
    }
    if (rest) return {};
    sched_yield();
  }
  return Error{ErrorCode::kIo, "stress-ng cannot be stopped"};
}

Status StressNg::Resume() {
  Signal(SIGCONT);
  if (child_.running()) return {};
  CJ_ASSIGN_OR_RETURN(const int status, child_.End(0, std::chrono::seconds(10)));
  // 2 (a stressor failed), 3 (no resources) and 4 (this kernel cannot) are its own affair.
  if (status != 0 && status != 2 && status != 3 && status != 4) {
    return Error{ErrorCode::kIo, "stress-ng ended with status " + std::to_string(status)};
  }
  ++rounds_;
  return StartRound();
}

void StressNg::KillAll() {
  if (child_.pid() > 0) Signal(SIGKILL);
  child_ = Child();
}

Status StressNg::Finish() {
  Signal(SIGCONT);
  kill(child_.pid(), SIGINT);
  const Result<int> status = child_.End(0, std::chrono::seconds(120));
  if (!status) return WithContext(status.error(), "stress-ng");
  return {};
}

std::string StressNg::Report() const {
  return std::to_string(std::size(kStressors)) + " stressors of stress-ng, " +
         std::to_string(rounds_) + " whole rounds";
}

}  // namespace

Result<std::unique_ptr<Workload>> StartStressNg(const Options& options,
                                                const WorkloadSetup& setup) {
  auto stress = std::make_unique<StressNg>(options.operations, options.seed & 0xffffffff, setup);
  CJ_RETURN_IF_ERROR(stress->StartRound());
  return std::unique_ptr<Workload>(std::move(stress));
}

}  // namespace cj::oracle
