// What --help says beside the list of options. Constants.
#pragma once

#include <string_view>

#include "client/options.h"

namespace cj::client::help {

inline constexpr std::string_view kAbout =
    "changectl asks the change journal: what has changed under the watched trees?\n";
inline constexpr std::string_view kFooter =
    "A TIME may stand wherever a TOKEN may: -2h, '5 minutes ago', yesterday, 10:30,\n"
    "'2026-11-20 10:30'. It means the newest checkpoint at or before it, but for 'log'.\n\n"
    "Exit status: 0 success, 1 failed, 2 usage, 3 rescan needed, 4 not permitted,\n"
    "5 daemon not reachable. See changectl(1).";

inline constexpr std::string_view kConsumerSummary =
    "Reading positions that the journal keeps: add, list, remove";

struct VerbHelp {
  std::string_view summary;  // in the list of verbs
  std::string_view about;
  std::string_view example;
};

constexpr VerbHelp Of(Verb verb) {
  switch (verb) {
    case Verb::kStatus:
      return {"The daemon, watches, volumes, the open period, gaps",
              "Shows the daemon, its watches and volumes, the open period, gaps and sizes.",
              "Example:\n  changectl status"};
    case Verb::kCheckpoint:
      return {"Start a new period, print its token",

              "Starts a new period and prints its token: 'changes --since=TOKEN' then tells\n"
              "what happened from this moment on.",
              "Example:\n  before=$(changectl checkpoint --label=upgrade)\n"
              "  apt upgrade\n  changectl changes --since=$before"};
    case Verb::kChanges:
      return {
          "What has changed since a checkpoint or a time",

          "Shows what has changed since a checkpoint, each path once, and the next token on\n"
          "stderr. In the text format each line is a sign, the type, what changed, the path:\n"
          "  + created   ~ modified   > renamed   - deleted   ? unknown, look yourself\n"
          "  data, meta: content, metadata; tree: the path and all below it\n"
          "What was created and deleted again within the interval (or changed and put back)\n"
          "is transient: a mirror must know of it, since it may have copied it meanwhile, so\n"
          "json and paths always have it; a person mostly need not, so text hides it unless\n"
          "--transient is given.",
          "Examples:\n  changectl changes --since=-2h /srv\n"
          "  changectl changes --token-file=/var/lib/mirror.token -0 --expand --relative-to=/srv "
          "|\n"
          "    rsync -aHAX --from0 --files-from=- --delete-missing-args --force /srv/ "
          "backup:/srv/\n\n"
          "A missing token file is created with the token to start from, and the exit status\n"
          "is 3: copy the whole tree then, and from there on only what changes."};
    case Verb::kLog:
      return {
          "The stored events themselves",
          "Shows the stored events themselves, oldest first, as journalctl shows messages: on a\n"
          "terminal through a pager ($SYSTEMD_PAGER, $PAGER). A TIME is that very moment here.",
          "Examples:\n  changectl log -n 20 /srv/www\n"
          "  changectl log --since=-10min --kind=entry\n  changectl log -f -o cat"};
    case Verb::kExplain:
      return {"Why a path is in an answer, or why it is not",

              "Tells what the answer says of a path, and of which records and gaps that comes:\n"
              "those of the path, of its other and former names, of directories above it. Where\n"
              "the answer says nothing of it, why not. Makes no checkpoint, moves no position.",
              "Example:\n  changectl explain /srv/www/index.html --since=-2h"};
    case Verb::kPeriods:
      return {"Checkpoints that can still be asked for",

              "Lists the checkpoints that can still be asked for, oldest first. The last one is\n"
              "the open period.",
              "Example:\n  changectl periods"};
    case Verb::kFollow:
      return {
          "Records as they come, each with its number",

          "Shows records as they come, with their numbers, until it is ended. When the daemon is\n"
          "started anew, or this is too slow for it, it goes on where it was. With --consumer=\n"
          "it begins behind what the consumer has acknowledged, and --json tells positions in\n"
          "between, for 'ack NAME TOKEN --record=N'.",
          "Examples:\n  changectl follow --kind=data --settle=20ms /srv\n"
          "  changectl follow --consumer=indexer --json"};
    case Verb::kConsumerAdd:
      return {
          "Keep a reading position under a name",

          "Adds a consumer: a reading position that the journal keeps, and keeps changes for. It\n"
          "begins now, and its token is printed: make a copy now, then ask 'changes\n"
          "--consumer=NAME' for what has changed since, and 'ack NAME TOKEN' when that is done.",
          "Example:\n  changectl consumer add mirror --watch=/srv --max-lag=30d"};
    case Verb::kConsumerList:
      return {"Where consumers stand, and how much waits for them",
              "Shows where each consumer stands, how many records wait for it, and for how long.",
              "Example:\n  changectl consumer list"};
    case Verb::kConsumerRemove:
      return {"Forget a consumer", "Forgets a consumer. Nothing is kept for it any more.",
              "Example:\n  changectl consumer remove mirror"};
    case Verb::kAck:
      return {
          "Move a consumer's position",

          "Tells that a consumer has handled all that comes before a token (and records of its\n"
          "period up to a number). An earlier place than its present one moves nothing. A consumer "
          "that\n"
          "has expired is live again.",
          "Example:\n  changectl ack mirror cj1-5f335951-42"};
    case Verb::kCrawl:
      return {
          "Have gaps filled, or look for changes nobody told",

          "Without PATH: waits until crawls have filled the gaps that can be filled. They come\n"
          "by themselves; this shows how far they are. With PATH: looks through these trees for\n"
          "whatever has changed since the oldest kept checkpoint, and tells it to everybody\n"
          "again: for changes that the kernel did not report. Progress goes to stderr.",
          "Example:\n  changectl crawl /srv/restored"};
    case Verb::kDoctor:
      return {"What can and cannot be promised here, and why",

              "Tells what this kernel, these filesystems and this configuration can and cannot\n"
              "promise, and why. Fails when something that is required is missing.",
              "Example:\n  changectl doctor"};
    case Verb::kMetrics:
      return {"Counters and sizes, for Prometheus",

              "Writes what the daemon counts in the text format of Prometheus, for the textfile\n"
              "collector of its node exporter. With --output= the file is replaced when all is\n"
              "written, and left alone when something fails.",
              "Example:\n"
              "  changectl metrics --output=/var/lib/prometheus/node-exporter/changejournal.prom"};
    case Verb::kTop:
      return {"The busiest directories and the rates, live",

              "Shows the directories in which most happens, and how much the daemon does, again\n"
              "and again. q ends it.",
              "Examples:\n  changectl top\n  changectl top -b -n 2 -d 10 /srv"};
    case Verb::kGitFsmonitor:
      return {"The hook that makes git status quick",

              "Tells git which files of a work tree may have changed, so that it need not look at\n"
              "all of them. git calls it by itself, in the top of the work tree.",
              "Example:\n  git config core.fsmonitor 'changectl git-fsmonitor'"};
  }
  return {};
}

}  // namespace cj::client::help
