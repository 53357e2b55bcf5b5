#include "tests/oracle/power_cuts.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/oracle/comparison.h"
#include "tests/oracle/operation_log.h"
#include "tests/support/own_mounts.h"

namespace cj::oracle {
namespace {

// EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are the same; without writing the log out first.
constexpr unsigned long kShutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kNoLogFlush = 2;
constexpr std::chrono::seconds kDeadline{120};
constexpr std::uint64_t kMostOperations = 4'000;  // between two cuts
constexpr std::size_t kExplained = 12;
constexpr std::size_t kExplanationLines = 25;
constexpr std::size_t kLogTailBytes = 8000;
const char* const kNames[] = {"the power of the watched volume",
                              "the power of the journal's volume", "the power of both volumes",
                              "the mount of the watched volume"};

Status Shutdown(const std::string& mount_point) {
  const UniqueFd fd(open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::uint32_t flags = kNoLogFlush;
  if (!fd || ioctl(fd.get(), kShutdown, &flags) != 0) {
    return ErrnoError(errno, "shutting down " + mount_point);
  }
  return {};
}

}  // namespace

PowerCuts::PowerCuts(Options options) : options_(std::move(options)), random_(options_.seed) {}

Status PowerCuts::Execute() {
  CJ_RETURN_IF_ERROR(Prepare());
  CJ_RETURN_IF_ERROR(StartDaemon());
  CJ_RETURN_IF_ERROR(FirstCopy());
  for (std::uint64_t cut = 0; cut < options_.cuts; ++cut) {
    const Which which = Choose();
    CJ_RETURN_IF_ERROR(StartWriters());
    CJ_RETURN_IF_ERROR(WorkAWhile());
    CJ_RETURN_IF_ERROR(Cut(which));
    CJ_RETURN_IF_ERROR(CompareAfter(which));
    ++cuts_[static_cast<int>(which)];
  }
  Summarize();
  return journal_->Stop();
}

std::string PowerCuts::DaemonLog() const {
  std::ifstream file(work_directory_.path() + "/daemon.log");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return text.substr(text.size() > kLogTailBytes ? text.size() - kLogTailBytes : 0);
}

Status PowerCuts::Prepare() {
  CJ_RETURN_IF_ERROR(EnterOwnMountNamespace());
  for (auto* place : {&watched_, &state_, &copy_}) {
    CJ_ASSIGN_OR_RETURN(TestFilesystem made,
                        TestFilesystem::Create(place == &copy_ ? "tmpfs" : options_.filesystem));
    place->emplace(std::move(made));
  }
  logs_ = options_.log_directory.empty() ? work_directory_.path("logs") : options_.log_directory;
  mkdir(logs_.c_str(), 0700);
  watch_ = watched_->path("watched");
  mkdir(watch_.c_str(), 0755);
  mkdir((watch_ + "/" + kExcludedName).c_str(), 0755);
  mkdir(watched_->path("outside").c_str(), 0755);
  SyncVolumes();  // what is watched survives the first cut
  std::printf("oracle: power cuts of %s, seed %llu (CJ_SEED replays it)\n",
              options_.filesystem.c_str(), static_cast<unsigned long long>(options_.seed));
  return {};
}

// Not sync(2): the volumes of other tests are none of ours.
void PowerCuts::SyncVolumes() const {
  for (const auto* place : {&watched_, &state_}) {
    const UniqueFd top(::open((*place)->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (top.valid()) ::syncfs(top.get());
  }
}

Status PowerCuts::StartDaemon() {
  const std::string state =
      options_.state == "inside" ? watched_->path("journal-state") : state_->path("journal-state");
  CJ_ASSIGN_OR_RETURN(Journal journal,
                      Journal::Start({options_.daemon, options_.changectl, work_directory_.path(),
                                      state, watch_, kExcludePattern, options_.strict}));
  journal_ = std::make_unique<Journal>(std::move(journal));
  return {};
}

Status PowerCuts::StartWriters() {
  Options options = options_;
  options.seed = options_.seed + ++generation_;
  CJ_ASSIGN_OR_RETURN(writers_,
                      StartRandomWriters(options, {watch_, watched_->path("outside"), logs_}));
  return {};
}

Status PowerCuts::FirstCopy() {
  replica_ = std::make_unique<Replica>(
      watch_, copy_->path(), [this](const std::string& relative) { return Ignored(relative); });
  CJ_ASSIGN_OR_RETURN(token_, journal_->Checkpoint());
  replica_->BeginAnswer();
  replica_->Sync("", true);
  first_copy_ = replica_->counters();
  return {};
}

Status PowerCuts::AwaitOperations(std::uint64_t operations) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!writers_->Enough(operations)) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{ErrorCode::kIo, "the writers stand still"};
    }
    std::this_thread::yield();
  }
  return {};
}

// Some answers in between, so that the copy has work that is not on the disk yet.
Status PowerCuts::WorkAWhile() {
  const std::uint64_t answers = random_.Below(4);
  const std::uint64_t operations = 1 + random_.Below(kMostOperations);
  for (std::uint64_t i = 1; i <= answers + 1; ++i) {
    CJ_RETURN_IF_ERROR(AwaitOperations(operations * i / (answers + 1)));
    if (i <= answers) CJ_RETURN_IF_ERROR(AskAndApply(random_.Percent(80)));
  }
  // Work of very different age is on its way to the disk.
  if (random_.Percent(20)) SyncVolumes();
  return {};
}

