// changejournald(8): options, configuration, exit codes. Everything else is in daemon.cc.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "service/config/files.h"
#include "service/daemon.h"
#include "systemd/log.h"
#include "systemd/message_ids.h"

namespace cj {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Options {
  std::string config;
  std::string state_directory;
  std::string socket;
  std::vector<std::string> watches;
  bool check_config = false;
};

void AddOptions(CLI::App& app, Options& options) {
  app.add_option("--config", options.config, "Read this file (and FILE.d/*.conf) and no other")
      ->type_name("FILE");
  app.add_option("--state-directory", options.state_directory, "Where the journal is kept")
      ->type_name("DIR");
  app.add_option("--socket", options.socket,
                 "Listen here (default: systemd's socket, or " + std::string(kDefaultSocket) + ")")
      ->type_name("PATH");
  app.add_option("--watch", options.watches,
                 "Watch this tree instead of those of the configuration; may be repeated")
      ->type_name("PATH");
  app.add_flag("--check-config", options.check_config,
               "Only check the configuration; exit status 2 if it is bad");
  app.set_version_flag("--version", "changejournald " CJ_VERSION);
}

void Complain(const Diagnostic& diagnostic, Priority priority) {
  Log(priority, FormatDiagnostic(diagnostic),
      {{"CONFIG_FILE", diagnostic.file}, {"CONFIG_LINE", std::to_string(diagnostic.line)}},
      kMessageConfigInvalid);
}

// The command line counts more than the files. False: complained.
bool Override(const Options& options, Config* config) {
  if (!options.state_directory.empty()) {
    auto path = NormalPath(options.state_directory);
    if (!path.has_value()) {
      Log(Priority::kError, "--state-directory: " + path.error().message);
      return false;
    }
    config->state_directory = std::move(path).value();
  }
  if (options.watches.empty()) return true;
  config->watches.clear();
  for (const std::string& watch : options.watches) {
    auto path = NormalPath(watch);
    if (!path.has_value()) {
      Log(Priority::kError, "--watch: " + path.error().message);
      return false;
    }
    WatchConfig wanted;
    wanted.path = std::move(path).value();
    wanted.must_be_there = true;
    config->watches.push_back(std::move(wanted));
  }
  return true;
}

int Main(int argc, char** argv) {
  CLI::App app{"changejournald - records what changes under watched trees", "changejournald"};
  Options options;
  AddOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  ParsedConfig parsed = LoadConfig(options.config);
  for (const Diagnostic& warning : parsed.warnings) Complain(warning, Priority::kWarning);
  for (const Diagnostic& error : parsed.errors) Complain(error, Priority::kError);
  if (!parsed.errors.empty() || !Override(options, &parsed.config)) return kExitUsage;
  if (options.check_config) {
    if (!parsed.config.watches.empty()) return 0;
    Log(Priority::kError, kNothingToWatch);
    return kExitUsage;
  }
  auto passed = TakePassedFds();
  if (!passed.has_value()) {
    Log(Priority::kError, passed.error().message);
    return kExitFailed;
  }
  DaemonOptions daemon;
  daemon.config = std::move(parsed.config);
  daemon.socket_path = options.socket;
  Status done = RunDaemon(daemon, std::move(passed).value());
  if (done.has_value()) return 0;
  Log(Priority::kError, done.error().message, {{"REASON", done.error().message}}, kMessageFailed);
  return done.error().code == ErrorCode::kInvalidArgument ? kExitUsage : kExitFailed;
}

}  // namespace
}  // namespace cj

int main(int argc, char** argv) { return cj::Main(argc, argv); }
