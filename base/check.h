// Broken invariants end the program with a message: systemd restarts it, and a wrong journal is
// worse than a restarted one. Never use these on input; bad input is an Error (result.h).
// Kept on in release builds. Any thread.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CJ_CHECK(condition, message)                                                          \
  do {                                                                                        \
    if (!(condition)) [[unlikely]] {                                                          \
      std::fprintf(stderr, "%s:%d: broken invariant: %s (%s)\n", __FILE__, __LINE__, message, \
                   #condition);                                                               \
      std::abort();                                                                           \
    }                                                                                         \
  } while (false)
