#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>

#include "tests/oracle/process.h"
#include "tests/oracle/workload.h"
#include "tests/oracle/writer.h"

namespace cj::oracle {
namespace {

using std::chrono::steady_clock;

bool Contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result<std::vector<OperationKind>> Chosen(const Options& options) {
  std::vector<OperationKind> chosen;
  for (const OperationKind& kind : AllOperations()) {
    if (!options.only.empty() && !Contains(options.only, kind.name)) continue;
    if (!Contains(options.without, kind.name)) chosen.push_back(kind);
  }
  if (chosen.empty()) return Error{ErrorCode::kInvalidArgument, "no operation is left to do"};
  return chosen;
}

// The oracle's end of one writer.
struct Hand {
  Child child;
  UniqueFd held;  // readable when the writer holds still
  UniqueFd resume;
  WriterState* state = nullptr;
};

class RandomWriters : public Workload {
 public:
  ~RandomWriters() override {
    for (Hand& hand : hands_) {
      hand.resume.reset();
      hand.child = Child();
      munmap(hand.state, sizeof *hand.state);
    }
  }
  Status Add(const WriterSetup& setup);
  bool Enough(std::uint64_t operations) const override { return Operations() >= operations; }
  Status Hold() override;
  Status Resume() override { return Tell('r'); }
  Status Finish() override;
  std::string Report() const override;

 private:
  std::uint64_t Operations() const;
  Status Tell(char byte);
  std::vector<Hand> hands_;
  steady_clock::time_point started_ = steady_clock::now();
  steady_clock::duration worked_{};
};

Status RandomWriters::Add(const WriterSetup& setup) {
  int held[2];
  int resume[2];
  if (pipe2(held, O_CLOEXEC) != 0 || pipe2(resume, O_CLOEXEC) != 0)
    return ErrnoError(errno, "pipe2");
  void* shared =
      mmap(nullptr, sizeof(WriterState), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return ErrnoError(errno, "mmap");
  Hand hand;
  hand.state = new (shared) WriterState;
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError(errno, "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    WriterSetup own = setup;
    own.state = hand.state;
    own.held = held[1];
    own.resume = resume[0];
    {
      Writer writer(own);
      writer.Run();
    }
    _exit(0);
  }
  close(held[1]);
  close(resume[0]);
  hand.child = Child(pid);
  hand.held.reset(held[0]);
  hand.resume.reset(resume[1]);
  hands_.push_back(std::move(hand));
  return {};
}

std::uint64_t RandomWriters::Operations() const {
  std::uint64_t sum = 0;
  for (const Hand& hand : hands_) sum += hand.state->operations.load(std::memory_order_relaxed);
  return sum;
}

Status RandomWriters::Hold() {
  for (const Hand& hand : hands_) hand.state->hold.store(true, std::memory_order_release);
  for (const Hand& hand : hands_) {
    char byte = 0;
    if (read(hand.held.get(), &byte, 1) != 1) {
      return Error{ErrorCode::kIo, "a writer ended by itself"};
    }
    hand.state->hold.store(false, std::memory_order_release);
  }
  worked_ += steady_clock::now() - started_;
  return {};
}

Status RandomWriters::Tell(char byte) {
  started_ = steady_clock::now();
  for (const Hand& hand : hands_) {
    if (write(hand.resume.get(), &byte, 1) != 1) return ErrnoError(errno, "a writer is gone");
  }
  return {};
}

Status RandomWriters::Finish() {
  CJ_RETURN_IF_ERROR(Tell('f'));
  for (Hand& hand : hands_) {
    CJ_ASSIGN_OR_RETURN(const int status, hand.child.End(0, std::chrono::seconds(60)));
    if (status != 0) {
      return Error{ErrorCode::kIo, "a writer ended with status " + std::to_string(status)};
    }
  }
  return {};
}

std::string RandomWriters::Report() const {
  const double seconds = std::chrono::duration<double>(worked_).count();
  const double rate = seconds > 0 ? static_cast<double>(Operations()) / seconds : 0;
  return std::to_string(Operations()) + " operations by " + std::to_string(hands_.size()) +
         " writers, " + std::to_string(static_cast<std::uint64_t>(rate)) + " per second";
}

}  // namespace

Result<std::unique_ptr<Workload>> StartRandomWriters(const Options& options,
                                                     const WorkloadSetup& setup) {
  CJ_ASSIGN_OR_RETURN(const std::vector<OperationKind> operations, Chosen(options));
  auto writers = std::make_unique<RandomWriters>();
  for (unsigned number = 0; number < options.writers; ++number) {
    WriterSetup writer;
    writer.inside = setup.inside;
    writer.outside = setup.outside;
    writer.log_directory = setup.log_directory;
    writer.number = number;
    writer.seed = options.seed * 1000 + number;
    writer.operations = operations;
    CJ_RETURN_IF_ERROR(writers->Add(writer));
  }
  return std::unique_ptr<Workload>(std::move(writers));
}

}  // namespace cj::oracle
