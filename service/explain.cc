#include "service/explain.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "fanotify/directories.h"
#include "journal/views.h"

namespace cj {
namespace {

constexpr std::size_t kBatch = 1000;
// Two passes, in either direction, teach all but what is renamed back and forth through several
// names.
constexpr int kMaxPasses = 8;

bool IsCancelled(const ExplainQuestion& question) {
  return question.cancelled && question.cancelled();
}

Error Withdrawn() { return {ErrorCode::kCancelled, "the question was withdrawn"}; }

// Sorts a change of the answer in.
void AddChange(const std::string& path, Change change, Explanation* explanation) {
  auto concerns = [&](const std::string& told) {
    return !told.empty() && (told == path || (change.recursive && PathContains(told, path)));
  };
  if (!concerns(change.path) && !concerns(change.from)) {
    ++explanation->below;
  } else if (explanation->changes.size() < kMaxExplained) {
    explanation->changes.push_back(std::move(change));
  }
}

Question QuestionOf(const ExplainQuestion& asked) {
  Question question;
  question.since = asked.since;
  question.until = asked.until;
  question.paths = {asked.path};
  question.checkpoint = false;
  question.inspects = true;
  question.cancelled = asked.cancelled;
  return question;
}

// A refusal is what there is to be told, and no error.
Status ReadAnswer(JournalService& service, const Question& question, Explanation* explanation) {
  auto opened = service.OpenAnswer(question);
  Status status = opened.has_value() ? Status() : Status(opened.error());
  for (bool more = status.has_value(); more;) {
    std::vector<Change> changes;
    auto next = opened->answer->Next(kBatch, &changes);
    if (!next.has_value()) status = next.error();
    more = next.has_value() && *next;
    for (Change& change : changes) {
      AddChange(question.paths.front(), std::move(change), explanation);
    }
  }
  if (status.has_value()) return {};
  if (status.error().code == ErrorCode::kCancelled) return status;
  explanation->refused = status.error().message;
  explanation->changes.clear();
  explanation->below = 0;
  return {};
}

// Of a time before the oldest checkpoint there is what there is.
Result<PeriodId> FindRecordsStart(JournalService& service, const Position& since) {
  const auto found = service.Find(since);
  const bool reaches_back = !found.has_value() && since.time_usec.has_value();
  return reaches_back ? service.OldestPeriod().id : found;
}

// What is there may be told under names that no record of the path has.
void FollowPresent(const std::string& path, const std::vector<Watch>& watches, Evidence* evidence) {
  const std::vector<View> views = MakeViews(watches);
  auto directories = OpenDirectories(MountsOf(views));
  if (!directories.has_value() || path == "/") return;
  const PathParts parts = SplitPath(path);
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (!Covers(views[i], path)) continue;
    auto now = (*directories)->Look(i, std::string(parts.directory), std::string(parts.name));
    if (now.has_value() && now->exists) evidence->Follow(views[i].mount.id, now->object);
  }
}

// One pass; `explanation` null: only to learn.
Status ReadRecords(JournalService& service, const LogQuestion& log, const ExplainQuestion& question,
                   Evidence* evidence, Explanation* explanation) {
  CJ_ASSIGN_OR_RETURN(auto reader, service.OpenLog(log));
  std::vector<LogEntry> entries;
  for (bool more = true; more;) {
    if (IsCancelled(question)) return Withdrawn();
    entries.clear();
    CJ_ASSIGN_OR_RETURN(more, reader->Next(kBatch, &entries));
    for (LogEntry& entry : entries) {
      const auto role = entry.gap ? std::nullopt : evidence->Judge(entry);
      if (!role.has_value() || explanation == nullptr) continue;
      if (explanation->records.size() < kMaxExplained) {
        explanation->records.push_back({std::move(entry), *role});
      } else {
        ++explanation->left_out;
      }
    }
  }
  if (explanation != nullptr) explanation->gaps = reader->gaps();
  return {};
}

Status FindRecords(JournalService& service, const ExplainQuestion& question,
                   const std::vector<Watch>& watches, Explanation* explanation) {
  Evidence evidence(question.path);
  FollowPresent(question.path, watches, &evidence);
  LogQuestion log;
  log.since = Position{service.TokenOf(explanation->since), std::nullopt};
  log.until = question.until;
  log.feed = true;  // by names outside of the watches, too
  log.shown_at = question.path;
  for (int pass = 0;; ++pass) {
    // Former names show backwards, later ones forwards.
    log.reverse = pass % 2 == 0;
    (void)evidence.TakeLearnt();
    explanation->records.clear();
    explanation->left_out = 0;
    CJ_RETURN_IF_ERROR(
        ReadRecords(service, log, question, &evidence, log.reverse ? nullptr : explanation));
    if (!log.reverse && (!evidence.TakeLearnt() || pass >= kMaxPasses)) break;
  }
  explanation->complete = evidence.complete();
  const std::vector<Watch> asked = WatchesAsked(watches, {question.path});
  auto elsewhere = [&](const PeriodGap& gap) { return !Concerns(gap.gap, asked, watches); };
  auto& gaps = explanation->gaps;
  gaps.erase(std::remove_if(gaps.begin(), gaps.end(), elsewhere), gaps.end());
  return {};
}

}  // namespace

