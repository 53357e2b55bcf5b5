// Blocking work from a coroutine: runs `fn` on a thread pool and resumes the coroutine, on its own
// executor, with what fn returned. The coroutine stands still until fn is done whatever happens, so
// fn may use the coroutine's locals by reference.
//
// Give the lambda a name on the line above: g++ 12.2 miscompiles a capturing lambda inside of a
// co_await expression.
//
// Not built on co_spawn(pool, ...): in Boost 1.81 a cancellation that arrives while the spawned
// coroutine works without suspending is thrown out of the pool's thread, which ends the program.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace cj {

namespace run_on_detail {

// Runs *work on the pool, then resumes the caller. *work must not throw.
template <typename Work>
boost::asio::awaitable<void> Detour(boost::asio::thread_pool& pool, Work* work) {
  auto initiate = [&pool, work](auto handler) {
    // The guard keeps the caller's io_context running meanwhile.
    auto guard = boost::asio::make_work_guard(handler);
    auto on_pool = [work, handler = std::move(handler), guard = std::move(guard)]() mutable {
      (*work)();
      const auto executor = guard.get_executor();
      boost::asio::post(executor, std::move(handler));
    };
    boost::asio::post(pool, std::move(on_pool));
  };
  auto token = boost::asio::use_awaitable;
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(initiate,
                                                                                     token);
}

}  // namespace run_on_detail

// What fn throws is thrown from the co_await. A cancelled call throws operation_aborted instead of
// running fn. The result need not be default-constructible.
template <typename F>
boost::asio::awaitable<std::invoke_result_t<F&>> RunOn(boost::asio::thread_pool& pool, F fn) {
  using T = std::invoke_result_t<F&>;
  std::exception_ptr thrown;
  if constexpr (std::is_void_v<T>) {
    auto work = [&] {
      try {
        fn();
      } catch (...) {
        thrown = std::current_exception();
      }
    };
    co_await run_on_detail::Detour(pool, &work);
    if (thrown) std::rethrow_exception(thrown);
  } else {
    std::optional<T> result;
    auto work = [&] {
      try {
        result.emplace(fn());
      } catch (...) {
        thrown = std::current_exception();
      }
    };
    co_await run_on_detail::Detour(pool, &work);
    if (thrown) std::rethrow_exception(thrown);
    co_return std::move(*result);
  }
}

}  // namespace cj
