#include "tests/oracle/replica.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "tests/oracle/objects.h"

namespace cj::oracle {

Replica::Replica(const std::string& source, const std::string& replica,
                 std::function<bool(const std::string&)> ignored)
    : source_(OpenDirectory(source)),
      replica_(OpenDirectory(replica)),
      ignored_(std::move(ignored)) {}

void Replica::OpenSource(const std::string& source) { source_ = OpenDirectory(source); }

void Replica::BeginAnswer() { in_this_answer_.clear(); }

void Replica::Sync(const std::string& relative, bool recursive) {
  if (ignored_(relative)) return;
  if (relative.empty()) {
    Copy({source_.get(), replica_.get(), ".", ""}, recursive);
    return;
  }
  const SplitPath split = Split(relative);
  const UniqueFd source = OpenBelow(source_.get(), split.directory);
  if (!source || TypeOf(source.get(), split.name) == 0) {
    Remove(relative);
    return;
  }
  const UniqueFd replica = MakeParents(split.directory);
  if (!replica) return;
  const TimesGuard guard(replica.get());
  Copy({source.get(), replica.get(), split.name, relative}, recursive);
}

void Replica::Remove(const std::string& relative) {
  ++counters_.looked_at;
  const SplitPath split = Split(relative);
  const UniqueFd parent = OpenBelow(replica_.get(), split.directory);
  if (!parent || TypeOf(parent.get(), split.name) == 0) return;
  ++counters_.differed;
  const TimesGuard guard(parent.get());
  RemoveTree(parent.get(), split.name);
}

UniqueFd Replica::MakeParents(const std::string& directory) {
  UniqueFd found = OpenBelow(replica_.get(), directory);
  if (found || directory.empty()) return found;
  const SplitPath split = Split(directory);
  const UniqueFd parent = MakeParents(split.directory);
  if (!parent) return {};
  const TimesGuard guard(parent.get());
  RemoveTree(parent.get(), split.name);
  mkdirat(parent.get(), split.name.c_str(), 0700);
  fchmodat(parent.get(), split.name.c_str(), kImpliedMode, 0);
  return OpenBelow(replica_.get(), directory);
}

void Replica::Copy(const Place& place, bool recursive) {
  Object wanted;
  ++counters_.looked_at;
  if (!ReadObject(place.source, place.name, &wanted)) return RemoveVanished(place);
  if (S_ISDIR(wanted.status.st_mode)) {
    CopyDirectory(place, wanted, recursive);
  } else {
    CopyOther(place, wanted);
  }
}

// It went, or became something else, between two looks, which the next answer tells. What was here
// before is not there any more, which this answer told: the next one need not.
void Replica::RemoveVanished(const Place& place) {
  const TimesGuard guard(place.replica);
  RemoveTree(place.replica, place.name);
}

void Replica::CopyDirectory(const Place& place, const Object& wanted, bool recursive) {
  if (TypeOf(place.replica, place.name) != S_IFDIR) {
    RemoveTree(place.replica, place.name);
    mkdirat(place.replica, place.name.c_str(), 0700);
  }
  Object present;
  if (!ReadObject(place.replica, place.name, &present)) return;
  const bool differs = !Differences(wanted, present).empty();
  if (recursive) SyncEntries(place);
  if (differs) ++counters_.differed;
  CopyAttributes(place.replica, place.name, wanted);
}

void Replica::SyncEntries(const Place& place) {
  const UniqueFd source = OpenBelow(place.source, place.name);
  const UniqueFd replica = OpenBelow(place.replica, place.name);
  if (!source) return RemoveVanished(place);
  if (!replica) return;
  const std::vector<std::string> wanted = ListDirectory(source.get());
  const std::set<std::string> keep(wanted.begin(), wanted.end());
  const std::string prefix = place.relative.empty() ? "" : place.relative + "/";
  for (const std::string& name : ListDirectory(replica.get())) {
    if (keep.contains(name) || ignored_(prefix + name)) continue;
    ++counters_.looked_at;
    ++counters_.differed;
    RemoveTree(replica.get(), name);
  }
  for (const std::string& name : wanted) {
    if (!ignored_(prefix + name)) Copy({source.get(), replica.get(), name, prefix + name}, true);
  }
}

void Replica::CopyOther(const Place& place, const Object& wanted) {
  const InodeId id = IdOf(wanted.status);
  Object present;
  const bool exists = ReadObject(place.replica, place.name, &present);
  const bool equal = exists && Differences(wanted, present).empty();
  if (!equal) ++counters_.differed;
  if (LinkToEarlier(place, id)) return;
  const auto made_from = made_from_.find(IdOf(present.status));
  if (equal && made_from != made_from_.end() && made_from->second == id) {
    in_this_answer_[id] = place.relative;
    return;
  }
  if (exists) RemoveTree(place.replica, place.name);
  MakeObject(place.replica, place.name, wanted);
  Remember(place, id);
}

bool Replica::LinkToEarlier(const Place& place, InodeId wanted) {
  const auto earlier = in_this_answer_.find(wanted);
  if (earlier == in_this_answer_.end()) return false;
  const SplitPath split = Split(earlier->second);
  const UniqueFd directory = OpenBelow(replica_.get(), split.directory);
  struct stat there;
  if (!directory ||
      fstatat(directory.get(), split.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
    return false;
  }
  const auto made_from = made_from_.find(IdOf(there));
  if (made_from == made_from_.end() || made_from->second != wanted) return false;
  struct stat here;
  if (fstatat(place.replica, place.name.c_str(), &here, AT_SYMLINK_NOFOLLOW) == 0) {
    if (IdOf(here) == IdOf(there)) return true;
    RemoveTree(place.replica, place.name);
  }
  return linkat(directory.get(), split.name.c_str(), place.replica, place.name.c_str(), 0) == 0;
}

void Replica::Remember(const Place& place, InodeId wanted) {
  struct stat made;
  if (fstatat(place.replica, place.name.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) return;
  made_from_[IdOf(made)] = wanted;
  in_this_answer_[wanted] = place.relative;
}

}  // namespace cj::oracle
