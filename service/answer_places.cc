#include "service/answer_places.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cj {

namespace asio = boost::asio;

// On the stack of the coroutine that waits: however that ends, it leaves the line, and gives back
// a place that it was given and did not live to see.
struct AnswerPlaces::Waiting {
  Waiting(AnswerPlaces& places, uid_t its_uid)
      : owner(places), uid(its_uid), timer(places.io_, places.limit_.patience) {
    owner.line_.push_back(this);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    owner.line_.remove(this);
    if (given) owner.GiveBack(uid);
  }

  AnswerPlaces& owner;
  uid_t uid;
  asio::steady_timer timer;
  bool given = false;
};

bool AnswerPlaces::HasRoom(uid_t uid) const {
  const auto of_user = taken_by_.find(uid);
  const std::size_t kept = uid == 0 ? 0 : limit_.reserved_for_root;
  return taken_ + kept < limit_.answers &&
         (of_user == taken_by_.end() || of_user->second < limit_.answers_per_uid);
}

void AnswerPlaces::Occupy(uid_t uid) {
  ++taken_;
  ++taken_by_[uid];
}

void AnswerPlaces::GiveBack(uid_t uid) {
  --taken_;
  if (--taken_by_[uid] == 0) taken_by_.erase(uid);
  for (Waiting* waiting : line_) {
    if (waiting->given || !HasRoom(waiting->uid)) continue;
    Occupy(waiting->uid);
    waiting->given = true;
    waiting->timer.cancel();
  }
}

asio::awaitable<Result<AnswerPlaces::Place>> AnswerPlaces::Take(uid_t uid) {
  // Whoever waits has been given what there was.
  if (HasRoom(uid)) {
    Occupy(uid);
    co_return Place(this, uid);
  }
  Waiting waiting(*this, uid);
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await waiting.timer.async_wait(token);
  if (!waiting.given) {
    co_return Error{ErrorCode::kBusy,
                    "too many answers are being made at once; finish one of them, or try again "
                    "later"};
  }
  waiting.given = false;  // it is the caller's from here on
  co_return Place(this, uid);
}

}  // namespace cj
