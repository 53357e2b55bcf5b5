#include "checkpoint/ticket.h"

#include <utility>

namespace cj {

void Ticket::Complete(Status status) {
  {
    MutexLock lock(mutex_);
    if (done_) return;
    done_ = true;
    status_ = std::move(status);
  }
  completed_.notify_all();
}

Status Ticket::Wait() {
  MutexLock lock(mutex_);
  while (!done_) completed_.wait(mutex_);
  return status_;
}

bool Ticket::done() const {
  MutexLock lock(mutex_);
  return done_;
}

std::shared_ptr<Ticket> Waiters::NewTicket() {
  auto ticket = std::make_shared<Ticket>();
  MutexLock lock(mutex_);
  std::erase_if(tickets_, [](const std::weak_ptr<Ticket>& old) { return old.expired(); });
  tickets_.push_back(ticket);
  if (!closed_) ticket->Complete(closed_);
  return ticket;
}

void Waiters::FailAll(const Error& error) {
  std::vector<std::weak_ptr<Ticket>> tickets;
  {
    MutexLock lock(mutex_);
    tickets.swap(tickets_);
  }
  for (const std::weak_ptr<Ticket>& weak : tickets) {
    if (auto ticket = weak.lock()) ticket->Complete(error);
  }
}

void Waiters::Close(const Error& error) {
  {
    MutexLock lock(mutex_);
    closed_ = error;
  }
  FailAll(error);
}

}  // namespace cj
