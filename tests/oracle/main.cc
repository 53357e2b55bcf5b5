// oracle: is every change reported? See README.md. Exit status: 0 nothing was missed, 1 something
// was, 2 usage, 3 the run itself failed, 4 skipped because this machine cannot.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "tests/oracle/power_cuts.h"
#include "tests/oracle/run.h"

namespace {

constexpr int kMissed = 1;
constexpr int kUsage = 2;
constexpr int kFailed = 3;
constexpr int kSkipped = 4;

template <typename Test>
int Verdict(Test&& run) {
  const cj::Status status = run.Execute();
  if (!status && status.error().code == cj::ErrorCode::kUnsupported) {
    std::printf("SKIPPED: %s\n", status.error().message.c_str());
    return kSkipped;
  }
  if (!status) {
    std::printf("%sFAILED: %s\n", run.DaemonLog().c_str(), status.error().message.c_str());
    return kFailed;
  }
  return run.missed() == 0 ? 0 : kMissed;
}

int Execute(const cj::oracle::Options& options) {
  if (geteuid() != 0) {
    std::printf("SKIPPED: the oracle mounts filesystems, which needs root\n");
    return kSkipped;
  }
  if (options.cuts > 0) return Verdict(cj::oracle::PowerCuts(options));
  return Verdict(cj::oracle::Run(options));
}

}  // namespace

int main(int argc, char** argv) {
  umask(0);
  setvbuf(stdout, nullptr, _IOLBF, 0);
  signal(SIGPIPE, SIG_IGN);
  const cj::Result<cj::oracle::Options> options = cj::oracle::ParseOptions(argc, argv);
  if (!options) {
    std::fprintf(stderr, "oracle: %s\n%s", options.error().message.c_str(), cj::oracle::Usage());
    return kUsage;
  }
  return Execute(*options);
}
