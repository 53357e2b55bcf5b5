// Changes and ChangePaths: answers in batches over the socket, or as paths through a pipe.
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "service/answer_slot.h"
#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/questions.h"
#include "service/varlink/run_on.h"

namespace cj {
namespace {

using nlohmann::json;
namespace asio = boost::asio;

// Changes in one reply: some 100 KiB, far below the limit of a message.
constexpr std::size_t kBatch = 1000;
// Asked of the kernel for the pipe; it may give less.
constexpr int kPipeBytes = 1 << 20;

json Summary(const OpenedAnswer& opened) {
  return {{"summary",
           {{"since", opened.since},
            {"next", opened.next},
            {"changes", opened.answer->count()},
            {"complete", true}}}};
}

// One step of an answer, made on the pool.
struct ChangeBatch {
  bool more = false;
  json changes = json::array();
};

Result<ChangeBatch> NextBatch(Answer& answer) {
  std::vector<Change> changes;
  ChangeBatch batch;
  CJ_ASSIGN_OR_RETURN(batch.more, answer.Next(kBatch, &changes));
  for (const Change& change : changes) batch.changes.push_back(ToJson(change));
  return batch;
}

struct Chunk {
  bool more = false;
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
    bytes->append(path, relative_to == "/" ? 1 : relative_to.size() + 1);
  } else {
    return;
  }
  bytes->push_back('\0');
}

Result<Chunk> NextChunk(Answer& answer, Presence presence, const std::string& relative_to) {
  std::vector<Change> changes;
  Chunk chunk;
  CJ_ASSIGN_OR_RETURN(chunk.more, answer.Next(kBatch, &changes));
  for (const Change& change : changes) {
    bool both = change.kind == ChangeKind::kRenamed && presence == Presence::kAll;
    if (both) AppendPath(change.from, change.recursive, relative_to, &chunk.bytes);
    AppendPath(change.path, change.recursive, relative_to, &chunk.bytes);
  }
  return chunk;
}

// Writes everything to the pipe, waiting for its reader at most `stall` without progress in
// sight. False: the reader has gone.
asio::awaitable<Result<bool>> WriteAll(asio::posix::stream_descriptor& pipe,
                                       const std::string& bytes, std::chrono::milliseconds stall) {
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
  co_await asio::async_write(pipe, asio::buffer(bytes), token);
  timer.cancel();
  if (stalled) {
    co_return Error{ErrorCode::kLimit, "nobody reads the pipe: the answer was given up"};
  }
  if (error == boost::system::errc::broken_pipe) co_return false;
  if (error) co_return Error{ErrorCode::kIo, "writing to the pipe: " + error.message()};
  co_return true;
}

}  // namespace

JournalInterface::Awaitable JournalInterface::FailAnswer(Call& call, const Error& error) {
  std::optional<std::string> next;
  if (error.code == ErrorCode::kRescanNeeded) next = service_.RescanToken();
  co_await call.Fail(ToCallError(error, "since", next));
}

JournalInterface::Awaitable JournalInterface::Changes(Call& call) {
  ParameterReader reader(call.parameters());
  Question question = ReadQuestion(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  Slot slot(*this, call.peer().uid);
  if (!slot.taken()) {
    co_await call.Fail(Slot::Refusal());
    co_return;
  }
  auto gone = call.gone_flag();
  question.cancelled = [gone] { return gone->load(); };
  auto open = [&] { return service_.OpenAnswer(question); };
  Result<OpenedAnswer> opened = co_await RunOn(pool_, open);
  if (!opened.has_value()) {
    co_await FailAnswer(call, opened.error());
    co_return;
  }
  auto next = [&] { return NextBatch(*opened->answer); };
  for (bool more = true; more;) {
    Result<ChangeBatch> batch = co_await RunOn(pool_, next);
    if (!batch.has_value()) {
      co_await FailAnswer(call, batch.error());
      co_return;
    }
    more = batch->more;
    if (batch->changes.empty()) continue;
    json reply = {{"changes", std::move(batch->changes)}};
    if (!co_await call.ReplyContinues(reply)) co_return;
  }
  json summary = Summary(*opened);
  co_await call.Reply(summary);
}

JournalInterface::Awaitable JournalInterface::ChangePaths(Call& call) {
  ParameterReader reader(call.parameters());
  Question question = ReadQuestion(reader);
  std::string relative_to = reader.OptionalPath("relative_to").value_or("");
  if (!relative_to.empty()) {
    auto normal = NormalPath(relative_to);
    if (!normal.has_value()) {
      reader.Reject("relative_to", normal.error().message);
    } else {
      relative_to = std::move(normal).value();
    }
  }
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  Slot slot(*this, call.peer().uid);
  if (!slot.taken()) {
    co_await call.Fail(Slot::Refusal());
    co_return;
  }
  auto gone = call.gone_flag();
  question.cancelled = [gone] { return gone->load(); };
  auto open = [&] { return service_.OpenAnswer(question); };
  Result<OpenedAnswer> opened = co_await RunOn(pool_, open);
  if (opened.has_value() && opened->answer->wants_rescan()) {
    opened = Error{ErrorCode::kRescanNeeded,
                   "a watched tree must be scanned anew, which a list of paths cannot say: " +
                       opened->answer->rescan_reason()};
  }
  if (opened.has_value() && question.expand && !opened->answer->unlistable().empty()) {
    opened = Error{ErrorCode::kRescanNeeded, opened->answer->unlistable()};
  }
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
  auto next = [&] { return NextChunk(*opened->answer, question.presence, relative_to); };
  for (bool more = true; more;) {
    Result<Chunk> chunk = co_await RunOn(pool_, next);
    if (!chunk.has_value()) {
      co_await FailAnswer(call, chunk.error());
      co_return;
    }
    more = chunk->more;
    Result<bool> written = co_await WriteAll(pipe, chunk->bytes, limit_.pipe_stall);
    if (!written.has_value()) {
      co_await call.Fail(written.error());
      co_return;
    }
    if (!*written) {
      Error error{ErrorCode::kCancelled, "the reader closed the pipe"};
      co_await call.Fail(error);
      co_return;
    }
  }
  pipe.close();
  json summary = Summary(*opened);
  co_await call.Reply(summary);
}

}  // namespace cj
