// Changes a directory as fast as the machine can. One process per writer, each in a directory of
// its own.
//
//   bench_load churn DIRECTORY WRITERS OPERATIONS SECONDS   until either is reached (0: no limit)
//   bench_load folders DIRECTORY FILES                      directories for so many files
//   bench_load fill DIRECTORY FILES                         empty files, 1000 to a directory
//   bench_load create DIRECTORY FILES                       the same in existing directories, each
//                                                           written and closed
//   bench_load rename|unlink DIRECTORY FILES                what fill made, within its directory
//   bench_load touch DIRECTORY FILES                        changes the times of what fill made
//   bench_load hot DIRECTORY WRITES                         64 bytes into one file, over and over
//
// Churn is create and write, write again, rename, delete: every file goes through all four, and
// keeps its place until kKept younger ones are there. Prints {"operations":N,"seconds":S}.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/unique_fd.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kFilesPerDirectory = 1000;
constexpr std::uint64_t kDirectories = 50;  // churn spreads over so many
constexpr std::uint64_t kKept = 2000;       // files that exist at a time, per writer
constexpr std::uint64_t kLookAtClock = 256;

double Seconds(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void Die(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

void Write(const std::string& path, int flags) {
  static constexpr char kBlock[512] = {};
  const cj::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0644));
  if (!fd || write(fd.get(), kBlock, sizeof kBlock) < 0) Die(path);
}

class Churn {
 public:
  explicit Churn(std::string directory) : directory_(std::move(directory)) {
    mkdir(directory_.c_str(), 0755);
    for (std::uint64_t i = 0; i < kDirectories; ++i) mkdir(Directory(i).c_str(), 0755);
  }

  // Returns the operations done.
  std::uint64_t Run(std::uint64_t operations, double seconds) {
    const Clock::time_point start = Clock::now();
    std::uint64_t done = 0;
    for (std::uint64_t number = 0;; ++number) {
      if (operations > 0 && done >= operations) break;
      if (seconds > 0 && number % kLookAtClock == 0 && Seconds(start) >= seconds) break;
      done += Step(number);
    }
    return done;
  }

 private:
  std::string Directory(std::uint64_t number) const {
    return directory_ + "/d" + std::to_string(number % kDirectories);
  }
  std::string Fresh(std::uint64_t number) const {
    return Directory(number) + "/f" + std::to_string(number);
  }
  std::string Renamed(std::uint64_t number) const {
    return Directory(number + 1) + "/r" + std::to_string(number);
  }
  std::uint64_t Step(std::uint64_t number) {
    Write(Fresh(number), O_CREAT | O_EXCL);
    std::uint64_t done = 1;
    if (number >= kKept / 4) {
      Write(Fresh(number - kKept / 4), O_APPEND);
      ++done;
    }
    if (number >= kKept / 2) {
      const std::uint64_t older = number - kKept / 2;
      if (rename(Fresh(older).c_str(), Renamed(older).c_str()) != 0) Die("rename");
      ++done;
    }
    if (number >= kKept) {
      if (unlink(Renamed(number - kKept).c_str()) != 0) Die("unlink");
      ++done;
    }
    return done;
  }
  std::string directory_;
};

std::uint64_t ChurnAll(const std::string& directory, std::uint64_t writers,
                       std::uint64_t operations, double seconds) {
  int results[2];
  if (pipe(results) != 0) Die("pipe");
  for (std::uint64_t writer = 0; writer < writers; ++writer) {
    const pid_t pid = fork();
    if (pid < 0) Die("fork");
    if (pid > 0) continue;
    Churn churn(directory + "/w" + std::to_string(writer));
    const std::uint64_t done = churn.Run(operations, seconds);
    _exit(write(results[1], &done, sizeof done) == sizeof done ? 0 : 1);
  }
  std::uint64_t sum = 0;
  for (std::uint64_t writer = 0; writer < writers; ++writer) {
    int status = 0;
    std::uint64_t done = 0;
    if (wait(&status) < 0 || status != 0) Die("a writer failed");
    if (read(results[0], &done, sizeof done) != sizeof done) Die("a writer was silent");
    sum += done;
  }
  return sum;
}

std::string FilePath(const std::string& directory, std::uint64_t number) {
  return directory + "/d" + std::to_string(number / kFilesPerDirectory) + "/f" +
         std::to_string(number);
}

void MakeFolders(const std::string& directory, std::uint64_t files) {
  mkdir(directory.c_str(), 0755);
  for (std::uint64_t number = 0; number < files; number += kFilesPerDirectory) {
    mkdir((directory + "/d" + std::to_string(number / kFilesPerDirectory)).c_str(), 0755);
  }
}

void MakeEmpty(const std::string& path) {
  if (mknod(path.c_str(), S_IFREG | 0644, 0) != 0) Die("mknod");
}
void Create(const std::string& path) { Write(path, O_CREAT | O_EXCL); }
void Touch(const std::string& path) {
  if (utimensat(AT_FDCWD, path.c_str(), nullptr, 0) != 0) Die("utimensat");
}
void Rename(const std::string& path) {
  if (rename(path.c_str(), (path + "r").c_str()) != 0) Die("rename");
}
void Unlink(const std::string& path) {
  if (unlink(path.c_str()) != 0) Die("unlink");
}

void WriteHot(const std::string& directory, std::uint64_t writes) {
  static constexpr char kBlock[64] = {};
  const std::string path = directory + "/hot";
  const cj::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  for (std::uint64_t i = 0; i < writes; ++i) {
    if (pwrite(fd.get(), kBlock, sizeof kBlock, 0) < 0) Die(path);
  }
}

struct Kind {
  const char* name;
  void (*do_to)(const std::string& path);
  bool makes_folders;
};
constexpr Kind kKinds[] = {{"fill", MakeEmpty, true}, {"folders", nullptr, true},
                           {"create", Create, false}, {"touch", Touch, false},
                           {"rename", Rename, false}, {"unlink", Unlink, false}};

// False: there is no such kind.
bool Each(const std::string& kind, const std::string& directory, std::uint64_t files) {
  for (const Kind& each : kKinds) {
    if (kind != each.name) continue;
    if (each.makes_folders) MakeFolders(directory, files);
    if (each.do_to == nullptr) return true;
    for (std::uint64_t number = 0; number < files; ++number) {
      each.do_to(FilePath(directory, number));
    }
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int index) { return std::strtoull(argv[index], nullptr, 10); };
  const Clock::time_point start = Clock::now();
  std::uint64_t operations = 0;
  if (argc == 6 && std::strcmp(argv[1], "churn") == 0) {
    operations = ChurnAll(argv[2], number(3), number(4), static_cast<double>(number(5)));
  } else if (argc == 4 && std::strcmp(argv[1], "hot") == 0) {
    WriteHot(argv[2], number(3));
    operations = number(3);
  } else if (argc == 4 && Each(argv[1], argv[2], number(3))) {
    operations = number(3);
  } else {
    std::fprintf(stderr,
                 "usage: bench_load churn DIRECTORY WRITERS OPERATIONS SECONDS\n"
                 "       bench_load folders|fill|create|touch|rename|unlink DIRECTORY FILES\n"
                 "       bench_load hot DIRECTORY WRITES\n");
    return 2;
  }
  std::printf("{\"operations\":%llu,\"seconds\":%.6f}\n",
              static_cast<unsigned long long>(operations), Seconds(start));
  return 0;
}
