// ChangePaths: answers as NUL-terminated paths through a pipe.
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/questions.h"

namespace cj {
namespace {

using nlohmann::json;
namespace asio = boost::asio;

// Changes in one write: the first one comes soon, the others cost little to begin and to hand over.
constexpr std::size_t kFirstBatch = 4000;
constexpr std::size_t kBatch = 32'000;
// Somebody who needs longer for this than `pipe_stall` does not read at all.
constexpr std::size_t kPieceBytes = 64 << 10;
// Asked of the kernel for the pipe; it may give less.
constexpr int kPipeBytes = 1 << 20;
// A list that a rename has overtaken is made anew, with the rename in it. Where directories are
// renamed all the time further attempts would only fail later: each covers a longer interval.
constexpr int kListAttempts = 3;

struct PathQuestion {
  Question question;
  std::string relative_to;  // empty: whole paths
};

// One step of a list. Made anew each time its memory would come from the kernel each time, too.
struct Chunk {
  bool more = false;
  std::vector<Change> changes;  // room for them: none stays while a reader is waited for
  std::string bytes;
};

// `recursive`: what is above `relative_to` then speaks of all of it.
void AppendPath(const std::string& path, bool recursive, const std::string& relative_to,
                std::string* bytes) {
  if (relative_to.empty()) {
    bytes->append(path);
  } else if (path == relative_to || (recursive && PathContains(path, relative_to))) {
    bytes->push_back('.');
  } else if (PathContains(relative_to, path)) {
    const std::size_t begin = relative_to == "/" ? 1 : relative_to.size() + 1;
    // rsync takes such a line of its list for a comment, also where lines end with NUL.
    if (path[begin] == '#' || path[begin] == ';') bytes->append("./");
    bytes->append(path, begin);
  } else {
    return;
  }
  bytes->push_back('\0');
}

Status ReadChunk(Answer& answer, Presence presence, const std::string& relative_to, Chunk* chunk) {
  chunk->bytes.clear();
  const std::size_t most = answer.count() == 0 ? kFirstBatch : kBatch;
  CJ_ASSIGN_OR_RETURN(chunk->more, answer.Next(most, &chunk->changes));
  for (const Change& change : chunk->changes) {
    bool both = change.kind == ChangeKind::kRenamed && presence == Presence::kAll;
    if (both) AppendPath(change.from, change.recursive, relative_to, &chunk->bytes);
    AppendPath(change.path, change.recursive, relative_to, &chunk->bytes);
  }
  chunk->changes.clear();
  return {};
}

// Writes a piece to the pipe, waiting for its reader for at most `stall`. False: the reader has
// gone.
asio::awaitable<Result<bool>> WritePiece(asio::posix::stream_descriptor& pipe,
                                         asio::const_buffer piece,
                                         std::chrono::milliseconds stall) {
  asio::steady_timer timer(pipe.get_executor(), stall);
  bool stalled = false;
  auto expire = [&](const boost::system::error_code& error) {
    if (error) return;
    stalled = true;
    pipe.cancel();
  };
  timer.async_wait(expire);
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await asio::async_write(pipe, piece, token);
  timer.cancel();
  if (stalled) {
    co_return Error{ErrorCode::kLimit, "nobody reads the pipe: the answer was given up"};
  }
  if (error == boost::system::errc::broken_pipe) co_return false;
  if (error) co_return Error{ErrorCode::kIo, "writing to the pipe: " + error.message()};
  co_return true;
}

// However slowly somebody reads, he has `stall` for each piece.
asio::awaitable<Result<bool>> WriteAll(asio::posix::stream_descriptor& pipe,
                                       const std::string& bytes, std::chrono::milliseconds stall) {
  asio::const_buffer rest = asio::buffer(bytes);
  while (rest.size() > 0) {
    const asio::const_buffer piece = asio::buffer(rest, kPieceBytes);
    Result<bool> written = co_await WritePiece(pipe, piece, stall);
    if (!written.has_value() || !*written) co_return written;
    rest += piece.size();
  }
  co_return true;
}

Status CheckListable(const Answer& answer) {
  if (!answer.wants_rescan()) return {};
  return Error{ErrorCode::kRescanNeeded,
               "a watched tree must be scanned anew, which a list of paths cannot say: " +
                   answer.rescan_reason()};
}

// Every path that there is to tell can be told by name.
bool IsWhole(const PathQuestion& asked, const Answer& answer) {
  return !asked.question.expand || answer.unlistable().empty();
}

// A directory was renamed while the list was made: names are missing, which the next one has. An
// interval that is over stays as it is however often it is asked for.
bool IsTriedAgain(const PathQuestion& asked, const Answer& answer, int attempts) {
  return answer.overtaken() && !asked.question.until.has_value() && attempts < kListAttempts;
}

Error Refusal(const PathQuestion& asked, const Answer& answer) {
  Error error{ErrorCode::kRescanNeeded, answer.unlistable()};
  if (answer.overtaken() && !asked.question.until.has_value()) {
    error.code = ErrorCode::kBusy;
    error.message += "; ask again from the same token";
  }
  return error;
}

// An answer that can be told as a list of paths, as far as its beginning shows. Counts attempts.
// One that was overtaken while it was told has to be known before it is told again.
Result<OpenedAnswer> OpenList(JournalService& service, const PathQuestion& asked, int* attempts) {
  for (;;) {
    Question question = asked.question;
    question.known_first = ++*attempts > 1;
    CJ_ASSIGN_OR_RETURN(OpenedAnswer opened, service.OpenAnswer(question));
    const Status listable = CheckListable(*opened.answer);
    if (listable.has_value() && IsWhole(asked, *opened.answer)) return opened;
    if (listable.has_value() && IsTriedAgain(asked, *opened.answer, *attempts)) continue;
    const Error refused = listable ? Refusal(asked, *opened.answer) : listable.error();
    const bool all_told = question.viewer == nullptr;
    if (all_told && refused.code == ErrorCode::kRescanNeeded) service.BeginRescan();
    return refused;
  }
}

std::string ReadRelativeTo(ParameterReader& reader) {
  std::string path = reader.OptionalPath("relative_to").value_or("");
  if (path.empty()) return path;
  auto normal = NormalPath(path);
  if (normal.has_value()) return std::move(normal).value();
  reader.Reject("relative_to", normal.error().message);
  return std::string();
}

// Writes lists to a pipe. On the io_context's thread; what may block goes to the pool.
class ListWriter {
 public:
  using Worker = std::function<asio::awaitable<Status>(std::function<Status()>)>;

