#include "library/held_buffers.h"

#include <algorithm>

cj_buffer::cj_buffer(cj::reply::FollowReply told) : reply(std::move(told)) {
  parts.resize(reply.log.records.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    records.push_back(cj::library::ViewOf(reply.log.records[i], parts[i]));
  }
  for (const cj::reply::Gap& gap : reply.log.gaps) gaps.push_back(cj::library::ViewOf(gap));
}

namespace cj::library {

cj_buffer* HeldBuffers::Add(std::unique_ptr<cj_buffer> buffer) {
  cj_buffer* address = buffer.get();
  reply::FeedPosition position = buffer->reply.position;
  entries_.push_back({address, std::move(buffer), std::move(position), State::kHeld});
  return address;
}

bool HeldBuffers::GiveBack(const cj_buffer* buffer, bool handled) {
  auto is_it = [&](const Entry& entry) {
    return entry.state == State::kHeld && entry.address == buffer;
  };
  auto is_dropped = [](const Entry& entry) { return entry.state == State::kDropped; };
  const auto found = std::find_if(entries_.begin(), entries_.end(), is_it);
  if (found == entries_.end()) return false;
  if (std::any_of(entries_.begin(), found, is_dropped)) {
    entries_.erase(found);  // it will never count
    return true;
  }
  found->state = handled ? State::kHandled : State::kDropped;
  found->buffer.reset();
  if (!handled) {
    // Nor do those behind it that are back already, or another that was dropped.
    auto back = [](const Entry& entry) { return entry.state != State::kHeld; };
    entries_.erase(std::remove_if(found + 1, entries_.end(), back), entries_.end());
  }
  while (!entries_.empty() && entries_.front().state == State::kHandled) {
    handled_ = std::move(entries_.front().position);
    entries_.pop_front();
  }
  return true;
}

}  // namespace cj::library
