// Which filesystem each watched path leads to, now and as things change.
//
// A watch is a path. At the start it is bound to the filesystem that is there. Later
//   * another filesystem mounted at the path, or over it, is what the watch is of from then on;
//   * the same filesystem at another place (a symbolic link that leads elsewhere) or as another
//     device is bound anew;
//   * a filesystem that is unmounted stays the watch's: what is below its mount point then is not
//     what anybody asked for. The watch is absent until it, or another one, is mounted there. But
//     when the watch was bound to what is below before, it is so again;
//   * a path that is not there at all is bound as soon as it is. A directory that was removed below
//     its mount point is none of this: the records tell that.
// Each of these means that changes may have been missed, which Look() says.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_annotations.h"
#include "checkpoint/watch_source.h"
#include "journal/store.h"
#include "service/config/config.h"

namespace cj {

// The same directory of the same filesystem, perhaps as another device. Pure.
bool IsSameTree(const VolumeMount& bound, const VolumeMount& found);
// What to do with a bound watch whose path leads elsewhere now. Pure.
enum class Move { kSame, kUnmounted, kReplaced };
Move JudgeMove(const VolumeMount& bound, const VolumeMount& found);

class WatchBinder : public WatchSource {
 public:
  // `config` and `store` outlive the binder.
  WatchBinder(const Config& config, Store& store);

  // Binds what is there. Errors are the configuration's: a path that can never be watched.
  Status Start();
  Whereabouts Look() override EXCLUDES(mutex_);

  // As of the last look. Any thread.
  std::shared_ptr<const Binding> binding() const EXCLUDES(mutex_);

 private:
  // Where a path led at the last look: when it is the same again, nothing has changed.
  struct Sight {
    bool nowhere = true;  // the path led nowhere; the rest is of its mount point, if there is one
    std::string path;     // canonical
    dev_t device = 0;
    ino_t inode = 0;
    std::uint64_t mount = 0;
    friend bool operator==(const Sight&, const Sight&) = default;
  };

  static constexpr std::uint64_t kNeverSeen = UINT64_MAX;         // no mount's number
  static Sight Unseen() { return {true, "", 0, 0, kNeverSeen}; }  // the next look looks again

  static Sight See(const std::string& path);
  static Sight SeeWatch(const Watch& watch);
  Result<Watch> Bind(const WatchConfig& wanted);
  // Whether what a look has found holds as long as the path leads to the same place. Else the next
  // one looks again; kBlind: nothing could be found out, and the watch is as it was.
  enum class Settled { kYes, kNo, kBlind };
  // What has become of a watch whose path leads elsewhere now, or nowhere.
  Settled LookAgain(std::size_t index, const Sight& sight, Watch* watch, Unwatched* missed);
  Settled LookForFilesystem(std::size_t index, const Sight& sight, Watch* watch, Unwatched* missed);
  void LeaveToTwins(std::vector<Watch>* watches, bool* changed);
  static std::string TakenByTwin(std::span<const Watch> before, const Watch& watch);
  void Replace(std::size_t index, Watch found, Watch* watch);
  void Publish(std::vector<Watch> watches) EXCLUDES(mutex_);

  const Config& config_;
  Store& store_;
  std::string state_directory_;
  std::vector<Sight> sights_;                        // of each watch
  std::vector<std::uint64_t> bound_mounts_;          // Sight::mount when it was last found
  std::vector<std::optional<VolumeMount>> beneath_;  // what it was bound to and is mounted over
  // Of watches that are left to a twin: where they were. What is below their mount point is not
  // what anybody asked for.
  std::vector<std::optional<VolumeMount>> left_;

  mutable Mutex mutex_;
  std::shared_ptr<const Binding> binding_ GUARDED_BY(mutex_);
};

}  // namespace cj
