// Answers over periods that have been rolled up are those that all records give.
#include <catch2/catch.hpp>
#include <random>

#include "tests/service/journal_fixture.h"
#include "tests/support/seed.h"

namespace cj {
namespace {

// What programs do to few files again and again.
class Programs {
 public:
  Programs(const TestJournal& journal, std::uint64_t seed) : journal_(journal), random_(seed) {
    for (const char* directory : {"d0", "d1", "d2"}) MakeDirectory(journal.path(directory));
  }
  void Step() {
    const std::string path = File();
    switch (OneOf(10)) {
      case 0:
        return IsThere(path) ? Unlink(path) : WriteFile(path, "1");
      case 1:
        return Save(path);
      case 2:
        return Lock();
      case 3:
        return Move(path, File());
      case 4:
        return AddLink(path, File());
      case 5:
        return MoveDirectory();
      case 6:
        return Swap(path, File());
      default:
        return Change(path);
    }
  }

 private:
  std::uint64_t OneOf(std::uint64_t count) { return random_() % count; }
  std::string File() {
    std::string directory = "d" + std::to_string(OneOf(3));
    if (!IsThere(journal_.path(directory))) directory = "d0";
    return journal_.path(directory + "/f" + std::to_string(OneOf(4)));
  }
  void Change(const std::string& path) {
    if (!IsThere(path)) return WriteFile(path, "1");
    OneOf(3) == 0 ? Chmod(path, 0600U + static_cast<unsigned>(OneOf(8))) : AppendFile(path, "2");
  }
  void Save(const std::string& path) {
    WriteFile(path + "~", "1");
    Rename(path + "~", path);
  }
  void Lock() {
    const std::string lock = journal_.path("d0/lock");
    WriteFile(lock, "1");
    Unlink(lock);
  }
  static void Move(const std::string& from, const std::string& to) {
    if (IsThere(from)) Rename(from, to);
  }
  static void Swap(const std::string& a, const std::string& b) {
    if (IsThere(a) && IsThere(b)) Exchange(a, b);
  }
  static void AddLink(const std::string& from, const std::string& to) {
    if (IsThere(from) && !IsThere(to)) Link(from, to);
  }
  void MoveDirectory() {
    if (OneOf(10) != 0) return;
    const std::string from = journal_.path("d1");
    const std::string to = journal_.path("d3");
    IsThere(from) ? Rename(from, to) : Rename(to, from);
  }

  const TestJournal& journal_;
  std::mt19937_64 random_;
};

struct Told {
  Lines lines;
  bool listable = false;
};

Told Tell(TestJournal& journal, Question question, bool every_record) {
  AnswerLimits limits;
  limits.every_record = every_record;
  journal.service().SetAnswerLimits(limits);
  question.checkpoint = false;
  Told told;
  told.lines = journal.ChangesSince(question);
  told.listable = journal.unlistable().empty();
  return told;
}

}  // namespace

TEST_CASE("answers: rolled up periods tell what all records tell") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  for (const char* type : {"ext4", "btrfs", "tmpfs"}) {
    CAPTURE(type);
    TestJournal journal(type);
    if (!journal.usable()) continue;
    std::mt19937_64 random(seed);
    Programs programs(journal, seed);
    std::vector<std::string> tokens;
    for (int period = 0; period < 150; ++period) {
      auto made = journal.service().Checkpoint("");
      REQUIRE(made.has_value());
      tokens.push_back(made->token);
      for (std::uint64_t left = random() % 20; left > 0; --left) programs.Step();
    }
    REQUIRE(journal.service().RollUp().has_value());
    for (int turn = 0; turn < 40; ++turn) {
      const std::size_t since = random() % tokens.size();
      const std::size_t until = since + random() % (tokens.size() - since);
      Question question;
      question.since.token = tokens[since];
      if (random() % 2 == 0) question.until = Position{tokens[until], std::nullopt};
      question.list = random() % 2 == 0;
      question.expand = random() % 2 == 0;
      CAPTURE(turn, since, until, question.list, question.expand, question.until.has_value());
      const Told all = Tell(journal, question, true);
      const Told rolled_up = Tell(journal, question, false);
      REQUIRE(rolled_up.lines == all.lines);
      CHECK(rolled_up.listable == all.listable);
    }
  }
}

}  // namespace cj
