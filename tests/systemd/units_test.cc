// The files beside the code: that the catalog explains every message, and that systemd's own tools
// take what we install.
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Source(const std::string& name) {
  return ReadFile(std::string(CJ_SYSTEMD_SOURCE_DIR) + "/" + name);
}

// The ids of 32 hexadecimal digits between `before` and `after`.
std::set<std::string> Ids(const std::string& text, const std::string& before,
                          const std::string& after) {
  constexpr std::size_t kDigits = 32;
  std::set<std::string> found;
  for (std::size_t at = text.find(before); at != std::string::npos;
       at = text.find(before, at + 1)) {
    std::string id = text.substr(at + before.size(), kDigits);
    if (id.size() < kDigits || id.find_first_not_of("0123456789abcdef") != std::string::npos) {
      continue;
    }
    if (text.compare(at + before.size() + kDigits, after.size(), after) != 0) continue;
    CHECK(found.insert(id).second);  // no id twice
  }
  return found;
}

// Exit status and output of a shell command.
std::pair<int, std::string> Run(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  while (std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  return {::pclose(pipe), output};
}

bool Have(const std::string& program) { return Run("command -v " + program).first == 0; }

}  // namespace

TEST_CASE("catalog: every message id is explained, and no other") {
  auto declared = Ids(Source("message_ids.h"), "\"", "\"");
  auto explained = Ids(Source("changejournal.catalog"), "\n-- ", "\n");
  CHECK(declared.size() == 11);
  CHECK(declared == explained);
}

TEST_CASE("catalog: every message id is of some message") {
  std::string code;
  for (const auto& file : std::filesystem::directory_iterator(CJ_SERVICE_SOURCE_DIR)) {
    if (file.path().extension() == ".cc") code += ReadFile(file.path());
  }
  const std::string header = Source("message_ids.h");
  const std::regex name("kMessage\\w+");
  int names = 0;
  for (std::sregex_iterator each(header.begin(), header.end(), name), end; each != end; ++each) {
    INFO(each->str());
    CHECK(code.find(each->str()) != std::string::npos);
    ++names;
  }
  CHECK(names == 11);
}

TEST_CASE("catalog: journalctl compiles it") {
  if (!Have("journalctl")) {
    WARN("SKIPPED: no journalctl here");
    return;
  }
  std::string pattern = "/tmp/cj-catalog-XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  const std::filesystem::path root = pattern;
  std::filesystem::create_directories(root / "usr/lib/systemd/catalog");
  std::filesystem::create_directories(root / "var/lib/systemd/catalog");
  std::filesystem::copy(std::string(CJ_SYSTEMD_SOURCE_DIR) + "/changejournal.catalog",
                        root / "usr/lib/systemd/catalog/changejournal.catalog");
  auto [status, output] = Run("journalctl --update-catalog --root=" + root.string());
  INFO(output);
  CHECK(status == 0);
  std::error_code ignored;
  std::filesystem::remove_all(root, ignored);
}

TEST_CASE("units: what must stay as it is") {
  const std::string service =
      ReadFile(std::string(CJ_SYSTEMD_BINARY_DIR) + "/changejournald.service");
  for (const char* line :
       {"Type=notify", "NotifyAccess=main", "Restart=on-failure", "RestartPreventExitStatus=2",
        "StateDirectory=changejournal", "StateDirectoryMode=0700", "RuntimeDirectoryPreserve=yes",
        "PrivateMounts=no", "FileDescriptorStoreMax=64", "StartLimitIntervalSec=0",
        "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH CAP_LEASE CAP_SYS_PTRACE"}) {
    INFO(line);
    CHECK(service.find("\n" + std::string(line) + "\n") != std::string::npos);
  }
  // Each of these would lose events or hide mounts.
  for (const char* key : {"\nMemoryMax=", "\nMemoryHigh=", "\nProtectSystem=", "\nPrivateTmp=",
                          "\nReadWritePaths=", "\nDynamicUser="}) {
    INFO(key);
    CHECK(service.find(key) == std::string::npos);
  }
  CHECK(service.find("ExecStart=/") != std::string::npos);
  CHECK(service.find("@CJ_") == std::string::npos);
  const std::string socket = Source("changejournald.socket");
  CHECK(socket.find("\nListenStream=/run/changejournal/org.changejournal\n") != std::string::npos);
  CHECK(socket.find("\nSocketMode=0666\n") != std::string::npos);
}

TEST_CASE("units: systemd-analyze has no complaint") {
  if (!Have("systemd-analyze")) {
    WARN("SKIPPED: no systemd-analyze here");
    return;
  }
  std::string pattern = "/tmp/cj-units-XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  const std::filesystem::path directory = pattern;
  // The program need not be installed for the unit to be right.
  std::string service = ReadFile(std::string(CJ_SYSTEMD_BINARY_DIR) + "/changejournald.service");
  const std::size_t start = service.find("ExecStart=");
  REQUIRE(start != std::string::npos);
  service.replace(start, service.find('\n', start) - start, "ExecStart=/bin/true");
  std::ofstream(directory / "changejournald.service") << service;
  std::ofstream(directory / "changejournald.socket") << Source("changejournald.socket");
  auto [status, output] = Run("systemd-analyze verify --man=no " + pattern +
                              "/changejournald.service " + pattern + "/changejournald.socket");
  INFO(output);
  CHECK(status == 0);
  CHECK(output.find("changejournal") == std::string::npos);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}