std::string WhyNotTold(const Explanation& explanation) {
  auto all = [&](auto holds) {
    return std::all_of(
        explanation.records.begin(), explanation.records.end(),
        [&](const ExplainedRecord& one) { return holds(one.role, one.entry.record); });
  };
  if (explanation.records.empty()) {
    return "no record of the interval speaks of it, of another name of it, or of a directory above "
           "it";
  }
  if (all([](EvidenceRole role, const Record&) { return role == EvidenceRole::kAbove; })) {
    return "the interval has records of directories above it only, and nothing below these has "
           "come or gone with them";
  }
  if (all([](EvidenceRole, const Record& record) {
        return (record.operations & ~(kIntent | kDirectory)) == 0;
      })) {
    return "it was opened for writing, and its change time proves that it was not changed";
  }
  if (all([](EvidenceRole, const Record& record) { return IsForAGap(record); })) {
    return "a crawl found it for a gap that is not in the interval";
  }
  return "the records say nothing of it that is different at the ends of the interval";
}

std::string WhyUnwatched(const std::string& path, const std::vector<Watch>& watches) {
  if (CheckWatched({path}, watches).has_value()) return "";
  std::string roots;
  for (const Watch& watch : watches) {
    const std::string& root = watch.volume.path;
    roots += (roots.empty() ? "" : ", ") + root;
    if (!PathContains(root, path)) continue;
    for (const std::string& excluded : watch.excluded_paths) {
      if (PathContains(excluded, path)) return "it is in " + excluded + ", which is never watched";
    }
    for (const std::string& pattern : watch.excludes) {
      Watch alone = watch;
      alone.excludes = {pattern};
      if (!Covers(alone, path))
        return "Exclude=" + pattern + " of the watch " + root + " keeps it out";
    }
  }
  return "no watch covers it; there are: " + roots;
}

Result<Explanation> Explain(JournalService& service, const ExplainQuestion& question) {
  Explanation explanation;
  const Question asked = QuestionOf(question);
  CJ_ASSIGN_OR_RETURN(explanation.since, FindRecordsStart(service, question.since));
  const std::vector<Watch> watches = service.Watches();
  explanation.why_not = WhyUnwatched(question.path, watches);
  if (!explanation.why_not.empty()) return explanation;
  CJ_RETURN_IF_ERROR(ReadAnswer(service, asked, &explanation));
  CJ_RETURN_IF_ERROR(FindRecords(service, question, watches, &explanation));
  if (explanation.refused.empty() && explanation.changes.empty()) {
    explanation.why_not = WhyNotTold(explanation);
  }
  return explanation;
}

}  // namespace cj
