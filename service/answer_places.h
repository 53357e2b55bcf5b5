// The places among the answers that may be made at once. Who finds none waits in line; a client
// that goes meanwhile leaves the line. On the io_context's thread.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <list>
#include <map>

#include "base/result.h"

namespace cj {

struct AnswerPlacesLimit {
  // Answers being made at once: each holds a fold of its interval's names in memory.
  std::size_t answers = 10;
  // Of them kept for root: several users together must not lock the administrator out.
  std::size_t reserved_for_root = 2;
  // Of them for one user, so that one user's forgotten pagers leave room for others.
  std::size_t answers_per_uid = 6;
  // Whoever has waited so long hears that there is no place: where nobody reads his answer to its
  // end, it may be long until there is one.
  std::chrono::milliseconds patience = std::chrono::seconds(60);
};

class AnswerPlaces {
 public:
  AnswerPlaces(boost::asio::io_context& io, AnswerPlacesLimit limit) : io_(io), limit_(limit) {}
  AnswerPlaces(const AnswerPlaces&) = delete;
  AnswerPlaces& operator=(const AnswerPlaces&) = delete;

  // A place, given back when it goes out of scope. The places outlive it.
  class Place {
   public:
    Place(AnswerPlaces* owner, uid_t uid) : owner_(owner), uid_(uid) {}
    Place(Place&& other) noexcept : owner_(other.owner_), uid_(other.uid_) {
      other.owner_ = nullptr;
    }
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (owner_ != nullptr) owner_->GiveBack(uid_);
    }

   private:
    AnswerPlaces* owner_;
    uid_t uid_;
  };

  // In the order of asking, but nobody waits for those of a user who has all that he may have.
  // kBusy: patience has come to its end.
  boost::asio::awaitable<Result<Place>> Take(uid_t uid);

  std::size_t taken() const { return taken_; }

 private:
  struct Waiting;

  bool HasRoom(uid_t uid) const;
  void Occupy(uid_t uid);
  void GiveBack(uid_t uid);

  boost::asio::io_context& io_;
  const AnswerPlacesLimit limit_;
  std::size_t taken_ = 0;
  std::map<uid_t, std::size_t> taken_by_;
  std::list<Waiting*> line_;
};

}  // namespace cj
