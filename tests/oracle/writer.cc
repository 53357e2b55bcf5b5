#include "tests/oracle/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "tests/oracle/workload.h"

namespace cj::oracle {
namespace {

// "same" is in both lists: directories and files replace each other there.
constexpr std::array<const char*, 8> kDirectoryNames = {"d1",   "d2",      "d3",   "d 4",
                                                        "same", "-delete", "n\nl", "\xff\xfe"};
constexpr std::array<const char*, 18> kPlainNames = {
    "a",   "b",  "c",         "d", "e",     "f",        "g",           "h",   "same",
    "-rf", " x", "new\nline", "*", "tab\t", "\xc3\xbc", "bad\xff\xfe", "\\0", "'q\""};

const std::string& LongName() {
  static const std::string name(255, 'L');
  return name;
}

}  // namespace

std::vector<OperationKind> AllOperations() {
  std::vector<OperationKind> all;
  for (const auto& part : {FileOperations(), HeldFileOperations(), MappingOperations(),
                           EntryOperations(), DirectoryOperations(), AttributeOperations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

Writer::Writer(const WriterSetup& setup)
    : random(setup.seed),
      setup_(setup),
      log_(setup.log_directory, "writer" + std::to_string(setup.number)) {
  unsigned sum = 0;
  for (const OperationKind& kind : setup_.operations) {
    cumulative_weights_.push_back(sum += kind.weight);
  }
}

void Writer::Run() {
  bool going = true;
  while (going) {
    const OperationKind& kind = Choose();
    if (kind.run(*this)) setup_.state->operations.fetch_add(1, std::memory_order_relaxed);
    if (setup_.state->hold.load(std::memory_order_acquire)) going = HoldStill();
  }
}

const OperationKind& Writer::Choose() {
  const auto at = static_cast<unsigned>(random.Below(cumulative_weights_.back()));
  const auto found = std::upper_bound(cumulative_weights_.begin(), cumulative_weights_.end(), at);
  return setup_.operations[static_cast<std::size_t>(found - cumulative_weights_.begin())];
}

bool Writer::HoldStill() {
  log_.Flush();
  char byte = 'h';
  if (write(setup_.held, &byte, 1) != 1) return false;
  return read(setup_.resume, &byte, 1) == 1 && byte == 'r';
}

std::string Writer::Top() {
  if (random.Below(20) == 0 && !setup_.outside.empty()) return setup_.outside;
  if (random.Below(20) == 0) return setup_.inside + "/" + kExcludedName;
  return setup_.inside;
}

std::string Writer::Directory(unsigned depth) {
  std::string path = Top();
  const std::uint64_t levels = random.Below(depth) + 1;
  for (std::uint64_t level = 0; level < levels; ++level) {
    // The square makes the first names the most frequent ones.
    const std::uint64_t place = random.Below(kDirectoryNames.size());
    path += "/";
    path += random.Below(100) == 0 ? kExcludedName
                                   : kDirectoryNames[place * place / kDirectoryNames.size()];
  }
  return path;
}

std::string Writer::InsideDirectory() {
  return setup_.inside + "/" + kDirectoryNames[random.Below(kDirectoryNames.size())];
}

std::string Writer::File() {
  const std::string parent = random.Below(8) == 0 ? Top() : Directory();
  if (random.Below(50) == 0) return parent + "/" + LongName();
  return parent + "/" + kPlainNames[random.Below(kPlainNames.size())];
}

std::string Writer::OutsideFile() {
  return setup_.outside + "/" + kPlainNames[random.Below(kPlainNames.size())];
}

void Writer::MakeParents(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == 0 || slash == std::string::npos) return;
  const std::string parent = path.substr(0, slash);
  if (mkdir(parent.c_str(), 0755) == 0) {
    Log("mkdir", 0, parent);
    return;
  }
  if (errno != ENOENT) return;
  MakeParents(parent);
  Log("mkdir", mkdir(parent.c_str(), 0755), parent);
}

UniqueFd Writer::Open(const std::string& path, int flags) {
  const int all = flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  UniqueFd fd(open(path.c_str(), all, 0644));
  if (!fd && errno == ENOENT && (flags & O_CREAT) != 0) {
    MakeParents(path);
    fd.reset(open(path.c_str(), all, 0644));
  }
  struct stat status;
  if (fd && (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))) fd.reset();
  return fd;
}

UniqueFd Writer::OpenOrCreate(const std::string& path, int flags) {
  UniqueFd fd = Open(path, flags);
  if (fd || errno != ENOENT) return fd;
  fd = Open(path, flags | O_CREAT);
  if (!fd) return fd;
  const std::string content = random.Bytes(random.Below(3000) + 1);
  Log("create", pwrite(fd.get(), content.data(), content.size(), 0), path);
  return fd;
}

bool Writer::Log(const char* what, long result, const std::string& path, const std::string& other) {
  // Calls that did nothing would drown the others: most of them only found nothing to work on.
  if (result < 0) return false;
  log_.Add(what, 0, path, other);
  return true;
}

}  // namespace cj::oracle
