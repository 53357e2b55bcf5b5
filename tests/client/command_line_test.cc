// Words to options, and what is said of bad ones.
#include "client/command_line.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/questions.h"
#include "client/requests.h"

using namespace cj;
using namespace cj::client;

namespace {

using Words = std::vector<std::string>;

constexpr std::int64_t kNow = 1'700'000'000'000'000;

CommandLine Parse(const Words& words) {
  return ParseCommandLine(words, {kNow, [](std::int64_t) { return std::int64_t{0}; }, "/w"});
}

Options Good(const Words& words) {
  CommandLine line = Parse(words);
  INFO(line.outcome.message);
  REQUIRE(line.options.has_value());
  return *line.options;
}

std::string Mistake(const Words& words) {
  CommandLine line = Parse(words);
  REQUIRE_FALSE(line.options.has_value());
  CHECK(line.outcome.status == ExitStatus::kUsage);
  CHECK(line.output.empty());
  return line.outcome.message;
}

constexpr const char* kToken = "cj1-0123abcd-5";

}  // namespace

TEST_CASE("verbs and their options") {
  CHECK(Good({"status"}).verb == Verb::kStatus);
  CHECK(Good({"status"}).socket == kDefaultSocket);
  CHECK(Good({"--socket=/s", "status", "--json"}).socket == "/s");
  CHECK(Good({"--socket", "/s", "status", "--json"}).json);
  CHECK(Good({"periods"}).verb == Verb::kPeriods);
  CHECK(Good({"doctor"}).verb == Verb::kDoctor);
  CHECK(Good({"checkpoint", "--label=a b"}).label == "a b");
}

