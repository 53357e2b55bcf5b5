// What clients can make the server spend. Every number has its reason here and a test that crosses
// it; crossing one costs the client its connection and nobody else anything. The bounds of a single
// message are in protocol/message.h and protocol/frame_splitter.h.
#pragma once

#include <chrono>
#include <cstddef>

#include "protocol/frame_splitter.h"

namespace cj {

struct Limits {
  // Connections altogether. Each costs a descriptor and, while a message is half here, up to
  // max_call_bytes; 1024 is half of a daemon's descriptors under LimitNOFILE=2048.
  std::size_t max_connections = 1024;
  // Connections per user other than root. A backup tool with a connection per worker stays far
  // below.
  std::size_t max_connections_per_uid = 128;
  // Of max_connections, kept for root: several users together must not lock the administrator out.
  std::size_t reserved_for_root = 64;
  // Bytes in one call.
  std::size_t max_call_bytes = kMaxCallBytes;
  // From the first byte of a call to its NUL. A local client writes a message in one go.
  std::chrono::milliseconds receive_timeout = std::chrono::seconds(10);
  // One reply (at most kMaxReplyBytes) may wait so long for a client that does not read. Meanwhile
  // the method that makes the replies stands still, and what it holds (a snapshot of the store)
  // too.
  std::chrono::milliseconds stall_timeout = std::chrono::seconds(60);
  // How long accepting pauses when the process or the system is out of descriptors or memory.
  std::chrono::milliseconds accept_pause = std::chrono::milliseconds(250);
};

}  // namespace cj
