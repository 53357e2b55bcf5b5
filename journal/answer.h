// Answers "what changed from checkpoint `from` up to `until`?". Build() scans and folds the
// records; Next() then resolves and checks a batch of paths at a time, so that memory is that of
// the fold whatever the number of lines, and a slow reader holds no thread. Of a list Next() reads
// the records, too, and folds few of them. docs/answers.md says why an answer covers every
// difference.
//
// Not thread-safe: one caller at a time, from any thread. Blocking: store and file system.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "fanotify/directories.h"
#include "journal/answer_request.h"
#include "journal/change.h"
#include "journal/classify.h"
#include "journal/fold.h"
#include "journal/link_memory.h"
#include "journal/name_table.h"
#include "journal/resolver.h"
#include "journal/settled_files.h"
#include "journal/store.h"
#include "journal/tree_walk.h"
#include "journal/viewer.h"
#include "journal/views.h"

namespace cj {

class Answer {
 public:
  using Opener = std::function<Result<std::unique_ptr<Directories>>(std::span<const VolumeMount>)>;
  struct Environment {
    Store* store = nullptr;  // also learns names of hard links
    std::vector<Watch> watches;
    Opener open_directories;
    // Stores what the kernel still has queued; called a few times at most: when a directory is gone
    // of which no stored record tells, when all of them have been found, and at the end of a list
    // of former trees. May be empty.
    std::function<Status()> drain;
    // Asked now and then; true ends the work with kCancelled. May be empty.
    std::function<bool()> cancelled;
    LinkMemory* link_memory = nullptr;      // shared by all answers; may be null
    SettledFiles* settled_files = nullptr;  // the same
    // Shared by all answers: true while one of them has a second thread. Null: none has.
    std::atomic<bool>* helped = nullptr;
    // Who hears only of what he could list; null: somebody who may hear of everything.
    std::shared_ptr<Viewer> viewer;
    std::int64_t asked_nsec = 0;      // with a viewer: CLOCK_REALTIME_COARSE before the last record
    std::vector<std::string> barred;  // directories on the way to watches that he cannot reach
    AnswerLimits limits;
  };

  static constexpr std::size_t kStepBytes = 4 << 20;

  // kRescanNeeded: a gap lies in the interval. kInvalidArgument: a path that no watch covers.
  static Result<std::unique_ptr<Answer>> Build(Environment environment, AnswerRequest request);

  // Appends up to about `max` changes, fewer where their paths are together longer than kStepBytes.
  // False: that was the end. After an error what it appended is worth nothing, and there is no
  // more. kRescanNeeded: a filesystem went, or was mounted over, meanwhile.
  Result<bool> Next(std::size_t max, std::vector<Change>* changes);

  // Changes handed out so far.
  std::uint64_t count() const { return count_; }
  // There is a `rescan` entry: a list of plain paths cannot say that.
  bool wants_rescan() const { return !rescans_.empty(); }
  // Not empty: with `expand`, some former member of a directory cannot be told by name, only by a
  // `recursive` entry. A sentence fit to be shown. Final only at the end.
  const std::string& unlistable() const { return unlistable_; }
  // That is so because of something after the interval, like the rename of a directory, which the
  // next answer from the same beginning has in its interval.
  bool overtaken() const { return overtaken_; }
  // Why; a clause fit to be shown.
  const std::string& rescan_reason() const { return rescan_reason_; }

 private:
  struct Place {  // a directory of the fold as one view shows it
    std::string path;
    DirectoryIndex directory = kNone;
    std::uint32_t view = 0;
    bool dead = false;
  };
  struct PathFacts {
    NameFacts facts;
    std::vector<NameIndex> names;
  };
  struct Step {  // a name that is about to be told
    std::uint32_t place = 0;
    PathFacts merged;
    std::string path;
    Result<NameState> seen = Error{ErrorCode::kCancelled, "not looked at"};
  };
  // The places [begin, end) are one path in one view; their names, sorted, become steps and are
  // told one by one.
  struct Group {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::vector<NameIndex> names;
    std::size_t next = 0;  // the first of the names that has not become a step
    std::deque<Step> steps;
  };

  // What is known of the names of a changed file that has several of them, or none in any record.
  struct Links {
    std::uint64_t count = 0;     // as the file system said last
    std::uint64_t verified = 0;  // names at which it was seen
  };

  struct MovedTree {  // a directory that was told as `recursive`, and is there
    std::string path;
    std::uint32_t view = 0;
  };

  Answer(Environment environment, AnswerRequest request);