TEST_CASE("changes: all options") {
  Options options =
      Good({"changes", "--since=cj1-0123abcd-5", "--until=-1h", "--format=json", "--existing",
            "--expand", "--relative-to=sub", "--kind=entry,data", "--no-wait", "--transient", "-q",
            "/srv", "sub/../sub/x", "--no-checkpoint"});
  const ChangesOptions& changes = options.changes;
  REQUIRE(changes.since);
  CHECK(changes.since->token == kToken);
  REQUIRE(changes.until);
  CHECK(changes.until->time_usec == kNow - 3'600'000'000);
  CHECK(changes.format == ChangesFormat::kJson);
  CHECK(changes.presence == "existing");
  CHECK(changes.expand);
  CHECK(changes.relative_to == "/w/sub");
  CHECK(changes.kinds == Words{"entry", "data"});
  CHECK_FALSE(changes.wait);
  CHECK(changes.transient);
  CHECK(changes.quiet);
  CHECK_FALSE(changes.checkpoint);
  CHECK(changes.paths == Words{"/srv", "/w/sub/x"});
}

TEST_CASE("changes: --relative-to narrows the question") {
  CHECK(Good({"changes", "--since=-1h", "--relative-to=/srv/a"}).changes.paths == Words{"/srv/a"});
  CHECK(Good({"changes", "--since=-1h", "--relative-to=/srv/a", "/srv"}).changes.paths ==
        Words{"/srv"});
  CHECK(Good({"changes", "--since=-1h", "--relative-to=/srv/a", "/srv/a/b", "/x"}).changes.paths ==
        Words{"/srv/a/b", "/x"});
  CHECK(Good({"changes", "--consumer=c", "--relative-to=/srv/a"}).changes.paths.empty());
  CHECK(Mistake({"changes", "--since=-1h", "--relative-to=/srv/a", "/srv/ab", "/x"}) ==
        "--relative-to=/srv/a: no PATH that was given lies below or above it");
}

TEST_CASE("explain: options") {
  const Options options = Good({"explain", "rel/../x", "--since=cj1-0123abcd-5", "--json"});
  CHECK(options.verb == Verb::kExplain);
  CHECK(options.json);
  CHECK(options.explain.path == "/w/x");
  REQUIRE(options.explain.since);
  CHECK(options.explain.since->token == kToken);
  CHECK(Good({"explain", "/a", "--consumer=c"}).explain.consumer == "c");
  CHECK(Good({"explain", "/a", "--token-file=t"}).explain.token_file == "t");
  for (const Words& words : {Words{"explain"}, Words{"explain", "/a", "/b"}, Words{"explain", ""},
                             Words{"explain", "/a", "--since=-1h", "--consumer=c"}}) {
    CHECK(Parse(words).outcome.status == ExitStatus::kUsage);
  }
}

TEST_CASE("changes: -0 means paths") {
  CHECK(Good({"changes", "--since=-2h", "-0"}).changes.format == ChangesFormat::kPaths);
  CHECK(Good({"changes", "--since=-2h", "--null", "--format=paths"}).changes.null);
  CHECK(Good({"changes", "--since=-2h", "-0q"}).changes.quiet);
  CHECK(Mistake({"changes", "--since=-2h", "-0", "--format=json"}) ==
        "-0 writes paths only; leave out --format=json");
}

TEST_CASE("log: options") {
  LogOptions log = Good({"log", "-n", "5", "-r", "-o", "verbose", "/srv", "--since=@1"}).log;
  CHECK(log.lines == 5);
  CHECK(log.reverse);
  CHECK(log.format == LogFormat::kVerbose);
  CHECK(log.since->time_usec == 1'000'000);
  CHECK(Good({"log", "-n5"}).log.lines == 5);
  CHECK(Good({"log", "-f"}).log.lines == 10);
  CHECK(Good({"log", "-f", "-n", "0"}).log.lines == 0);
  CHECK_FALSE(Good({"log", "-f", "--since=-1h"}).log.lines);
  CHECK_FALSE(Good({"log"}).log.lines);
  log = Good({"log", "--kind=data,entry", "--type=file", "--utc", "-q", "-o", "json-seq"}).log;
  CHECK(log.kinds == Words{"data", "entry"});
  CHECK(log.types == Words{"file"});
  CHECK(log.utc);
  CHECK(log.quiet);
  CHECK(log.pager);
  CHECK(log.format == LogFormat::kJsonSeq);
  CHECK_FALSE(Good({"log", "--no-pager"}).log.pager);
  CHECK_FALSE(Good({"log", "-f"}).log.pager);
  CHECK(Good({"log", "-e"}).log.lines == 1000);
  CHECK(Good({"log", "-e", "-n", "7"}).log.lines == 7);
  CHECK(Good({"log", "-S", "@1", "-U", "@2"}).log.until->time_usec == 2'000'000);
}

TEST_CASE("log: -n without a number is 10 and takes no path for one") {
  for (const Words& words :
       {Words{"log", "-n"}, Words{"log", "--lines"}, Words{"log", "-qn"}, Words{"log", "-n", "-r"},
        Words{"log", "-rn", "/srv"}, Words{"log", "-n", "./etc"}, Words{"log", "-n", "--utc"}}) {
    INFO(words.back());
    CHECK(Good(words).log.lines == 10);
  }
  CHECK(Good({"log", "-n", "/srv"}).log.paths == Words{"/srv"});
  CHECK(Good({"log", "-rn", "3", "/srv"}).log.lines == 3);
  CHECK_FALSE(Good({"log", "-f", "-n", "all"}).log.lines);
  CHECK(Good({"log", "--", "-n"}).log.paths == Words{"/w/-n"});
  CHECK(Mistake({"changes", "--since=-1h", "-n"}).find("not expected") != std::string::npos);
}

TEST_CASE("log: a time is that moment, a token its checkpoint") {
  LogOptions log = Good({"log", "--since=@1", "--until=@2", "--kind=data", "--type=fifo"}).log;
  Question made = LogQuestion(log);
  const cj_question* question = made.get();
  REQUIRE((question->from_usec != nullptr && question->to_usec != nullptr));
  CHECK((*question->from_usec == 1'000'000 && *question->to_usec == 2'000'000));
  CHECK((question->since_usec == nullptr && question->until_usec == nullptr));
  CHECK((question->kinds == CJ_KIND_DATA && question->types == CJ_FIFO));
  log = Good({"log", std::string("--since=") + kToken, "-U", kToken}).log;
  made = LogQuestion(log);
  question = made.get();
  REQUIRE((question->since_token != nullptr && question->until_token != nullptr));
  CHECK((question->since_token == std::string(kToken) &&
         question->until_token == std::string(kToken)));
  CHECK((question->from_usec == nullptr && question->to_usec == nullptr));
}

TEST_CASE("consumers: verbs and options") {
  const Options added =
      Good({"consumer", "add", "mirror", "--watch=/srv", "--watch=rel", "--since=-1h",
            "--config-hash=v1", "--max-lag=7d", "--max-lag-size=2G", "--json"});
  CHECK(added.verb == Verb::kConsumerAdd);
  CHECK(added.json);
  CHECK(added.consumer.name == "mirror");
  CHECK(added.consumer.paths == Words{"/srv", "/w/rel"});
  CHECK(added.consumer.since->time_usec == kNow - 3'600'000'000);
  CHECK(added.consumer.config_hash == "v1");
  CHECK(added.consumer.max_lag_usec == 7LL * 86'400 * 1'000'000);
  CHECK(added.consumer.max_lag_bytes == 2LL << 30);
  CHECK(Good({"consumer", "list", "--json"}).verb == Verb::kConsumerList);
  CHECK(Good({"consumer", "remove", "x"}).verb == Verb::kConsumerRemove);
  CHECK(Good({"consumer", "remove", "x"}).consumer.name == "x");
  const Options ack = Good({"ack", "mirror", kToken, "--config-hash=v2"});
  CHECK(ack.verb == Verb::kAck);
  CHECK(ack.acknowledge.name == "mirror");
  CHECK(ack.acknowledge.token == kToken);
  CHECK(ack.acknowledge.config_hash == "v2");
  CHECK_FALSE(ack.acknowledge.sequence.has_value());
  CHECK(Good({"ack", "mirror", kToken, "--record=42"}).acknowledge.sequence == 42);
  const Options changes = Good({"changes", "--consumer=mirror", "--config-hash=v1"});
  CHECK(changes.changes.consumer == "mirror");
  CHECK(changes.changes.config_hash == "v1");
  CHECK_FALSE(changes.changes.since.has_value());
}

TEST_CASE("consumers: mistakes") {
  CHECK(Mistake({"consumer"}).find("subcommand is required") != std::string::npos);
  CHECK(Mistake({"consumer", "ad", "x"}).find("consumer --help") != std::string::npos);
  CHECK(Mistake({"consumer", "add"}) == "NAME is required (see changectl consumer add --help)");
  CHECK(Mistake({"consumer", "add", ""}) == "NAME is empty");
  CHECK(Mistake({"consumer", "add", "x", "--max-lag=soon"}).find("--max-lag: 'soon'") == 0);
  CHECK(Mistake({"consumer", "add", "x", "--max-lag=0"}) ==
        "--max-lag: 0 would let it expire at once");
  CHECK(Mistake({"consumer", "add", "x", "--max-lag-size=0"}) ==
        "--max-lag-size: 0 would let it expire at once");
  CHECK(Mistake({"consumer", "add", "x", "--watch="}).find("--watch: 1 required") == 0);
  CHECK(Mistake({"ack", "x"}).find("TOKEN is required") == 0);
  CHECK(Mistake({"ack", "x", ""}) == "TOKEN is empty");
  for (const char* number : {"--record=99999999999999999999", "--record=-1", "--record=x"}) {
    CHECK(Mistake({"ack", "x", kToken, number}).find("--record") != std::string::npos);
  }
}

TEST_CASE("follow: options") {
  const Options options = Good({"follow", "--since=-1h", "--kind=entry", "--type=file,symlink",
                                "--settle=20ms", "-o", "cat", "/srv", "rel"});
  CHECK(options.verb == Verb::kFollow);
  const FollowOptions& follow = options.follow;
  CHECK(follow.since->time_usec == kNow - 3'600'000'000);
  CHECK(follow.kinds == Words{"entry"});
  CHECK(follow.types == Words{"file", "symlink"});
  CHECK(follow.settle_usec == 20'000);
  CHECK(follow.format == LogFormat::kCat);
  CHECK(follow.paths == Words{"/srv", "/w/rel"});
  const FollowOptions consumer =
      Good({"follow", "--consumer=c", "--config-hash=v", "--json"}).follow;
  CHECK(consumer.consumer == "c");
  CHECK(consumer.config_hash == "v");
  CHECK(consumer.format == LogFormat::kJson);
  CHECK_FALSE(consumer.since.has_value());
  CHECK(Mistake({"follow", "--since=-1h", "--consumer=c"}) ==
        "--since and --consumer both say where to start; give one of them");
  CHECK(Mistake({"follow", "--config-hash=v"}) ==
        "--config-hash is of a consumer; give --consumer=NAME");
  CHECK(Mistake({"follow", "--type=door"}) ==
        "--type: 'door' is not known; use file, directory, symlink, fifo, socket, char, block, "
        "joined by commas");
  CHECK(Mistake({"follow", "--settle=soon"}).find("--settle: 'soon'") == 0);
  CHECK(Mistake({"follow", "--json", "-o", "cat"}) == "--json is -o json; leave out -o cat");
}

TEST_CASE("words that begin with a dash can be paths after --") {
  CHECK(Good({"changes", "--since=-2h", "--", "-odd", "status"}).changes.paths ==
        Words{"/w/-odd", "/w/status"});
}

#define VERBS                                                                                  \
  "status, checkpoint, changes, log, explain, periods, follow, consumer, ack, crawl, doctor, " \
  "metrics, top, git-fsmonitor"

TEST_CASE("mistakes say what to do") {
  struct Row {
    Words words;
    const char* message;
  };
  const Row rows[] = {
      {{}, "no verb given; there are " VERBS " (see changectl --help)"},
      {{"watch"}, "unknown verb 'watch'; there are " VERBS},
      {{"--socket", "status", "add"}, "unknown verb 'add'; there are " VERBS},
      {{"help", "watch"}, "unknown verb 'watch'; there are " VERBS},
      {{"changes"}, "changes needs --since=TOKEN|TIME, --token-file=FILE or --consumer=NAME"},
      {{"changes", "--since=-1h", "--token-file=f"},
       "--since, --token-file and --consumer all say where to start; give one of them"},
      {{"changes", "--token-file=f", "--consumer=c"},
       "--since, --token-file and --consumer all say where to start; give one of them"},
      {{"changes", "--since=-1h", "--config-hash=x"},
       "--config-hash is of a consumer; give --consumer=NAME"},
      {{"changes", "--since=-1h", "--existing", "--deleted"},
       "--existing and --deleted exclude each other; without both, all paths are shown"},
      {{"changes", "--since=-1h", "--kind=entries"},
       "--kind: 'entries' is not known; use entry, data, metadata, joined by commas"},
      {{"changes", "--since=-1h", "--format=xml"},
       "--format: 'xml' is not known; use text, json or paths"},
      {{"changes", "--since=-1h", "--until=now", "--label=x"},
       "--label names the checkpoint that is made, and --until makes none"},
      {{"changes", "--since=-1h", "--no-checkpoint", "--label=x"},
       "--label names the checkpoint that is made, and --no-checkpoint makes none"},
      {{"changes", "--since=@1700000001"}, "--since: '@1700000001' is in the future"},
      {{"changes", "--since=+1h"}, "--since: '+1h' is in the future; for the past write -1h"},
      {{"changes", "--since=-1h", ""}, "a PATH is empty"},
      {{"log", "-f", "-r"}, "-f shows what comes and -r the newest first; give one of them"},
      {{"log", "-f", "--until=now"}, "-f has no end; leave out --until"},
      {{"log", "-n", "-1"}, "-n: the number of lines is negative"},
      {{"log", "-o", "export"},
       "-o: 'export' is not known; use one of short, short-precise, short-iso, short-iso-precise, "
       "short-unix, verbose, json, json-seq, cat"},
      {{"log", "-n", "etc"}, "-n: 'etc' is no number of lines; a PATH may be written ./etc"},
      {{"log", "--kind=entries"},
       "--kind: 'entries' is not known; use entry, data, metadata, joined by commas"},
      {{"explain", "a", "b"},
       "PATH: At Most 1 required but received 2 (see changectl explain --help)"},
      {{"status", "--jsn"},
       "The following argument was not expected: --jsn (see changectl status --help)"},
  };
  for (const Row& row : rows) {
    INFO(row.message);
    CHECK(Mistake(row.words) == row.message);
  }
  // An empty value is a variable that was not set.
  CHECK(Mistake({"changes", "--since="}).find("--since: 1 required") == 0);
  CHECK(Mistake({"changes", "--since=whenever"}).find("--since: 'whenever' is not a time") == 0);
  CHECK(Mistake({"log", "--consumer=x"}).find("not expected") != std::string::npos);
}

TEST_CASE("every verb has a help with its name, its options and an example") {
  const std::vector<Words> verbs = {{"status"},
                                    {"checkpoint"},
                                    {"changes"},
                                    {"log"},
                                    {"explain"},
                                    {"periods"},
                                    {"consumer", "add"},
                                    {"consumer", "list"},
                                    {"consumer", "remove"},
                                    {"ack"},
                                    {"crawl"},
                                    {"doctor"},
                                    {"metrics"},
                                    {"top"},
                                    {"git-fsmonitor"}};
  for (Words words : verbs) {
    const std::string name = words.size() == 1 ? words[0] : words[0] + " " + words[1];
    INFO(name);
    const std::string first = words[0];
    words.emplace_back("--help");
    CommandLine line = Parse(words);
    CHECK(line.outcome.status == ExitStatus::kSuccess);
    CHECK(line.output.find("Usage: changectl " + name) != std::string::npos);
    CHECK(line.output.find("Example") != std::string::npos);
    words.pop_back();
    words.insert(words.begin(), "help");
    CHECK(Parse(words).output == line.output);
    CHECK(Parse({"--help"}).output.find(first) != std::string::npos);
  }
  CHECK(Parse({"consumer", "--help"}).output.find("Usage: changectl consumer") !=
        std::string::npos);
  CHECK(Parse({"--version"}).output == std::string("changectl ") + CJ_VERSION + "\n");
}

TEST_CASE("git calls with a version and any token") {
  const GitFsmonitorOptions git = Good({"git-fsmonitor", "2", "c:123:4"}).git;
  CHECK(git.token == "c:123:4");
  CHECK(Good({"--socket=/s", "git-fsmonitor", "2", ""}).socket == "/s");
  CHECK(Mistake({"git-fsmonitor", "1", "17"}).find("version 1") != std::string::npos);
  CHECK(Mistake({"git-fsmonitor"}).find("VERSION is required") != std::string::npos);
}

TEST_CASE("questions say no more than was asked") {
  ChangesOptions options;
  Position since;
  since.token = kToken;
  Question made = ChangesQuestion(options, since, false);
  const cj_question* question = made.get();
  CHECK(question->size == sizeof(cj_question));
  CHECK(question->since_token == std::string(kToken));
  CHECK((question->flags | question->kinds | question->types | question->presence) == 0);
  CHECK((question->since_usec == nullptr && question->label == nullptr));
  options.paths = {"/a", "/\xff"};
  options.checkpoint = false;
  options.wait = false;
  options.relative_to = "/\xfe";
  options.kinds = {"metadata", "entry"};
  options.presence = "deleted";
  since = {};
  since.time_usec = 7;
  made = ChangesQuestion(options, since, true);
  question = made.get();
  CHECK(question->since_token == nullptr);
  CHECK(*question->since_usec == 7);
  REQUIRE(question->path_count == 2);
  CHECK(question->paths[1] == std::string("/\xff"));
  CHECK(question->flags == (CJ_NO_CHECKPOINT | CJ_NO_WAIT | CJ_PROGRESS));
  CHECK(question->kinds == (CJ_KIND_METADATA | CJ_KIND_ENTRY));
  CHECK(question->presence == CJ_PRESENCE_DELETED);
  // Changes are told with whole paths, which changectl shortens; a list is made so by the daemon.
  CHECK(question->relative_to == nullptr);
  options.format = ChangesFormat::kPaths;
  CHECK(ChangesQuestion(options, since, true).get()->relative_to == std::string("/\xfe"));
  CHECK(LogQuestion({}).get()->flags == 0);
  FollowOptions follow;
  follow.types = {"block", "file"};
  CHECK(FollowQuestion(follow).get()->types == (CJ_BLOCK | CJ_FILE));
  CHECK(*CheckpointParameters("") == nlohmann::json::object());
}

TEST_CASE("top and metrics: options") {
  TopOptions top = Good({"top"}).top;
  CHECK(top.delay_usec == 2'000'000);
  CHECK_FALSE(top.iterations);
  CHECK_FALSE(top.batch);
  top = Good({"top", "-b", "-n3", "-d", "0.5", "sub"}).top;
  CHECK(top.delay_usec == 500'000);
  CHECK(top.iterations == 3);
  CHECK(top.batch);
  CHECK(top.paths == Words{"/w/sub"});
  CHECK(Mistake({"top", "-d", "99ms"}) == "--delay: must lie between 100ms and a day");
  CHECK(Mistake({"top", "-n", "0"}) == "--iterations: must be at least 1");
  CHECK(Good({"metrics", "--output=x"}).metrics_file == "x");
}
