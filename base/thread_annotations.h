// Clang's thread-safety attributes (clang.llvm.org/docs/ThreadSafetyAnalysis.html); nothing under
// other compilers. Mutex is std::mutex with the attributes, so that GUARDED_BY is checked.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define CJ_ATTRIBUTE(x) __attribute__((x))
#else
#define CJ_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) CJ_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY CJ_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) CJ_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) CJ_ATTRIBUTE(pt_guarded_by(x))
#define REQUIRES(...) CJ_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) CJ_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) CJ_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) CJ_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS CJ_ATTRIBUTE(no_thread_safety_analysis)

namespace cj {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Wait with a Mutex held: `while (!condition) changed.wait(mutex);`, the predicate outside of a
// lambda so that the analysis sees the lock.
using ConditionVariable = std::condition_variable_any;

}  // namespace cj
