#include "tests/oracle/run.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "tests/oracle/strangers.h"
#include "tests/support/own_mounts.h"

namespace cj::oracle {
namespace {

constexpr char kWithheld[] = "withheld-file";
constexpr char kStateName[] = "journal-state";
constexpr int kVolumeMebibytes = 2048;
constexpr std::size_t kExplained = 12;  // differences that are explained
constexpr std::size_t kExplanationLines = 25;
constexpr std::size_t kLogTailBytes = 8000;
constexpr std::uint64_t kMirrorEvery = 4;  // answers
// After an answer that took longer the writers wait for the next one: where they change more than
// can be answered in the same time, every interval would be longer than the one before.
constexpr double kSlowAnswerMilliseconds = 2000;

Status MakeFilesystem(const std::string& type, std::optional<TestFilesystem>* made) {
  CJ_ASSIGN_OR_RETURN(TestFilesystem filesystem, TestFilesystem::Create(type, kVolumeMebibytes));
  made->emplace(std::move(filesystem));
  return {};
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

Run::Run(Options options) : options_(std::move(options)), random_(options_.seed) {}

Status Run::Execute() {
  CJ_RETURN_IF_ERROR(PreparePlaces());
  CJ_RETURN_IF_ERROR(StartAll());
  CJ_RETURN_IF_ERROR(FirstCopy());
  const std::uint64_t between =
      std::max<std::uint64_t>(1, options_.checkpoints / options_.comparisons);
  std::uint64_t answers = 0;
  while (answers < options_.checkpoints || !workload_->Enough(options_.operations)) {
    CJ_RETURN_IF_ERROR(AskAtLeisure());
    ++answers;
    if (answers % between == 0) {
      CJ_RETURN_IF_ERROR(CompareHeld("in between"));
      CJ_RETURN_IF_ERROR(workload_->Resume());
    } else if (mirror_wanted_ && answers % kMirrorEvery == 0) {
      CJ_RETURN_IF_ERROR(workload_->Hold());
      CJ_RETURN_IF_ERROR(MirrorHeld());
      CJ_RETURN_IF_ERROR(workload_->Resume());
    }
  }
  CJ_RETURN_IF_ERROR(CompareHeld("at the end"));
  if (options_.drop_one) {
    CJ_RETURN_IF_ERROR(ChangeWithheld());
    CJ_RETURN_IF_ERROR(AskAndCompare("with one path withheld"));
  }
  CJ_RETURN_IF_ERROR(workload_->Finish());
  CJ_RETURN_IF_ERROR(AskAndCompare("after the last writer"));
  Summarize();
  if (journal_) CJ_RETURN_IF_ERROR(journal_->Stop());
  return {};
}

std::string Run::DaemonLog() const {
  std::ifstream file(work_ + "/daemon.log");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t skip = text.size() > kLogTailBytes ? text.size() - kLogTailBytes : 0;
  const char* state = journal_ && journal_->running() ? "the daemon runs\n" : "no daemon runs\n";
  return state + text.substr(skip);
}

Status Run::PreparePlaces() {
  CJ_RETURN_IF_ERROR(EnterOwnMountNamespace());
  work_ = work_directory_.path();
  logs_ = options_.log_directory.empty() ? work_ + "/logs" : options_.log_directory;
  mkdir(logs_.c_str(), 0700);
  volume_ = options_.filesystem;
  if (volume_.front() != '/') {
    CJ_RETURN_IF_ERROR(MakeFilesystem(volume_, &source_filesystem_));
    volume_ = source_filesystem_->path();
  }
  rmdir((volume_ + "/lost+found").c_str());
  CJ_RETURN_IF_ERROR(MakeFilesystem("tmpfs", &replica_filesystem_));
  CJ_RETURN_IF_ERROR(MakeFilesystem("tmpfs", &mirror_filesystem_));

  const bool whole = options_.watch == "mount" || (options_.watch == "any" && random_.Percent(50));
  const bool inside =
      options_.state == "inside" || (options_.state == "any" && random_.Percent(30));
  watch_ = whole ? volume_ : volume_ + "/watched";
  outside_ = whole ? volume_ + "/outside.skip" : volume_ + "/outside";
  state_ = (inside ? volume_ : work_) + "/" + kStateName;
  mkdir(watch_.c_str(), 0755);
  mkdir(outside_.c_str(), 0755);
  mkdir((watch_ + "/" + kExcludedName).c_str(), 0755);
  mirror_wanted_ = options_.rsync && !options_.replica_only;
  log_ = std::make_unique<OperationLog>(logs_, "answer");
  std::printf("oracle: %s, seed %llu (CJ_SEED replays it), watch %s, state %s the volume\n",
              options_.filesystem.c_str(), static_cast<unsigned long long>(options_.seed),
              whole ? "the mount" : "a subdirectory", inside ? "inside" : "outside");
  return {};
}

Status Run::StartAll() {
  const WorkloadSetup setup = {watch_, outside_, logs_};
  if (options_.drop_one) CJ_RETURN_IF_ERROR(ChangeWithheld());
  // The writers go first: links, mappings and open files are there before the daemon is.
  if (options_.workload == "stress-ng") {
    CJ_ASSIGN_OR_RETURN(workload_, StartStressNg(options_, setup));
  } else {
    CJ_ASSIGN_OR_RETURN(workload_, StartRandomWriters(options_, setup));
  }
  if (options_.replica_only) return {};
  CJ_ASSIGN_OR_RETURN(Journal journal,
                      Journal::Start({options_.daemon, options_.changectl, work_, state_, watch_,
                                      kExcludePattern, options_.strict}));
  journal_ = std::make_unique<Journal>(std::move(journal));
  return {};
}

Status Run::FirstCopy() {
  if (mirror_wanted_) {
    CJ_RETURN_IF_ERROR(workload_->Hold());
    CJ_RETURN_IF_ERROR(journal_->StartMirror());
    CJ_RETURN_IF_ERROR(CopyMirror());
    CJ_RETURN_IF_ERROR(workload_->Resume());
  }
  replica_ = std::make_unique<Replica>(
      watch_, replica_filesystem_->path(),
      [this](const std::string& relative) { return IgnoredByReplica(relative); });
  CJ_RETURN_IF_ERROR(CopyWhole());
  first_copy_ = replica_->counters();
  withholding_ = options_.drop_one;
  return {};
}

// The token first: what changes while we copy is in the next answer.
Status Run::CopyWhole() {
  if (journal_) {
    CJ_ASSIGN_OR_RETURN(token_, journal_->Checkpoint());
  }
  old_tokens_.clear();
  replica_->BeginAnswer();
  replica_->Sync("", true);
  return {};
}

// rsync ends with 23 or 24 when a name was another kind of file the second time it looked, which
// also happens among its own processes where the mirror has a file and the tree a directory of that
// name. The writers are held: what one pass leaves over, the next one finds as it will stay.
Status Run::CopyMirror() {
  constexpr int kPartialTransfer = 23;
  constexpr int kVanishedFiles = 24;
  constexpr int kPasses = 3;
  CommandResult copy;
  for (int pass = 0; pass < kPasses; ++pass) {
    CJ_ASSIGN_OR_RETURN(
        copy, RunCommand({"rsync", "-aHAX", "--checksum", "--modify-window=-1", "--delete",
                          "--exclude=*.skip", std::string("--exclude=/") + kStateName, watch_ + "/",
                          mirror_filesystem_->path() + "/"}));
    if (copy.exit_status == 0) return {};
    if (copy.exit_status != kPartialTransfer && copy.exit_status != kVanishedFiles) break;
  }
  return Error{ErrorCode::kIo, "rsync: " + copy.errors};
}

Status Run::AskJournal(Answer* answer) {
  const bool json = options_.format == "json" || (options_.format == "any" && random_.Percent(70));
  const AnswerFormat format = json ? AnswerFormat::kJson : AnswerFormat::kNullExpanded;
  // An older token asks for more than is needed, an answer without a checkpoint will be repeated.
  std::string since = token_;
  if (random_.Percent(10) && !old_tokens_.empty()) {
    since = old_tokens_[random_.Below(old_tokens_.size())];
  }
  old_tokens_.push_back(token_);
  if (old_tokens_.size() > 3) old_tokens_.erase(old_tokens_.begin());
  const bool checkpoint = !random_.Percent(15);
  const auto start = std::chrono::steady_clock::now();
  Result<Answer> asked = journal_->Changes(since, format, checkpoint);
  const bool no_list = !asked && (asked.error().code == ErrorCode::kRescanNeeded ||
                                  asked.error().code == ErrorCode::kBusy);
  if (no_list && !json) {
    // A list of names cannot say "all that was below"; JSON can, so that nothing has to be copied
    // anew, which would repair what was missed before.
    ++lists_refused_;
    asked = journal_->Changes(since, AnswerFormat::kJson, checkpoint);
  }
  if (!asked) return asked.error();
  *answer = std::move(*asked);
  const auto took = std::chrono::steady_clock::now() - start;
  answer_milliseconds_.push_back(std::chrono::duration<double, std::milli>(took).count());
  return {};
}

Status Run::AskAtLeisure() {
  const bool slow =
      !answer_milliseconds_.empty() && answer_milliseconds_.back() > kSlowAnswerMilliseconds;
  waited_ = slow && !waited_;  // never twice in a row
  if (!waited_) return AskAndApply();
  ++waits_;
  CJ_RETURN_IF_ERROR(workload_->Hold());
  CJ_RETURN_IF_ERROR(AskAndApply());
  return workload_->Resume();
}

Status Run::AskAndApply() {
  Answer answer;
  if (options_.replica_only) {
    answer.paths.push_back({watch_, true, "rescan"});
    answer_milliseconds_.push_back(0);
  } else {
    log_->Add("ask-since-" + token_, 0, {});
    const Status asked = AskJournal(&answer);
    if (!asked && asked.error().code == ErrorCode::kRescanNeeded) {
      ++rescans_;
      std::printf("refused: %s", asked.error().message.c_str());
      return CopyWhole();
    }
    CJ_RETURN_IF_ERROR(asked);
    token_ = answer.next;
  }
  Apply(answer);
  return {};
}

void Run::Apply(const Answer& answer) {
  replica_->BeginAnswer();
  reported_ += answer.paths.size();
  for (const ReportedPath& reported : answer.paths) {
    log_->Add("reported-" + reported.change + (reported.recursive ? "-recursive" : ""), 0,
              reported.path);
    if (reported.path == watch_ && reported.recursive && journal_) ++rescans_;
    if (!PathContains(watch_, reported.path)) {
      std::printf("outside of the watch: %s\n", EscapePath(reported.path).c_str());
      ++missed_;
      continue;
    }
    replica_->Sync(Relative(reported.path), reported.recursive);
  }
  log_->Flush();
}

Status Run::MirrorHeld() {
  log_->Add("mirror", 0, {});
  PartStrangers(watch_, mirror_filesystem_->path());
  const Status mirrored = journal_->Mirror(mirror_filesystem_->path());
  if (mirrored || mirrored.error().code != ErrorCode::kRescanNeeded) return mirrored;
  ++lists_refused_;
  CJ_RETURN_IF_ERROR(journal_->StartMirror());
  return CopyMirror();
}

Status Run::CompareHeld(const char* when) {
  CJ_RETURN_IF_ERROR(workload_->Hold());
  return AskAndCompare(when);
}

Status Run::AskAndCompare(const char* when) {
  CJ_RETURN_IF_ERROR(AskAndApply());
  const auto ignored = [this](const std::string& path) { return IgnoredByComparison(path); };
  Judge("replica", when,
        Compare(watch_, replica_filesystem_->path(), LinkRule::kSameGroups, ignored));
  if (!mirror_wanted_) return {};
  CJ_RETURN_IF_ERROR(MirrorHeld());
  Judge("rsync mirror", when,
        Compare(watch_, mirror_filesystem_->path(), LinkRule::kNoLinkIsMissing, ignored));
  return {};
}

void Run::Judge(const char* which, const char* when, const std::vector<Difference>& differences) {
  std::printf("%s %s: %zu answers, %s, %zu differences\n", which, when, answer_milliseconds_.size(),
              workload_->Report().c_str(), differences.size());
  std::fflush(stdout);
  missed_ += differences.size();
  if (!differences.empty() && journal_) KeepRecords();
  for (std::size_t i = 0; i < std::min(kExplained, differences.size()); ++i) {
    const std::string path = JoinPath(watch_, differences[i].relative);
    std::printf("MISSED in the %s: %s: %s\n", which, EscapePath(differences[i].relative).c_str(),
                differences[i].what.c_str());
    for (const std::string& line : Explain(logs_, path, kExplanationLines)) {
      std::printf("    %s\n", line.c_str());
    }
  }
}

// Whether what was missed is on record tells a fault of the answer from one of the record.
void Run::KeepRecords() {
  const Result<std::string> records = journal_->Records();
  const std::string path = logs_ + "/records." + std::to_string(answer_milliseconds_.size());
  if (!records || !(std::ofstream(path) << *records).flush()) {
    std::printf("the records could not be kept in %s\n", path.c_str());
  }
}

Status Run::ChangeWithheld() {
  const std::string path = watch_ + "/" + kWithheld;
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (write(fd.get(), "changed\n", 8) != 8) return ErrnoError(errno, "changing " + path);
  return {};
}

std::string Run::Relative(const std::string& path) const {
  return path.size() > watch_.size() ? path.substr(watch_.size() + 1) : "";
}

bool Run::IgnoredByComparison(const std::string& relative) const {
  // Excluded by the pattern: this component or one above it.
  const std::string slashed = relative + "/";
  if (slashed.find(".skip/") != std::string::npos) return true;
  return PathContains(state_, JoinPath(watch_, relative));
}

bool Run::IgnoredByReplica(const std::string& relative) const {
  if (withholding_ && relative == kWithheld) return true;
  return IgnoredByComparison(relative);
}

void Run::Summarize() const {
  const ReplicaCounters& all = replica_->counters();
  const std::uint64_t looked_at = all.looked_at - first_copy_.looked_at;
  const std::uint64_t differed = all.differed - first_copy_.differed;
  std::printf(
      "oracle %s seed=%llu: %s, %zu checkpoints, %llu paths reported "
      "(%llu with members), %llu of them differed, over-reporting %.2f, median answer %.0f ms, "
      "daemon peak %llu KiB, lists refused %llu, rescans %llu, writers waited %llu times, "
      "missed %zu\n",
      options_.filesystem.c_str(), static_cast<unsigned long long>(options_.seed),
      workload_->Report().c_str(), answer_milliseconds_.size(),
      static_cast<unsigned long long>(reported_), static_cast<unsigned long long>(looked_at),
      static_cast<unsigned long long>(differed),
      differed > 0 ? static_cast<double>(looked_at) / static_cast<double>(differed) : 0.0,
      Median(answer_milliseconds_),
      static_cast<unsigned long long>(journal_ ? journal_->PeakResidentKib() : 0),
      static_cast<unsigned long long>(lists_refused_), static_cast<unsigned long long>(rescans_),
      static_cast<unsigned long long>(waits_), missed_);
}

}  // namespace cj::oracle