PowerCuts::Which PowerCuts::Choose() {
  if (options_.cut == "watched") return Which::kWatched;
  if (options_.cut == "state") return Which::kState;
  if (options_.cut == "unmount") return Which::kUnmount;
  if (options_.cut == "both" || options_.state == "inside") return Which::kBoth;
  return random_.Pick({Which::kWatched, Which::kState, Which::kBoth});
}

Status PowerCuts::Unmount() {
  writers_.reset();
  replica_->CloseSource();
  CJ_RETURN_IF_ERROR(Remount(&*watched_));
  CJ_RETURN_IF_ERROR(StartWriters());
  replica_->OpenSource(watch_);
  const std::uint64_t operations = 1 + random_.Below(kMostOperations);
  CJ_RETURN_IF_ERROR(AwaitOperations(operations));
  writers_.reset();
  return {};
}

Status PowerCuts::Cut(Which which) {
  if (which == Which::kUnmount) return Unmount();
  if (which != Which::kState) CJ_RETURN_IF_ERROR(Shutdown(watched_->path()));
  if (which != Which::kWatched) CJ_RETURN_IF_ERROR(Shutdown(state_->path()));
  if (which == Which::kBoth) CJ_RETURN_IF_ERROR(journal_->Kill());
  // Where the disk is gone they fail; where it is not they have worked on.
  writers_.reset();
  replica_->CloseSource();
  if (which != Which::kState) CJ_RETURN_IF_ERROR(Remount(&*watched_));
  if (which != Which::kWatched) CJ_RETURN_IF_ERROR(Remount(&*state_));
  replica_->OpenSource(watch_);
  return which == Which::kBoth ? StartDaemon() : Status();
}

// Who had files open there lets go of them: the daemon's attempts to store fail, its looks end.
Status PowerCuts::Remount(TestFilesystem* filesystem) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (;;) {
    const Status gone = filesystem->Unmount();
    if (gone) break;
    if (std::chrono::steady_clock::now() > deadline) return gone;
    std::this_thread::yield();
  }
  return filesystem->Mount();
}

Status PowerCuts::AskAndApply(bool checkpoint) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (;;) {
    auto answer = journal_->Changes(token_, AnswerFormat::kJson, checkpoint);
    if (answer) {
      token_ = answer->next;
      replica_->BeginAnswer();
      reported_ += answer->paths.size();
      for (const ReportedPath& each : answer->paths) {
        const bool root = each.path.size() <= watch_.size();
        replica_->Sync(root ? "" : each.path.substr(watch_.size() + 1), each.recursive);
      }
      return {};
    }
    // While its disk is away the daemon answers with what went wrong.
    if (answer.error().code == ErrorCode::kRescanNeeded) {
      ++refused_;
      std::printf("refused: %s", answer.error().message.c_str());
      return FirstCopy();
    }
    if (std::chrono::steady_clock::now() > deadline) return answer.error();
    std::this_thread::yield();
  }
}

Status PowerCuts::CompareAfter(Which which) {
  CJ_RETURN_IF_ERROR(AskAndApply(true));
  const auto ignored = [this](const std::string& relative) { return Ignored(relative); };
  const auto differences = Compare(watch_, copy_->path(), LinkRule::kSameGroups, ignored);
  std::printf("lost %s: %zu differences\n", kNames[static_cast<int>(which)], differences.size());
  missed_ += differences.size();
  for (std::size_t i = 0; i < std::min(kExplained, differences.size()); ++i) {
    std::printf("MISSED: %s: %s\n", EscapePath(differences[i].relative).c_str(),
                differences[i].what.c_str());
    const std::string path = JoinPath(watch_, differences[i].relative);
    for (const std::string& line : Explain(logs_, path, kExplanationLines)) {
      std::printf("    %s\n", line.c_str());
    }
  }
  // What was missed once must not be told again and again.
  if (!differences.empty()) return FirstCopy();
  return {};
}

bool PowerCuts::Ignored(const std::string& relative) const {
  return (relative + "/").find(".skip/") != std::string::npos;
}

void PowerCuts::Summarize() const {
  const ReplicaCounters& all = replica_->counters();
  const std::uint64_t looked_at = all.looked_at - first_copy_.looked_at;
  const std::uint64_t differed = all.differed - first_copy_.differed;
  const auto count = [this](Which which) {
    return static_cast<unsigned long long>(cuts_[static_cast<int>(which)]);
  };
  std::printf(
      "power cuts %s seed=%llu: %llu of the watched volume, %llu of the journal's, %llu of both, "
      "%llu unmounted; "
      "%llu paths reported (%llu with members), %llu of them differed, over-reporting %.2f, "
      "refused %llu, missed %zu\n",
      options_.filesystem.c_str(), static_cast<unsigned long long>(options_.seed),
      count(Which::kWatched), count(Which::kState), count(Which::kBoth), count(Which::kUnmount),
      static_cast<unsigned long long>(reported_), static_cast<unsigned long long>(looked_at),
      static_cast<unsigned long long>(differed),
      differed > 0 ? static_cast<double>(looked_at) / static_cast<double>(differed) : 0.0,
      static_cast<unsigned long long>(refused_), missed_);
}

}  // namespace cj::oracle