  // answer.cc: from records to places.
  Result<std::unique_ptr<RecordCursor>> ScanInterval(const ScanRange& range) const;
  Status Scan();
  Result<bool> RescanBeyondLimits(Status scanned);
  Status Prepare(Directories& directories);
  std::vector<PeriodInfo> GapsWithin() const;
  Status CheckGaps() const;
  Status CheckMounted(Directories& directories) const;
  Status SettleIntents(Directories& directories);
  Status Resolve(Directories& directories);
  Result<std::vector<DirectoryIndex>> ResolveSome(Directories& directories,
                                                  const std::vector<DirectoryIndex>& indices);
  Result<bool> ResolveOne(Directories& directories, PathResolver& resolver, DirectoryIndex index);
  void SortPlaces();
  Status TellDeep(Directories& directories, std::size_t view, const FileHandle& directory);
  Status FindRenames(Directories& directories);
  Status Cancelled() const;
  static Result<NameState> SeeElsewhere(Directories& directories, std::size_t view,
                                        const std::string& directory, const std::string& name);

  // answer_rescan.cc: trees that have to be scanned anew.
  void TellHidden();
  void FindLostRoots();
  void FindCrawled();
  void RescanBelow(const Place& place);
  void RescanAll(std::string reason);

  // answer_tell.cc: from places to changes.
  Result<bool> TellSome(Directories& directories, std::size_t max);
  bool IsStepFull(std::size_t target) const;
  bool IsOnlyItself(const FoldedDirectory& directory) const;
  bool IsMountPoint(Directories& directories, std::size_t view, const std::string& path) const;
  void TellHiddenLink(std::uint32_t view, const std::string& directory);
  Status TellPlaces(Directories& directories, std::size_t max);
  bool TellGoneTree();
  void NoteHeld(NameIndex index);
  Result<Situation> SituationOf(Step& step) const;
  Status TellName(Step step);
  void TellLostRename(std::uint32_t view, NameIndex name, ObjectIndex found);
  void TellSelf(const Group& group);
  TreeWalk::Enter Entered() const;
  Status TellExpansion();
  bool SubtreeIsGone(const std::string& path) const;
  bool Wanted(const View& view, const Change& change) const;
  void Tell(std::uint32_t view, Change change);
  void TellShown(std::uint32_t view, Change change);
  void NoteMoved(std::uint32_t view, const Change& change);
  const Place* PlaceOf(NameIndex name, std::uint32_t view) const;
  std::string PathOf(NameIndex name, std::uint32_t view) const;
  bool MayHaveChangedUnseen(const FoldedObject& object) const;
  bool RenameIsTold(ObjectIndex object, std::uint32_t view) const;
  NameState StateAtEnd(const NameFacts& facts, NameState now) const;
  bool NamedByRecords(const std::string& path) const;

  // answer_ahead.cc: looks at names, many at a time.
  std::size_t GroupEnd(std::size_t begin) const;
  bool EndsDead(std::size_t end) const;
  bool AddGroup();
  void TakeSteps(Group& group, std::size_t max, std::vector<Step*>* taken) const;
  void LookAhead(Directories& directories, std::size_t max);
  void LookAt(Directories& directories, const std::vector<Step*>& steps);
  // Looks at number i of `count`; called by two threads at a time, if there are two, of which one
  // does what is to be done meanwhile first. What it is not called for (the question was withdrawn,
  // memory is short) is what nobody has looked at.
  using Seer = std::function<void(Directories&, std::size_t i)>;
  void SeeAll(Directories& directories, std::size_t count, const Seer& see,
              const std::function<void()>& meanwhile);
  ObjectIndex Expected(const Step& step) const { return step.merged.facts.object_after; }
  bool MayBeKnownByNumber(const Step& step) const;
  void See(Directories& directories, Step* step) const;

  // answer_list.cc: plain names of a list, told while the records are read.
  struct Listed {  // a changed file that is about to be looked at
    const Place* place = nullptr;
    HandleView directory;
    NameTable::Ref ref = kNone;
    NameTable::Name name;
    std::optional<SettledFiles::Key> key;  // for others to know that
    bool settled = false;                  // its name has been told, and it has no other
  };
  struct List {
    NameTable names;           // flags: ListFlag
    std::deque<Place> places;  // where they are; each stays where it is
    // Directory → one of `places`, or null: its names are folded. Nothing: nobody has looked.
    std::vector<std::optional<const Place*>> place_of;
    std::vector<Listed> listed;              // to be looked at while the next records are read
    PeriodId begin;                          // of the interval
    PeriodId from;                           // where the next step goes on
    PeriodId until;                          // behind the last period
    SequenceNumber end;                      // behind the last record
    std::size_t shared = 0;                  // changed files that other answers may know
    std::vector<SettledFiles::Key> settled;  // in this step
    bool reading = true;                     // there may be more records
    bool told = false;                       // the rest is in the fold
    bool folds = false;                      // there are records to be folded
    bool folds_all = false;                  // all of them are
  };
  bool MayList() const;
  void BeginList();
  Status TellList(Directories& directories, std::size_t max);
  Status ReadRecords(Directories& directories, std::size_t max);
  Status ReadSomePeriods(Directories& directories, std::size_t target, std::size_t* left);
  Status ListRecord(Directories& directories, const Record& record);
  Result<NameTable::Found> AddListed(const NameTable::Name& name);
  Status CheckListLimit() const;
  Status LeaveToFold(const Record& record);
  Status LeaveToFold(VolumeId volume, const FileHandle& parent, const std::string& name);
  void LeaveToFold(NameTable::Ref name);
  Result<const Place*> PlaceListed(Directories& directories, DirectoryIndex index);
  Result<const Place*> FindListedPlace(Directories& directories, DirectoryIndex index);
  Status LookAtListed(Directories& directories, const std::function<void()>& meanwhile);
  void AddToListed(const Place* place, NameTable::Ref name);
  void RemoveSettled(std::vector<Listed>* listed) const;
  void ShareSettled(PeriodId open);
  static void SeeListed(Directories& directories, Listed* listed);
  bool IsAllListed() const;
  bool IsListed(DirectoryIndex index) const;
  bool IsFolded(const Record& record) const;
  Status FoldList();
  bool IsTold(DirectoryIndex directory, std::string_view name) const;
  bool WasListed(const PathFacts& merged) const;

