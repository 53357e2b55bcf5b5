// Turns on the threads that work for calls. Work comes in short pieces, but a user may have a
// hundred connections that each want a piece done: whose turn is next goes by user, not by piece,
// so that somebody with one connection waits for a piece or two and not for a hundred. On the
// io_context's thread.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <list>
#include <map>

namespace cj {

struct TurnsLimit {
  // Pieces being worked on, each by a thread of its own.
  std::size_t at_once = 3;
  // Of them for one user. Two cores' worth of folding is as much as a question may take from the
  // system that it is about; the rest is for others while a piece of his takes long.
  std::size_t at_once_per_uid = 2;
};

class Turns {
 public:
  Turns(boost::asio::io_context& io, TurnsLimit limit) : io_(io), limit_(limit) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Over when it goes out of scope. The turns outlive it.
  class Turn {
   public:
    Turn(Turns* owner, uid_t uid) : owner_(owner), uid_(uid) {}
    Turn(Turn&& other) noexcept : owner_(other.owner_), uid_(other.uid_) { other.owner_ = nullptr; }
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (owner_ != nullptr) owner_->GiveBack(uid_);
    }

   private:
    Turns* owner_;
    uid_t uid_;
  };

  // Of one user in the order of asking; among users, those who have fewer, then who has waited
  // longest since his last one. Throws operation_aborted when the caller is cancelled.
  boost::asio::awaitable<Turn> Take(uid_t uid);

  std::size_t taken() const { return taken_; }

 private:
  struct Waiting;
  // A user with turns, or who waits for one.
  struct User {
    std::size_t taken = 0;
    std::list<Waiting*> line;
  };

  bool HasRoom(uid_t uid) const;
  void Occupy(uid_t uid);
  void GiveBack(uid_t uid);
  void Leave(Waiting& waiting);
  // The one who is next; null: nobody who waits may have one.
  Waiting* Next() const;

  boost::asio::io_context& io_;
  const TurnsLimit limit_;
  std::size_t taken_ = 0;
  std::map<uid_t, User> users_;
  std::list<uid_t> waiting_;  // users with a line, who was served last at the end
};

}  // namespace cj
