// Blocking work from a coroutine: runs `fn` on a thread pool and resumes the coroutine, on its own
// executor, with what fn returned. The coroutine stands still until fn is done whatever happens, so
// fn may use the coroutine's locals by reference.
//
// Give the lambda a name on the line above: g++ 12.2 miscompiles a capturing lambda inside of a
// co_await expression.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <type_traits>
#include <utility>

namespace cj {

namespace run_on_detail {

template <typename F, typename T>
boost::asio::awaitable<void> Invoke(F* fn, std::optional<T>* result) {
  result->emplace((*fn)());
  co_return;
}

template <typename F>
boost::asio::awaitable<void> InvokeVoid(F* fn) {
  (*fn)();
  co_return;
}

}  // namespace run_on_detail

// What fn throws is thrown from the co_await. A call that is cancelled before fn has begun throws
// operation_aborted instead of running it. The result need not be default-constructible.
template <typename F>
boost::asio::awaitable<std::invoke_result_t<F&>> RunOn(boost::asio::thread_pool& pool, F fn) {
  using T = std::invoke_result_t<F&>;
  if constexpr (std::is_void_v<T>) {
    auto work = run_on_detail::InvokeVoid(&fn);
    co_await boost::asio::co_spawn(pool, std::move(work), boost::asio::use_awaitable);
  } else {
    std::optional<T> result;
    auto work = run_on_detail::Invoke(&fn, &result);
    co_await boost::asio::co_spawn(pool, std::move(work), boost::asio::use_awaitable);
    co_return std::move(*result);
  }
}

}  // namespace cj