  // answer_former.cc: the members of renamed directories at their former paths.
  struct FormerTree {
    std::string now;     // where the directory is (or was when it died)
    std::string before;  // where it was
    std::uint32_t view = 0;
    bool alive = false;
    // The directory, and those that it was in on that path which are somewhere else now.
    std::set<ObjectIndex> through;
  };
  struct Arrival {    // a directory that came from outside of the watched trees
    std::string now;  // empty: nowhere
    std::uint32_t view = 0;
    std::size_t move = 0;  // the last one by which it, or what it was in, came
    bool Contains(const std::string& path) const;
  };
  struct TailMember {  // was in a former tree when the interval ended, and went since
    std::uint32_t tree = 0;
    bool directory = false;
    std::string path;
  };
  Status FindFormerTrees(Directories& directories);
  Status FindArrivals(Directories& directories);
  std::optional<std::size_t> CameBy(std::size_t move, std::uint32_t view) const;
  Result<bool> AddArrival(Directories& directories, std::size_t move, std::uint32_t view,
                          std::size_t came);
  bool WasOutside(std::size_t move, std::uint32_t view, const std::string& before,
                  const std::string& to) const;
  Status AddFormerTree(Directories& directories, std::size_t move, std::uint32_t view,
                       const std::string& before);
  void KeepFormerTree(FormerTree tree);
  void ComposeFormerTrees();
  void RefuseList(const std::string& path, const std::string& why);
  void RefuseThisList(const std::string& path, const std::string& why);
  Status TellFormerTree();
  void TellRecordedMembers(const FormerTree& tree);
  void TellFormer(const FormerTree& tree, const std::string& member, bool directory);
  static Change ChangeAt(const std::string& path, bool directory);

  // answer_tail.cc: what was renamed, and what went from former trees, while the answer was made.
  struct ScanPosition {
    PeriodId period;
    SequenceNumber sequence;  // of the last record that was read
  };
  Status FindOvertaken(Directories& directories);
  std::string_view RootAbove(std::uint32_t view, const std::string& path) const;
  bool IsAskedFor(const std::string& path) const;
  Status AwaitRenames(Directories& directories);
  Result<bool> TellIfMoved(Directories& directories, const Fold& tail, bool surely);
  bool MovesAPlace(const Fold& tail, std::uint32_t view,
                   const std::vector<std::string>& paths) const;
  bool IsOnAPlacesPath(std::uint32_t view, const std::string& path) const;
  void TellFormerNames(const Fold& tail, std::uint32_t view, const std::vector<std::string>& paths);
  Status FindTail(Directories& directories);
  void RefuseBeyondGaps();
  Status ScanTail(bool (*wanted)(const Record&), ScanPosition* from, Fold* tail);
  Result<std::vector<std::string>> TailPaths(Directories& directories, const Fold& tail,
                                             std::uint32_t view);
  bool TailMovedFormerTree(const Fold& tail, std::uint32_t view,
                           const std::vector<std::string>& paths);
  void FindTailMembers(const Fold& tail, std::uint32_t view, const std::vector<std::string>& paths);
  void TellTailMember();

