// A group for permission events: programs wait until we answer. Behind an interface, so that tests
// can decide who opens what.
//
// Dangers, and what is done about them (tests/kernel/permission_test.cc pins each):
//   * whoever has read an event must answer it: Allow() does, and never says no;
//   * the kernel refuses an open whose event cannot be given a descriptor: the reader must always
//     have room for kPreEventsPerRead of them;
//   * looking for writers takes a lease for a moment. Who opens the file for writing in that moment
//     is told to us by SIGIO, which CreateLinuxPreGroup() makes the process ignore;
//   * the destruction of a group answers all that wait with "allow", and takes up to some 20 ms.
//     The death of the process does the same: such a group's descriptor is never given away.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "fanotify/file_handle.h"
#include "fanotify/pre_event.h"
#include "fanotify/volume.h"

namespace cj {

// What programs wait for: opening a file, or that and each first access to its content.
enum class PreMode : std::uint8_t { kOpen, kAccess };

inline constexpr std::size_t kPreReadBytes = 4096;  // room for kPreEventsPerRead bare events
inline constexpr std::size_t kPreEventsPerRead = 170;

// What an event's descriptor stands for. Fixed size: made where nothing may be allocated.
struct PreObject {
  std::int32_t handle_type = 0;
  std::uint8_t handle_bytes = 0;
  std::array<char, 128> handle{};
  std::int64_t ctime_nsec = 0;
  HandleView view() const { return {handle_type, {handle.data(), handle_bytes}}; }
};

// Marks may be changed from another thread; everything else is the answering thread's. Nothing but
// the destructor and the marks can block.
class PreGroup {
 public:
  virtual ~PreGroup() = default;
  // From now on opens on the volume wait for us. kUnsupported says what to configure instead.
  virtual Status Mark(const VolumeMount& volume) = 0;
  // Takes the marks of all volumes away.
  virtual Status Unmark() = 0;
  virtual Result<bool> HasMark(const VolumeMount& volume) = 0;
  // Whole events, at most kPreEventsPerRead; 0: none wait. `buffer` holds kPreReadBytes.
  virtual Result<std::size_t> Read(std::span<std::byte> buffer) = 0;
  // False: the event's program, like everybody else, can only read what it opens or has opened.
  // True: somebody writes to the file or is about to, or that could not be found out.
  virtual bool MayBeWritten(int event_fd) = 0;
  virtual bool Identify(int event_fd, PreObject* object) = 0;
  // The object sends this group no more events of the mask, until the kernel forgets its inode. An
  // optimisation: it may fail.
  virtual void Ignore(int event_fd, std::uint64_t mask) = 0;
  // The program goes on; closes the descriptor.
  virtual void Allow(int event_fd) = 0;
  // The same, and the object sends this group no more events of any kind, as Ignore() says.
  virtual void AllowForGood(int event_fd) {
    Ignore(event_fd, UINT64_MAX);
    Allow(event_fd);
  }
  // For poll(2); -1 where there is none.
  virtual int fd() const = 0;
};

Result<std::unique_ptr<PreGroup>> CreateLinuxPreGroup(PreMode mode);

// Whether this process can tell writers from readers (F_SETLEASE; needs CAP_LEASE for other users'
// files). Without it every open counts as one for writing.
bool CanTellWriters();

}  // namespace cj
