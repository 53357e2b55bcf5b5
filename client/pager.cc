#include "client/pager.h"

#include <fcntl.h>
#include <langinfo.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cj::client {
namespace {

// What journalctl passes: quit if it fits on a screen, colours, chopped lines, no clearing, a long
// prompt, and an end at Ctrl-C.
constexpr const char* kLessOptions = "FRSXMK";
constexpr std::size_t kCopyBytes = 64 << 10;

std::vector<std::string> Split(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\r";
  std::vector<std::string> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos) return words;
    const std::size_t end = std::min(text.find_first_of(kSpaces, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
}

// As parse_boolean() of systemd; what it does not know is nothing to trust.
bool IsTrue(const std::string& text) {
  constexpr std::array<const char*, 6> kFalse = {"0", "no", "n", "false", "f", "off"};
  return std::none_of(kFalse.begin(), kFalse.end(),
                      [&](const char* word) { return ::strcasecmp(word, text.c_str()) == 0; });
}

std::string ReadSmallFile(const char* path) {
  UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> buffer{};
  const ssize_t got = fd ? ::read(fd.get(), buffer.data(), buffer.size()) : 0;
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

// The pager that is always there.
[[noreturn]] void CopyAll() {
  std::array<char, kCopyBytes> buffer{};
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) ::_exit(got == 0 ? 0 : 1);
    for (ssize_t done = 0; done < got;) {
      const ssize_t put =
          ::write(STDOUT_FILENO, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) ::_exit(1);
      done += put;
    }
  }
}

[[noreturn]] void RunPager(const PagerPlan& plan, int input, pid_t parent) {
  // It must not stay before the terminal when we are gone.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent || ::dup2(input, STDIN_FILENO) < 0) ::_exit(1);
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  for (const auto& [name, value] : plan.set) ::setenv(name.c_str(), value.c_str(), 1);
  for (const std::string& name : plan.unset) ::unsetenv(name.c_str());
  for (const std::vector<std::string>& command : plan.commands) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words.front(), words.data());
  }
  CopyAll();
}

// Ctrl-C goes to the pager as well, which may end or go on; it gives the terminal back before we
// leave it to the shell. What the handler needs, as plain values.
volatile sig_atomic_t interrupted_pid = 0;
volatile sig_atomic_t interrupted_fd = -1;

void AwaitPagerAndEnd(int signal) {
  ::close(interrupted_fd);
  while (::waitpid(interrupted_pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::signal(signal, SIG_DFL);
  ::raise(signal);  // delivered when this returns
}

}  // namespace

std::optional<uid_t> OwnerOfCgroup(std::string_view text) {
  constexpr std::string_view kPrefix = "/user.slice/user-";
  const std::size_t at = text.find(kPrefix);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + kPrefix.size());
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error != std::errc() || rest.substr(0, 6) != ".slice") return std::nullopt;
  return uid;
}

std::optional<PagerPlan> PlanPager(const PagerQuestion& question) {
  const Environment& environment = question.environment;
  PagerPlan plan;
  auto wanted = environment("SYSTEMD_PAGER");
  if (!wanted) wanted = environment("PAGER");
  const std::vector<std::string> own = Split(wanted.value_or(""));
  if (wanted && (own.empty() || own == std::vector<std::string>{"cat"})) return std::nullopt;

  const auto secure_said = environment("SYSTEMD_PAGERSECURE");
  const bool secure = secure_said ? IsTrue(*secure_said) : !question.same_user;
  // Who has said what is safe knows his pager.
  if (!own.empty() && (secure_said || !secure)) plan.commands.push_back(own);
  if (!secure) plan.commands.push_back({"pager"});
  plan.commands.push_back({"less"});
  if (!secure) plan.commands.push_back({"more"});

  std::string options = environment("SYSTEMD_LESS").value_or(kLessOptions);
  if (question.jump_to_end) options += " +G";
  plan.set.emplace_back("LESS", options);
  if (auto charset = environment("SYSTEMD_LESSCHARSET")) {
    plan.set.emplace_back("LESSCHARSET", *charset);
  } else if (question.utf8) {
    plan.set.emplace_back("LESSCHARSET", "utf-8");
  }
  if (secure) {
    plan.set.emplace_back("LESSSECURE", "1");
  } else {
    plan.unset.emplace_back("LESSSECURE");
  }
  return plan;
}

std::unique_ptr<Pager> Pager::Start(bool jump_to_end) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
  if (::isatty(STDOUT_FILENO) != 1 || dumb) return nullptr;
  PagerQuestion question;
  question.environment = [](const std::string& name) -> std::optional<std::string> {
    // Not with more rights than the caller's, were this program ever given such.
    const char* value = ::secure_getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  const auto owner = OwnerOfCgroup(ReadSmallFile("/proc/self/cgroup"));
  question.same_user = owner == ::geteuid();
  question.utf8 =
      std::setlocale(LC_CTYPE, "") != nullptr && std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
  question.jump_to_end = jump_to_end;
  const auto plan = PlanPager(question);
  std::array<int, 2> ends{};
  if (!plan || ::pipe2(ends.data(), O_CLOEXEC) != 0) return nullptr;
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    write_end.reset();  // or the end would never come
    RunPager(*plan, read_end.get(), self);
  }
  if (pid < 0) return nullptr;
  interrupted_pid = pid;
  interrupted_fd = write_end.get();
  std::signal(SIGINT, AwaitPagerAndEnd);
  return std::unique_ptr<Pager>(new Pager(std::move(write_end), pid));
}

Pager::~Pager() {
  if (input_.valid()) Wait();
}

void Pager::Wait() {
  interrupted_fd = -1;
  input_.reset();
  ::kill(pid_, SIGCONT);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace cj::client
