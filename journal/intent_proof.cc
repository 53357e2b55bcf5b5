#include "journal/intent_proof.h"

#include "journal/answer.h"

namespace cj {

bool IsUnchanged(const FoldedIntent& intent, std::optional<std::int64_t> ctime_nsec) {
  if (!ctime_nsec.has_value() || intent.ctime_nsec == 0) return false;
  const std::int64_t age_nsec = intent.time_usec * 1000 - intent.ctime_nsec;
  return *ctime_nsec == intent.ctime_nsec && age_nsec >= kCtimeTickNsec;
}

// Before anything is made of the fold: what is left is as if an event had told of it.
Status Answer::SettleIntents(Directories& directories) {
  std::size_t looked = 0;
  for (const FoldedIntent& intent : fold_.intents()) {
    const FoldedObject& object = fold_.objects()[intent.object];
    bool unchanged = false;
    for (std::size_t view = 0; view < views_.size() && !unchanged; ++view) {
      if ((object.classes & kDataClass) != 0) break;  // told by an event
      if (views_[view].mount.id != object.volume) continue;
      const FileHandle handle = FileHandle::FromEncoded(object.handle);
      unchanged = IsUnchanged(intent, directories.ChangeTimeNsec(view, handle));
    }
    if (!unchanged) fold_.Settle(intent);
    if (++looked % 4096 == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
  return {};
}

}  // namespace cj
