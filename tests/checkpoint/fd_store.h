// systemd's FD store, played by a test: processes send it descriptors, it hands out copies.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/slot_group.h"

namespace cj {

// Sends descriptors over a socket of SOCK_SEQPACKET, as libsystemd sends them to systemd.
class SendingKeeper : public DescriptorKeeper {
 public:
  explicit SendingKeeper(int socket) : socket_(socket) {}
  bool Keep(const std::string& name, int fd) override { return Send("+" + name, fd); }
  void Forget(const std::string& name) override { (void)Send("-" + name, -1); }

 private:
  bool Send(const std::string& text, int fd) const;

  int socket_;
};

class FdStore {
 public:
  // Takes one message; false: there is none now.
  bool Receive(int socket);
  std::vector<KeptDescriptor> Copies() const;
  void Clear() { kept_.clear(); }
  std::size_t size() const { return kept_.size(); }

 private:
  std::vector<KeptDescriptor> kept_;
};

// Runs this in a process of its own and returns what it says. RocksDB has threads, and a process
// that has them must not fork: a test that forks opens no store but in its children.
std::string InChild(const std::function<std::string()>& body);

}  // namespace cj
