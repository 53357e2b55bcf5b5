// The threads on which questions are answered.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <memory>

namespace cj {

// Two cores' worth of folding is as much as an answer may take from the system that it is about.
inline constexpr std::size_t kQueryThreads = 2;
// Where there are too few processors, those who work come before those who ask.
inline constexpr int kQueryNice = 5;

std::unique_ptr<boost::asio::thread_pool> MakeQueryThreads();

}  // namespace cj
