#include "service/query_threads.h"

#include <sys/resource.h>

#include <thread>

namespace cj {

// A thread is as nice as the one that made it (sched(7)), and to become less so takes a privilege.
std::unique_ptr<boost::asio::thread_pool> MakeQueryThreads() {
  std::unique_ptr<boost::asio::thread_pool> pool;
  std::thread maker([&] {
    (void)::setpriority(PRIO_PROCESS, 0, kQueryNice);  // 0: this thread
    pool = std::make_unique<boost::asio::thread_pool>(kQueryThreads);
  });
  maker.join();
  return pool;
}

}  // namespace cj
