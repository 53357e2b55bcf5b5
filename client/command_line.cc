#include "client/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/result.h"
#include "client/explain_line.h"
#include "client/git_line.h"
#include "client/help.h"
#include "client/log_line.h"
#include "client/question_line.h"
#include "client/top_line.h"

namespace cj::client {
namespace {

struct VerbName {
  std::string_view name;
  Verb verb;
  std::string_view group = {};  // the word before it, where there is one
  // Its first word.
  constexpr std::string_view first() const { return group.empty() ? name : group; }
};
constexpr std::string_view kConsumer = "consumer";
constexpr std::array kVerbs = {VerbName{"status", Verb::kStatus},
                               VerbName{"checkpoint", Verb::kCheckpoint},
                               VerbName{"changes", Verb::kChanges},
                               VerbName{"log", Verb::kLog},
                               VerbName{"explain", Verb::kExplain},
                               VerbName{"periods", Verb::kPeriods},
                               VerbName{"follow", Verb::kFollow},
                               VerbName{"add", Verb::kConsumerAdd, kConsumer},
                               VerbName{"list", Verb::kConsumerList, kConsumer},
                               VerbName{"remove", Verb::kConsumerRemove, kConsumer},
                               VerbName{"ack", Verb::kAck},
                               VerbName{"crawl", Verb::kCrawl},
                               VerbName{"doctor", Verb::kDoctor},
                               VerbName{"metrics", Verb::kMetrics},
                               VerbName{"top", Verb::kTop},
                               VerbName{"git-fsmonitor", Verb::kGitFsmonitor}};

CommandLine Mistake(std::string message) {
  CommandLine line;
  line.outcome = Fail(ExitStatus::kUsage, std::move(message));
  return line;
}

CommandLine Text(std::string text) {
  CommandLine line;
  line.output = std::move(text);
  return line;
}

// `help VERB`, as other programs have it, is `VERB --help`.
std::vector<std::string> WithoutHelpVerb(std::vector<std::string> words) {
  if (words.empty() || words.front() != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

// CLI11 calls an unknown verb an unexpected argument; better to say which ones there are.
std::optional<std::string> CheckVerb(const std::vector<std::string>& words) {
  std::string names;
  std::string_view last;
  for (const VerbName& verb : kVerbs) {
    if (verb.first() == last) continue;
    last = verb.first();
    names += (names.empty() ? "" : ", ") + std::string(last);
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--socket") {
      ++i;
    } else if (words[i] == "--help" || words[i] == "-h" || words[i] == "--version") {
      return std::nullopt;
    } else if (words[i].empty() || words[i].front() != '-') {
      for (const VerbName& verb : kVerbs) {
        if (verb.first() == words[i]) return std::nullopt;
      }
      return "unknown verb '" + words[i] + "'; there are " + names;
    }
  }
  return "no verb given; there are " + names + " (see changectl --help)";
}

// The verbs that were named, each below the one before; the first is the program.
std::vector<CLI::App*> ChosenOf(CLI::App& app) {
  std::vector<CLI::App*> chosen = {&app};
  for (auto next = app.get_subcommands(); !next.empty(); next = chosen.back()->get_subcommands()) {
    chosen.push_back(next.front());
  }
  return chosen;
}

std::string HelpText(CLI::App& app) {
  const std::vector<CLI::App*> chosen = ChosenOf(app);
  CLI::App* shown = chosen.back();
  if (chosen.size() == 1) return shown->help();
  std::string before;
  for (auto each = chosen.begin(); *each != shown; ++each) {
    before += (before.empty() ? "" : " ") + (*each)->get_name();
  }
  const std::string group = chosen.size() == 3 ? chosen[1]->get_name() : "";
  for (const VerbName& verb : kVerbs) {
    if (verb.name != shown->get_name() || verb.group != group) continue;
    shown->description(std::string(help::Of(verb.verb).about) + "\n");
  }
  return shown->help(before);
}

std::string MistakeText(CLI::App& app, const CLI::ParseError& error) {
  std::string text = std::string(error.what()) + " (see";
  for (const CLI::App* each : ChosenOf(app)) text += " " + each->get_name();
  return text + " --help)";
}

void AddOptions(CLI::App* app, Verb verb, Words* words, Options* options) {
  switch (verb) {
    case Verb::kChanges:
      return AddChanges(app, words, &options->changes);
    case Verb::kLog:
      return AddLog(app, words, &options->log);
    case Verb::kFollow:
      return AddFollow(app, words, options);
    case Verb::kExplain:
      AddExplain(app, words, options);
      break;
    case Verb::kCrawl:
      app->add_option("PATH", words->paths, "Only these subtrees")->type_name("");
      return;
    case Verb::kConsumerAdd:
      return AddConsumerAdd(app, &words->consumer, options);
    case Verb::kMetrics:
      app->add_option("--output", options->metrics_file, "Replace FILE as a whole (mode 0644)")
          ->type_name("FILE");
      return;
    case Verb::kTop:
      return AddTop(app, words, &options->top);
    case Verb::kGitFsmonitor:
      return AddGitFsmonitor(app, &options->git);
    case Verb::kConsumerRemove:
      return AddConsumerRemove(app, &words->consumer);
    case Verb::kAck:
      return AddAck(app, &words->consumer);
    case Verb::kCheckpoint:
      app->add_option("--label", options->label, "A name for the new period")->type_name("TEXT");
      break;
    case Verb::kStatus:
    case Verb::kPeriods:
    case Verb::kConsumerList:
    case Verb::kDoctor:
      break;
  }
  app->add_flag("--json", options->json, "JSON, one object per line");
}

Status Finish(Words* words, const Surroundings& surroundings, Options* options) {
  switch (options->verb) {
    case Verb::kChanges:
      return FinishChanges(*words, surroundings, &options->changes);
    case Verb::kLog:
      return FinishLog(*words, surroundings, &options->log);
    case Verb::kFollow:
      return FinishFollow(*words, surroundings, options);
    case Verb::kExplain:
      return FinishExplain(*words, surroundings, &options->explain);
    case Verb::kCrawl:
      return FinishCrawl(*words, surroundings, options);
    case Verb::kConsumerAdd:
      words->since = words->consumer.since;
      words->paths = words->consumer.watches;
      return FinishConsumerAdd(*words, surroundings, options);
    case Verb::kTop:
      return FinishTop(*words, surroundings, &options->top);
    case Verb::kGitFsmonitor:
      return FinishGitFsmonitor(options->git);
    case Verb::kConsumerRemove:
      return FinishConsumer(words->consumer, options);
    case Verb::kAck:
      return FinishAck(words->consumer, options);
    case Verb::kStatus:
    case Verb::kCheckpoint:
    case Verb::kPeriods:
    case Verb::kConsumerList:
    case Verb::kDoctor:
    case Verb::kMetrics:
      break;
  }
  return {};
}

// The verbs, below `app` or below the word that they share.
void AddVerbs(CLI::App* app, Words* words, Options* options) {
  CLI::App* group = nullptr;
  for (const VerbName& verb : kVerbs) {
    if (!verb.group.empty() && group == nullptr) {
      group = app->add_subcommand(std::string(kConsumer), std::string(help::kConsumerSummary));
      group->require_subcommand(1);
    }
    const help::VerbHelp text = help::Of(verb.verb);
    CLI::App* parent = verb.group.empty() ? app : group;
    CLI::App* sub = parent->add_subcommand(std::string(verb.name), std::string(text.summary));
    sub->footer(std::string(text.example));
    sub->callback([options, &verb] { options->verb = verb.verb; });
    AddOptions(sub, verb.verb, words, options);
  }
}

}  // namespace

CommandLine ParseCommandLine(const std::vector<std::string>& given,
                             const Surroundings& surroundings) {
  const std::vector<std::string> words = WithoutHelpVerb(given);
  Options options;
  Words raw;
  CLI::App app(std::string(help::kAbout), "changectl");
  app.footer(std::string(help::kFooter));
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("changectl ") + CJ_VERSION);
  app.add_option("--socket", options.socket, "The daemon's socket")->type_name("PATH");
  AddVerbs(&app, &raw, &options);
  if (auto mistake = CheckVerb(words)) return Mistake(*mistake);
  try {
    std::vector<std::string> told = WithLineCounts(words);
    std::reverse(told.begin(), told.end());  // as CLI11 wants them
    app.parse(std::move(told));
  } catch (const CLI::CallForHelp&) {
    return Text(HelpText(app));
  } catch (const CLI::CallForVersion&) {
    return Text(std::string("changectl ") + CJ_VERSION + "\n");
  } catch (const CLI::ParseError& error) {
    return Mistake(MistakeText(app, error));
  }
  const Status finished = Finish(&raw, surroundings, &options);
  if (!finished) return Mistake(finished.error().message);
  CommandLine line;
  line.options = std::move(options);
  return line;
}

}  // namespace cj::client
