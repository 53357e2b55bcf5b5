#include "tests/checkpoint/fd_store.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>

namespace cj {

bool SendingKeeper::Send(const std::string& text, int fd) const {
  iovec data{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
  }
  return ::sendmsg(socket_, &message, MSG_NOSIGNAL) > 0;
}

bool FdStore::Receive(int socket) {
  std::array<char, 256> text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec data{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size <= 0) return false;
  const std::string name(text.data() + 1, static_cast<std::size_t>(size) - 1);
  if (text[0] == '-') {
    std::erase_if(kept_, [&](const KeptDescriptor& each) { return each.name == name; });
    return true;
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
  kept_.push_back({name, UniqueFd(fd)});
  return true;
}

std::vector<KeptDescriptor> FdStore::Copies() const {
  std::vector<KeptDescriptor> copies;
  for (const KeptDescriptor& each : kept_) {
    copies.push_back({each.name, UniqueFd(::fcntl(each.fd.get(), F_DUPFD_CLOEXEC, 0))});
  }
  return copies;
}

std::string InChild(const std::function<std::string()>& body) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = body() + ".";
    ::_exit(::write(writing.get(), said.data(), said.size()) == static_cast<ssize_t>(said.size())
                ? 0
                : 1);
  }
  REQUIRE(child > 0);
  writing.reset();
  std::string said;
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t size = ::read(reading.get(), bytes.data(), bytes.size());
    if (size <= 0) break;
    said.append(bytes.data(), static_cast<std::size_t>(size));
  }
  ::waitpid(child, nullptr, 0);
  if (said.empty()) return "the child died";
  said.pop_back();
  return said;
}

}  // namespace cj
