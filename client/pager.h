// Long output through a pager, as journalctl(1) and systemctl(1) have it, by the same variables:
//
//   SYSTEMD_PAGER, else PAGER   the command, split at spaces, run without a shell; empty or "cat":
//   none SYSTEMD_LESS                options of less(1) instead of FRSXMK SYSTEMD_LESSCHARSET its
//   character set SYSTEMD_PAGERSECURE         true, false; see below
//
// less(1) and others run commands and open files for whoever sits before them. Where this process
// has more rights than who logged in (sudo), less runs with LESSSECURE=1 and nothing else is run,
// unless SYSTEMD_PAGERSECURE says that the user's pager is to be trusted, or made safe.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj::client {

// What to run. Pure.
struct PagerPlan {
  // The first one that there is; where there is none, output goes to the terminal as it is.
  std::vector<std::vector<std::string>> commands;
  std::vector<std::pair<std::string, std::string>> set;  // environment
  std::vector<std::string> unset;
};

using Environment = std::function<std::optional<std::string>(const std::string&)>;

struct PagerQuestion {
  Environment environment;
  bool same_user = false;  // our rights are those of who logged in
  bool utf8 = false;       // the locale's character set
  bool jump_to_end = false;
};

// nullopt: no pager is wanted.
std::optional<PagerPlan> PlanPager(const PagerQuestion& question);

// The user whose login this process belongs to, from the text of /proc/self/cgroup; nullopt: none.
std::optional<uid_t> OwnerOfCgroup(std::string_view text);

// A running pager. Used by one thread.
class Pager {
 public:
  // Runs what the environment says, if anything: for a terminal on stdout that can do more than
  // write line after line. Null: there is none.
  static std::unique_ptr<Pager> Start(bool jump_to_end);
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;
  // Waits, too.
  ~Pager();

  // What is written here is shown. A write fails with EPIPE when the reader has seen enough.
  int fd() const { return input_.get(); }
  // No more will come: waits until the reader has ended it.
  void Wait();

 private:
  Pager(UniqueFd input, pid_t pid) : input_(std::move(input)), pid_(pid) {}
  UniqueFd input_;
  pid_t pid_;
};

}  // namespace cj::client