  // answer_links.cc: the other names of changed files.
  Status TellOtherLinks(Directories& directories);
  std::uint64_t GapsOf(VolumeId volume);
  bool IsLookedForByHandle(ObjectIndex index) const;
  Result<bool> IsDeadFile(Directories& directories, ObjectIndex object) const;
  Status FindUnseen(Directories& directories);
  Status FindMovedLinks(Directories& directories);
  Status CountMovedLinks(Directories& directories, const MovedTree& tree,
                         const std::vector<TreeWalk::Member>& members);
  bool ToldByName(ObjectIndex object, const FileHandle& parent, const std::string& name) const;
  Status LearnLinks(Directories& directories, const std::vector<ObjectIndex>& missing);
  Status LearnBelow(Directories& directories, std::uint32_t view, const std::string& root,
                    const std::unordered_set<ObjectIndex>& wanted);
  Status TellKnownLinks(Directories& directories, ObjectIndex object);
  Status TellLink(Directories& directories, ObjectIndex object, const FileHandle& parent,
                  const std::string& name);

  // answer_viewer.cc: what a viewer hears of it.
  void Unsettle(const std::string& path, bool seen_before);
  void FindUnsettled();
  void FindUnsettledAbove();
  void TellUnsettled(const std::string& directory, std::uint32_t view);
  const std::pair<const std::string, bool>* UnsettledAbove(const std::string& path) const;
  bool IsPlaceOf(std::uint32_t view, const std::string& path, const FileHandle& directory) const;
  bool IsVisible(std::uint32_t view, const std::string& path);
  bool IsSettledSince(std::uint32_t view, const std::string& directory);
  void TellVisible(std::uint32_t view, Change change);
  void TellHiddenEnd(std::uint32_t view, const std::string& path, bool recursive, bool rescan);
  void TellAbove(std::uint32_t view, std::string directory, bool rescan);

  Environment environment_;
  AnswerRequest request_;
  std::vector<View> views_;
  std::vector<VolumeMount> mounts_;
  const bool has_gaps_;         // in the interval, which crawls have filled
  const std::uint64_t losses_;  // Store::losses() before the first look at the interval
  Fold fold_;
  std::unique_ptr<List> list_;                        // null: every record is folded
  std::vector<Place> places_;                         // by path, members behind their directory
  std::vector<std::vector<std::uint32_t>> place_of_;  // directory index → places
  std::vector<NameIndex> present_name_;  // object → where it was renamed to, verified; or kNone
  std::vector<bool> seen_;               // object → it was found at a name that a watch covers
  std::vector<bool> held_;  // object → the records put it at such a name when the interval ended
  std::vector<std::pair<Change, std::uint32_t>> rescans_;  // with their views
  std::string rescan_reason_;
  bool rescan_all_ = false;  // RescanAll() has said all there is
  std::string unlistable_;
  bool overtaken_ = false;
  std::vector<FormerTree> former_;
  std::map<std::pair<ObjectIndex, std::uint32_t>, Arrival> arrivals_;
  bool arrivals_lost_ = false;  // there are more, or nobody can say where one is
  std::unordered_set<std::string> former_known_;
  std::vector<std::uint32_t> movable_;  // places that a rename may have taken from the interval's
  std::set<std::pair<std::uint32_t, std::string>>
      former_told_;  // names that directories had until the tail
  std::size_t next_former_ = 0;
  std::unique_ptr<TreeWalk> former_walk_;
  ScanPosition interval_end_;
  bool tail_found_ = false;
  std::deque<TailMember> tail_;
  std::size_t next_ahead_ = 0;
  // Told first: what stands for paths that are too long, and former names of directories.
  std::vector<std::pair<Change, std::uint32_t>> ahead_;
  std::unordered_set<std::string> deep_told_;
  std::set<std::pair<std::string, std::uint32_t>> hidden_;  // path and view: mounted over
  std::unordered_map<std::string, bool> unsettled_;         // directories; true: had names before
  std::unordered_map<std::string, bool> settled_since_;     // in this step
  std::unordered_set<std::string> stands_for_;              // told by TellAbove()
  // The groups under way: the first one is being told, the others have been looked at. next_place_
  // is the first place that is in none and has not been told.
  std::deque<Group> groups_;
  std::size_t next_place_ = 0;
  bool began_ = false;
  bool links_told_ = false;
  // Directories that an entry tells of already, and those that went with everything below them.
  std::unordered_set<std::string> told_directories_;
  std::unordered_set<std::string> gone_trees_;
  std::vector<MovedTree> moved_trees_;
  std::unordered_map<ObjectIndex, Links> linked_;
  std::map<VolumeId, std::uint64_t> gaps_of_;   // fingerprints, taken before any search
  std::unordered_set<std::string> links_seen_;  // "object/directory/name" outside of the fold
  std::unique_ptr<TreeWalk> walk_;              // the expansion under way
  std::deque<std::pair<Change, std::uint32_t>> to_expand_;
  Change walk_entry_;
  std::uint32_t walk_view_ = 0;
  std::vector<Change>* out_ = nullptr;
  std::size_t out_bytes_ = 0;  // of paths told in this step
  std::uint64_t count_ = 0;
};

}  // namespace cj
