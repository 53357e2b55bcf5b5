// How many feeds each user has who may not see everything. On the io_context's thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>

namespace cj {

class ViewerFeeds {
 public:
  // One more, for as long as it lives; not counted where there is no limit for the user.
  class Counted {
   public:
    Counted(ViewerFeeds& feeds, uid_t uid, bool counts) : feeds_(feeds), uid_(uid) {
      if (counts) number_ = ++feeds_.of_[uid];
    }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() {
      if (number_ != 0 && --feeds_.of_[uid_] == 0) feeds_.of_.erase(uid_);
    }
    // How many he has now, with this one; 0: not counted.
    std::size_t number() const { return number_; }

   private:
    ViewerFeeds& feeds_;
    uid_t uid_;
    std::size_t number_ = 0;
  };

 private:
  std::map<uid_t, std::size_t> of_;
};

}  // namespace cj
