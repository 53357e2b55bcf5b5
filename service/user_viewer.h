// A user as a Viewer: directories are opened as that user, so that the kernel itself decides, with
// everything that it knows of users (modes, access lists). Security modules judge by the label of
// the process, which stays the daemon's.
//
// Linux has credentials per thread: for the time of one open() the calling thread takes the user's
// filesystem uid, gid and supplementary groups (setfsuid(2), which also puts away the capabilities
// that would override permissions: capabilities(7)). Needs CAP_SETUID and CAP_SETGID.
//
// Not thread-safe: one caller at a time, from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/unique_fd.h"
#include "journal/viewer.h"
#include "service/varlink/peer.h"

namespace cj {

class UserViewer : public Viewer {
 public:
  // So many directories are remembered in one step; beyond, all are forgotten.
  static constexpr std::size_t kMaxRemembered = 4096;

  // kUnsupported: this process may not act as the user, so that nobody can say what he sees.
  static Result<std::shared_ptr<UserViewer>> Create(const Peer& user);

  Sight Look(const std::string& directory) override;
  bool Shows(const std::string& path) override;
  void Forget() override;

 private:
  explicit UserViewer(Peer user) : user_(std::move(user)) {}
  Sight LookAnew(const std::string& directory);
  UniqueFd OpenAsUser(const std::string& directory, int flags) const;

  const Peer user_;
  std::unordered_map<std::string, Sight> seen_;
  std::string opened_;  // the last directory that was looked at and is listable
  UniqueFd fd_;         // which is open
};

}  // namespace cj
