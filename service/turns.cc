#include "service/turns.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace cj {

namespace asio = boost::asio;

// On the stack of the coroutine that waits: however that ends, it leaves the line, and gives back
// a turn that it was given and did not live to see.
struct Turns::Waiting {
  Waiting(Turns& turns, uid_t its_uid)
      : owner(turns), uid(its_uid), timer(turns.io_, asio::steady_timer::time_point::max()) {
    User& user = owner.users_[uid];
    if (user.line.empty()) owner.waiting_.push_back(uid);
    user.line.push_back(this);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (in_line) owner.Leave(*this);
    if (given) owner.GiveBack(uid);
  }

  Turns& owner;
  uid_t uid;
  asio::steady_timer timer;
  bool in_line = true;
  bool given = false;
};

bool Turns::HasRoom(uid_t uid) const {
  const auto user = users_.find(uid);
  return taken_ < limit_.at_once &&
         (user == users_.end() || user->second.taken < limit_.at_once_per_uid);
}

void Turns::Occupy(uid_t uid) {
  ++taken_;
  ++users_[uid].taken;
}

void Turns::Leave(Waiting& waiting) {
  waiting.in_line = false;
  const auto user = users_.find(waiting.uid);
  user->second.line.remove(&waiting);
  if (!user->second.line.empty()) return;
  waiting_.remove(waiting.uid);
  if (user->second.taken == 0) users_.erase(user);
}

Turns::Waiting* Turns::Next() const {
  const User* next = nullptr;
  for (const uid_t uid : waiting_) {
    const User& user = users_.at(uid);
    if (HasRoom(uid) && (next == nullptr || user.taken < next->taken)) next = &user;
  }
  return next == nullptr ? nullptr : next->line.front();
}

void Turns::GiveBack(uid_t uid) {
  --taken_;
  const auto user = users_.find(uid);
  if (--user->second.taken == 0 && user->second.line.empty()) users_.erase(user);
  while (Waiting* waiting = Next()) {
    Occupy(waiting->uid);
    waiting->given = true;
    Leave(*waiting);
    if (!users_.at(waiting->uid).line.empty()) {
      waiting_.remove(waiting->uid);
      waiting_.push_back(waiting->uid);
    }
    waiting->timer.cancel();
  }
}

asio::awaitable<Turns::Turn> Turns::Take(uid_t uid) {
  // Whoever waits has been given what there was.
  if (HasRoom(uid)) {
    Occupy(uid);
    co_return Turn(this, uid);
  }
  Waiting waiting(*this, uid);
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await waiting.timer.async_wait(token);
  if (!waiting.given) throw boost::system::system_error(asio::error::operation_aborted);
  waiting.given = false;  // it is the caller's from here on
  co_return Turn(this, uid);
}

}  // namespace cj
