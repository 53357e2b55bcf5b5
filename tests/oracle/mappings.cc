#include "tests/oracle/mappings.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <utility>

namespace cj::oracle {
namespace {

// No more than this of a large file is mapped.
constexpr std::size_t kLimitBytes = 1 << 20;

sigjmp_buf bus_error;

void OnBusError(int) { siglongjmp(bus_error, 1); }

struct StoreOrder {
  std::uint64_t index;
  std::uint64_t place;
  char value;
};

[[noreturn]] void ServeStores(int channel, const std::vector<Mapping>& mappings) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  StoreOrder order;
  while (recv(channel, &order, sizeof order, 0) == static_cast<ssize_t>(sizeof order)) {
    const char stored = Store(mappings[order.index], order.place, order.value) ? 1 : 0;
    if (send(channel, &stored, 1, MSG_NOSIGNAL) != 1) break;
  }
  _exit(0);
}

}  // namespace

Mapping MapFile(int fd, const std::string& path) {
  struct stat status;
  if (fstat(fd, &status) != 0 || status.st_size == 0) return {};
  const std::size_t size = std::min(static_cast<std::size_t>(status.st_size), kLimitBytes);
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return {};
  return {static_cast<char*>(address), size, path};
}

bool Store(const Mapping& mapping, std::uint64_t place, char value) {
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = OnBusError;
  action.sa_flags = SA_NODEFER;
  sigaction(SIGBUS, &action, &before);
  volatile bool stored = false;
  if (sigsetjmp(bus_error, 1) == 0) {
    *static_cast<volatile char*>(mapping.address + place % mapping.size) = value;
    stored = true;
  }
  sigaction(SIGBUS, &before, nullptr);
  return stored;
}

void Unmap(Mapping* mapping) {
  if (mapping->address != nullptr) munmap(mapping->address, mapping->size);
  mapping->address = nullptr;
}

MappingTable::~MappingTable() {
  EndChild();
  for (Mapping& mapping : own_) Unmap(&mapping);
}

void MappingTable::Add(Mapping mapping) {
  if (own_.size() == kLimit) Drop(0);
  own_.push_back(std::move(mapping));
}

void MappingTable::Drop(std::size_t index) {
  Unmap(&own_[index]);
  own_.erase(own_.begin() + static_cast<std::ptrdiff_t>(index));
}

void MappingTable::ForkChild() {
  EndChild();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  inherited_ = own_;
  child_ = fork();
  if (child_ == 0) {
    ours.reset();
    ServeStores(theirs.get(), inherited_);
  }
  channel_ = std::move(ours);
}

void MappingTable::EndChild() {
  if (child_ <= 0) return;
  channel_.reset();
  waitpid(child_, nullptr, 0);
  child_ = -1;
  inherited_.clear();
}

bool MappingTable::StoreInChild(std::size_t index, std::uint64_t place, char value) {
  const StoreOrder order = {index, place, value};
  char stored = 0;
  return send(channel_.get(), &order, sizeof order, MSG_NOSIGNAL) > 0 &&
         recv(channel_.get(), &stored, 1, 0) == 1 && stored == 1;
}

}  // namespace cj::oracle
