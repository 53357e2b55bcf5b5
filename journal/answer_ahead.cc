// The part of Answer that looks at names before they are told: as many at a time as are asked for,
// by two threads where there are enough of them. Nothing here decides what is told.
#include <algorithm>
#include <new>
#include <system_error>
#include <thread>

#include "base/text.h"
#include "journal/answer.h"

namespace cj {
namespace {

// How many names a thread takes at a time, and between two looks at `cancelled`.
constexpr std::size_t kSeenAtATime = 64;

// So many names are looked at at a time: until they are told, each has a path.
constexpr std::size_t kMostAhead = 4000;

// The one second thread that answers may have; given back when it goes out of scope.
class HelperPlace {
 public:
  explicit HelperPlace(std::atomic<bool>* helped)
      : helped_(helped), taken_(helped != nullptr && !helped->exchange(true)) {}
  HelperPlace(const HelperPlace&) = delete;
  HelperPlace& operator=(const HelperPlace&) = delete;
  ~HelperPlace() {
    if (taken_) helped_->store(false);
  }
  bool taken() const { return taken_; }

 private:
  std::atomic<bool>* helped_;
  bool taken_;
};

// A second thread, if there is one to be had; whoever leaves it behind ends it.
class Helper {
 public:
  explicit Helper(std::atomic<bool>* stop) : stop_(stop) {}
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper() {
    stop_->store(true);
    Await();
  }
  template <typename Work>
  void Start(const Work& work) {
    try {
      thread_ = std::thread(work);
    } catch (const std::system_error&) {
      // There is none: whoever wanted one does all of it.
    }
  }
  void Await() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<bool>* stop_;
  std::thread thread_;
};

}  // namespace

// Behind the last place with the same path in the same view.
std::size_t Answer::GroupEnd(std::size_t begin) const {
  std::size_t end = begin + 1;
  while (end < places_.size() && places_[end].path == places_[begin].path &&
         places_[end].view == places_[begin].view) {
    ++end;
  }
  return end;
}

// Of a group of places that ends there: all are dead, since the dead come first.
bool Answer::EndsDead(std::size_t end) const { return places_[end - 1].dead; }

// False: there are no more places, or only what is told before the next ones says whether they are
// told (TellGoneTree).
bool Answer::AddGroup() {
  if (next_place_ == places_.size()) return false;
  Group group;
  group.begin = next_place_;
  group.end = GroupEnd(group.begin);
  if (!request_.expand && !groups_.empty() && EndsDead(group.end)) return false;
  for (std::size_t i = group.begin; i < group.end; ++i) {
    const FoldedDirectory& directory = fold_.directories()[places_[i].directory];
    group.names.insert(group.names.end(), directory.names.begin(), directory.names.end());
  }
  // Stable: of equal names those of the dead directory stay first.
  std::stable_sort(group.names.begin(), group.names.end(), [&](NameIndex a, NameIndex b) {
    return fold_.names()[a].name < fold_.names()[b].name;
  });
  next_place_ = group.end;
  groups_.push_back(std::move(group));
  return true;
}

// Names that no watch covers are left out: what has changed at them shows at other names of the
// same objects (FindUnseen).
void Answer::TakeSteps(Group& group, std::size_t max, std::vector<Step*>* taken) const {
  const Place& place = places_[group.begin];
  while (taken->size() < max && group.next < group.names.size()) {
    const std::string_view name = fold_.names()[group.names[group.next]].name;
    Step step;
    step.place = static_cast<std::uint32_t>(group.begin);
    step.merged.facts = FactsOf(fold_.names()[group.names[group.next]]);
    step.merged.names.push_back(group.names[group.next++]);
    while (group.next < group.names.size() && fold_.names()[group.names[group.next]].name == name) {
      Merge(&step.merged.facts, fold_.names()[group.names[group.next]]);
      step.merged.names.push_back(group.names[group.next++]);
    }
    step.path = JoinPath(place.path, name);
    if (!Covers(views_[place.view], step.path)) continue;
    group.steps.push_back(std::move(step));
    taken->push_back(&group.steps.back());
  }
}

// Goes on where the last look ended. As many groups as names, too: some have none.
void Answer::LookAhead(Directories& directories, std::size_t max) {
  std::vector<Step*> steps;
  max = std::min(max, kMostAhead);
  for (std::size_t i = 0; i < max && steps.size() < max; ++i) {
    if (i == groups_.size() && !AddGroup()) break;
    TakeSteps(groups_[i], max, &steps);
  }
  LookAt(directories, steps);
}

void Answer::LookAt(Directories& directories, const std::vector<Step*>& steps) {
  auto see = [&](Directories& through, std::size_t i) { See(through, steps[i]); };
  SeeAll(directories, steps.size(), see, [] {});
}

void Answer::SeeAll(Directories& directories, std::size_t count, const Seer& see,
                    const std::function<void()>& meanwhile) {
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> next{0};
  auto see_some = [&](Directories& through, bool asks) {
    for (std::size_t begin; !stop && (begin = next.fetch_add(kSeenAtATime)) < count;) {
      const std::size_t end = std::min(begin + kSeenAtATime, count);
      for (std::size_t i = begin; i < end; ++i) see(through, i);
      if (asks && !Cancelled().has_value()) stop = true;
    }
  };
  std::unique_ptr<Directories> its;
  const HelperPlace place(count < environment_.limits.names_for_two ? nullptr
                                                                    : environment_.helped);
  if (place.taken()) {
    auto opened = environment_.open_directories(mounts_);
    if (opened.has_value() && CheckMounted(**opened).has_value()) its = std::move(*opened);
  }
  Helper helper(&stop);
  if (its != nullptr) {
    helper.Start([&] {
      try {
        see_some(*its, false);
      } catch (const std::bad_alloc&) {
        // What is left says that nobody looked.
      }
    });
  }
  meanwhile();
  see_some(directories, true);
  helper.Await();
}

// Whether a regular file with the inode number of the expected object may be taken for it. Whoever
// has the number by now came after its death, and to this name by a record behind it: of this
// interval, where it would be the last of the name, or of the next one. The dead have no other
// names, so that nothing is missed. But what a directory was is not to be told as a file; where
// records were merged the last one may not be known; and a crawl's records have no order.
bool Answer::MayBeKnownByNumber(const Step& step) const {
  const ObjectIndex expected = Expected(step);
  if (expected == kNone || fold_.objects()[expected].is_directory || has_gaps_) return false;
  const NameFacts& facts = step.merged.facts;
  return (facts.classes & kEntryClass) == 0 || facts.after != Existence::kUnknown;
}

void Answer::See(Directories& directories, Step* step) const {
  const Place& place = places_[step->place];
  HandleView handle;
  if (MayBeKnownByNumber(*step)) handle = ViewOfEncoded(fold_.objects()[Expected(*step)].handle);
  const std::string name(fold_.names()[step->merged.names.front()].name);
  step->seen = directories.Glance(place.view, place.path, name, handle);
}

}  // namespace cj
