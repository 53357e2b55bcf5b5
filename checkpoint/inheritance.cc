#include "checkpoint/inheritance.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace cj {
namespace {

constexpr std::string_view kGroupPrefix = "post-";

// The serial in a group's name; 0: it is not the name of one.
std::uint64_t SerialIn(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (name.substr(0, kGroupPrefix.size()) != kGroupPrefix || dash < kGroupPrefix.size()) return 0;
  const std::string_view digits = name.substr(dash + 1);
  std::uint64_t serial = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), serial);
  return error == std::errc() && end == digits.data() + digits.size() ? serial : 0;
}

// All or nothing; an error says why nothing, and then what was left behind is closed.
Result<Inheritance> TakeOver(Kernel& kernel, const Store& store, Clock& clock,
                             std::string_view watched, std::vector<KeptDescriptor> kept) {
  auto spool_fd = std::find_if(kept.begin(), kept.end(),
                               [](const KeptDescriptor& each) { return each.name == kSpoolName; });
  if (spool_fd == kept.end()) return Error{ErrorCode::kNotFound, "the spool was not kept"};
  CJ_ASSIGN_OR_RETURN(SpoolMemory spool,
                      SpoolMemory::Adopt(std::move(spool_fd->fd), store.journal_id()));
  if (spool.watched().empty()) {
    return Error{ErrorCode::kNotFound,
                 "the process before was ended when it had missed something and not stored that"};
  }
  if (spool.watched() != watched) {
    return Error{ErrorCode::kNotFound, "other trees are watched now, or in another way"};
  }
  const SpoolPosition position = store.spool_position();
  const std::uint64_t stored = position.spool == spool.id() ? position.stored : 0;
  CJ_ASSIGN_OR_RETURN(auto left, spool.Recover(stored, clock.RealtimeUsec()));
  Inheritance taken{std::move(spool), std::move(left), {}, 1, position.complete_usec, "", true};
  kept.erase(spool_fd);
  std::sort(kept.begin(), kept.end(), [](const KeptDescriptor& a, const KeptDescriptor& b) {
    return SerialIn(a.name) < SerialIn(b.name);
  });
  for (KeptDescriptor& each : kept) {
    const std::uint64_t serial = SerialIn(each.name);
    if (serial == 0) return Error{ErrorCode::kUnsupported, "\"" + each.name + "\" was kept, too"};
    CJ_ASSIGN_OR_RETURN(auto group, kernel.AdoptGroup(std::move(each.fd)));
    taken.groups.push_back({std::move(group), taken.complete_usec, each.name});
    taken.next_serial = serial + 1;
  }
  if (taken.groups.empty()) return Error{ErrorCode::kNotFound, "no group was kept"};
  return taken;
}

}  // namespace

std::string GroupName(PeriodId period, std::uint64_t serial) {
  return std::string(kGroupPrefix) + std::to_string(period.value) + "-" + std::to_string(serial);
}

Result<Inheritance> Inherit(Kernel& kernel, const Store& store, Clock& clock,
                            std::string_view watched, std::vector<KeptDescriptor> kept,
                            DescriptorKeeper* keeper) {
  std::vector<std::string> names;
  for (const KeptDescriptor& each : kept) names.push_back(each.name);
  std::string refused;
  if (!kept.empty()) {
    auto taken = TakeOver(kernel, store, clock, watched, std::move(kept));
    if (taken.has_value()) return taken;
    refused = taken.error().message;
  }
  if (keeper != nullptr) {
    for (const std::string& name : names) keeper->Forget(name);
  }
  CJ_ASSIGN_OR_RETURN(SpoolMemory spool, SpoolMemory::Create(store.journal_id(), watched));
  const bool safe = keeper != nullptr && keeper->Keep(kSpoolName, spool.fd());
  return Inheritance{std::move(spool), {}, {}, 1, 0, std::move(refused), safe};
}

}  // namespace cj