  ListWriter(JournalService& service, Worker work, std::chrono::milliseconds stall,
             asio::posix::stream_descriptor& pipe, const PathQuestion& asked)
      : service_(service), work_(std::move(work)), stall_(stall), pipe_(pipe), asked_(asked) {}

  // Lists into the one pipe until one is whole: paths may come twice. *opened is the last one, and
  // was the one that took `attempts`.
  asio::awaitable<Status> WriteWhole(OpenedAnswer* opened, int attempts) {
    auto rescan = [this] { return service_.BeginRescan(), Status(); };
    auto reopen = [&] {
      Result<OpenedAnswer> again = OpenList(service_, asked_, &attempts);
      if (!again.has_value()) return Status(std::move(again).error());
      *opened = std::move(again).value();
      return Status();
    };
    for (;;) {
      Status written = co_await Write(*opened->answer);
      const bool whole = IsWhole(asked_, *opened->answer);
      if (written.has_value() && !whole && !IsTriedAgain(asked_, *opened->answer, attempts)) {
        written = Refusal(asked_, *opened->answer);
      }
      const bool refused = !written.has_value() && written.error().code == ErrorCode::kRescanNeeded;
      if (refused && asked_.question.viewer == nullptr) {
        (void)co_await work_(rescan);
      }
      if (!written.has_value() || whole) co_return written;
      opened->answer.reset();  // two at a time would be twice the memory
      Status again = co_await work_(reopen);
      if (!again.has_value()) co_return again;
    }
  }

 private:
  asio::awaitable<Status> Write(Answer& answer) {
    Chunk chunk;
    auto next = [&] {
      return ReadChunk(answer, asked_.question.presence, asked_.relative_to, &chunk);
    };
    for (chunk.more = true; chunk.more;) {
      Status read = co_await work_(next);
      if (!read.has_value()) co_return read;
      // Found on the way: what is told from then on leads nowhere.
      Status listable = CheckListable(answer);
      if (!listable.has_value()) co_return listable;
      if (!IsWhole(asked_, answer)) co_return Status();
      Result<bool> written = co_await WriteAll(pipe_, chunk.bytes, stall_);
      if (!written.has_value()) co_return std::move(written).error();
      if (!*written) co_return Error{ErrorCode::kCancelled, "the reader closed the pipe"};
    }
    co_return Status();
  }

  JournalService& service_;
  Worker work_;
  std::chrono::milliseconds stall_;
  asio::posix::stream_descriptor& pipe_;
  const PathQuestion& asked_;
};

}  // namespace

JournalInterface::Awaitable JournalInterface::ChangePaths(Call& call) {
  ParameterReader reader(call.parameters());
  PathQuestion asked;
  asked.question = ReadQuestion(reader);
  asked.question.list = true;
  asked.relative_to = ReadRelativeTo(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const bool admitted = co_await AdmitQuestion(call, &asked.question);
  if (!admitted) co_return;
  const bool known = co_await ResolveReader(call, &asked.question);
  if (!known) co_return;
  if (asked.question.wait) {
    const bool there = co_await AwaitCrawl(call, asked.question, true);
    if (!there) co_return;
  }
  Result<AnswerPlaces::Place> place = co_await PlacesOf(call).Take(call.peer().uid);
  if (!place.has_value()) {
    co_await call.Fail(place.error());
    co_return;
  }
  auto gone = call.gone_flag();
  asked.question.cancelled = [gone] { return gone->load(); };
  int attempts = 0;
  auto open = [&] { return OpenList(service_, asked, &attempts); };
  Result<OpenedAnswer> opened = co_await OpenFilled(call, asked.question, open);
  if (!opened.has_value()) {
    co_await FailAnswer(call, opened.error());
    co_return;
  }
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    Error error = ErrnoError(errno, "making a pipe");
    co_await call.Fail(error);
    co_return;
  }
  ::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  asio::posix::stream_descriptor pipe(io_, ends[1]);
  std::vector<UniqueFd> passed;
  passed.emplace_back(ends[0]);
  json first = {{"pipe", 0}};
  if (!co_await call.ReplyContinues(first, std::move(passed))) co_return;
  auto work = [&](std::function<Status()> piece) { return Work(call, std::move(piece)); };
  ListWriter writer(service_, work, limit_.pipe_stall, pipe, asked);
  Status written = co_await writer.WriteWhole(&*opened, attempts);
  if (!written.has_value()) {
    co_await FailAnswer(call, written.error());
    co_return;
  }
  pipe.close();
  json summary = SummaryToJson(*opened);
  co_await call.Reply(summary);
}

}  // namespace cj
