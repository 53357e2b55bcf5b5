// Calls of users who are neither root nor in the group: they ask, and hear only of what they could
// list themselves. Nothing that they ask for is made for them, but an answer. docs/visibility.md.
#include <nlohmann/json.hpp>
#include <utility>

#include "protocol/errors.h"
#include "protocol/parameters.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/user_viewer.h"

namespace cj {
namespace {

using nlohmann::json;
namespace asio = boost::asio;

Error NotForAll(const std::string& what) {
  return {ErrorCode::kPermissionDenied,
          "only root and members of group " + std::string(kAccessGroup) + " may " + what};
}

}  // namespace

Error ForViewer(Error error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCancelled:
      break;  // of his own words
    case ErrorCode::kPermissionDenied:
      // Ours, or of a system call on some path.
      if (error.errno_value != 0) error.message = "the journal could not look at what it needs";
      break;
    case ErrorCode::kRescanNeeded:
      error.message =
          "what has changed for you since is not known completely, or cannot be told by name; look "
          "through the tree, and go on from the next token";
      break;
    case ErrorCode::kBusy:
    case ErrorCode::kLimit:
      error.message = "the answer was overtaken by changes, or there is no room for it; ask again";
      break;
    case ErrorCode::kUnsupported:
      error.message = "this daemon cannot find out what you may see";
      break;
    default:
      error.message = "the journal could not be read; the administrator's log says why";
  }
  return error;
}

Result<std::shared_ptr<Viewer>> JournalInterface::ViewerOf(const Call& call) const {
  if (access_.MayDoEverything(call.peer())) return std::shared_ptr<Viewer>();
  CJ_ASSIGN_OR_RETURN(auto viewer, UserViewer::Create(call.peer()));
  return std::shared_ptr<Viewer>(std::move(viewer));
}

std::shared_ptr<LogViewer> JournalInterface::LogViewerOf(const Call& call,
                                                         std::shared_ptr<Viewer> viewer) const {
  if (viewer == nullptr) return nullptr;
  auto log_viewer = std::make_shared<LogViewer>();
  log_viewer->viewer = std::move(viewer);
  log_viewer->cancelled = [gone = call.gone_flag()] { return gone->load(); };
  return log_viewer;
}

AnswerPlaces& JournalInterface::PlacesOf(const Call& call) {
  return access_.MayDoEverything(call.peer()) ? places_ : viewer_places_;
}

// Whoever sees nothing of what is watched learns no more than that.
asio::awaitable<bool> JournalInterface::AdmitReader(Call& call, const ReadingPosition& reader,
                                                    const std::vector<std::string>& paths,
                                                    std::shared_ptr<Viewer>* viewer) {
  if (access_.MayDoEverything(call.peer())) co_return true;
  Status admitted;
  if (reader.consumer.has_value()) admitted = NotForAll("read from a consumer's position");
  auto look = [&]() -> Status {
    CJ_ASSIGN_OR_RETURN(*viewer, ViewerOf(call));
    return service_.CheckPaths(paths, viewer->get());
  };
  if (admitted.has_value()) admitted = co_await Work(call, look);
  if (!admitted.has_value()) {
    const Error error = ForViewer(admitted.error());
    co_await call.Fail(error, "paths");
    co_return false;
  }
  co_return true;
}

asio::awaitable<bool> JournalInterface::AdmitQuestion(Call& call, Question* question) {
  if (access_.MayDoEverything(call.peer())) {
    const Status watched = service_.CheckPaths(question->paths, nullptr);
    if (!watched.has_value()) co_await call.Fail(watched.error(), "paths");
    co_return watched.has_value();
  }
  // What was there at a time that is over, and was his to see then, nobody can say.
  if (question->until.has_value()) {
    const Error error = NotForAll("ask for an interval that has ended (`until`)");
    co_await call.Fail(error);
    co_return false;
  }
  const bool admitted =
      co_await AdmitReader(call, question->reader, question->paths, &question->viewer);
  if (!admitted) co_return false;
  question->progress = false;  // which tells of others' trees
  question->checkpoint = question->checkpoint && access_.user_checkpoints();
  question->label.clear();
  co_return true;
}

JournalInterface::Awaitable JournalInterface::FailFeed(Call& call) {
  const Error busy{ErrorCode::kBusy, "you follow " + std::to_string(limit_.feeds_per_viewer) +
                                         " times already; end one of these first"};
  co_await call.Fail(busy);
}

// A place to go on from: where the open period began, or a checkpoint where he may have one.
JournalInterface::Awaitable JournalInterface::TellToken(Call& call) {
  auto work = [&]() -> Result<JournalService::Started> {
    CJ_ASSIGN_OR_RETURN(const auto viewer, ViewerOf(call));
    CJ_RETURN_IF_ERROR(service_.CheckPaths({}, viewer.get()));
    return service_.TokenToStart(access_.user_checkpoints(), *viewer);
  };
  Result<JournalService::Started> started = co_await Work(call, work);
  if (!started.has_value()) {
    const Error error = ForViewer(started.error());
    co_await call.Fail(error);
    co_return;
  }
  json reply = ToJson(*started);
  co_await call.Reply(reply);
}

}  // namespace cj
