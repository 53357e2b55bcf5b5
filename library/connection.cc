// Connections, their errors, checkpoints, and calls of any method.
#include "library/connection.h"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "library/question.h"
#include "library/views.h"
#include "protocol/message.h"

using cj::library::Channel;
using cj::library::Guarded;
using cj::library::MissingResult;
using cj::library::Note;
using cj::library::OnConnection;

const char* cj_version(void) { return CJ_VERSION; }

cj_connection* cj_new(void) {
  try {
    return new cj_connection;
  } catch (...) {
    return nullptr;
  }
}

int cj_connect(cj_connection* connection, const char* path) {
  return OnConnection(connection, [&](Channel& channel) {
    return channel.Connect(path == nullptr ? CJ_DEFAULT_SOCKET : path);
  });
}

int cj_set_timeout(cj_connection* connection, int milliseconds) {
  return OnConnection(connection, [&](Channel& channel) {
    channel.set_timeout_ms(milliseconds);
    return 0;
  });
}

int cj_fd(cj_connection* connection) {
  return OnConnection(connection, [](Channel& channel) { return channel.Fd(); });
}

void cj_close(cj_connection* connection) { delete connection; }

const cj_error* cj_last_error(const cj_connection* connection) {
  return connection == nullptr ? nullptr : &connection->channel->error;
}

int cj_error_code(const cj_error* error) { return error == nullptr ? -EINVAL : error->code; }
const char* cj_error_text(const cj_error* error) {
  return error == nullptr ? "there is no handle" : error->text.c_str();
}
const char* cj_error_name(const cj_error* error) {
  return error == nullptr ? "" : error->name.c_str();
}
const char* cj_error_next(const cj_error* error) {
  return error == nullptr ? "" : error->next.c_str();
}
const char* cj_error_parameters(const cj_error* error) {
  return error == nullptr ? "{}" : error->parameters.c_str();
}

int cj_call(cj_connection* connection, const char* method, const char* parameters,
            const char** reply) {
  return OnConnection(connection, [&](Channel& channel) {
    auto name = cj::library::Text("method", method);
    if (!name) return Note(channel.error, name.error());
    auto object = cj::library::JsonParameters(parameters);
    if (!object) return Note(channel.error, object.error());
    cj::JsonValue answer;
    const int result = channel.Call(*name, *object, &answer);
    if (result < 0) return result;
    connection->text = cj::DumpJson(*answer);
    if (reply != nullptr) *reply = connection->text.c_str();
    return 0;
  });
}

namespace {

// Of Checkpoint and AddConsumer.
int CallForToken(cj_connection* connection, Channel& channel, const char* method,
                 const cj::Result<cj::JsonValue>& parameters, const char** token) {
  if (token == nullptr) return MissingResult(channel);
  if (!parameters) return Note(channel.error, parameters.error());
  cj::JsonValue answer;
  const int result = channel.Call(method, *parameters, &answer);
  if (result < 0) return result;
  auto made = cj::reply::ReadCheckpointReply(*answer);
  if (!made) return Note(channel.error, made.error());
  connection->text = std::move(made->token);
  connection->absent = std::move(made->absent);
  connection->absent_views.clear();
  for (const auto& tree : connection->absent) {
    connection->absent_views.push_back(cj::library::ViewOf(tree));
  }
  *token = connection->text.c_str();
  return 0;
}

}  // namespace

int cj_checkpoint(cj_connection* connection, const char* label, const char** token) {
  return OnConnection(connection, [&](Channel& channel) {
    return CallForToken(connection, channel, "Checkpoint",
                        cj::library::TextParameter("label", label, false), token);
  });
}

int cj_consumer_add(cj_connection* connection, const struct cj_new_consumer* consumer,
                    const char** token) {
  return OnConnection(connection, [&](Channel& channel) {
    return CallForToken(connection, channel, "AddConsumer",
                        cj::library::NewConsumerParameters(consumer), token);
  });
}

size_t cj_absent_count(const cj_connection* connection) {
  return connection == nullptr ? 0 : connection->absent_views.size();
}

const struct cj_absent* cj_absent_get(const cj_connection* connection, size_t index) {
  return index < cj_absent_count(connection) ? &connection->absent_views[index] : nullptr;
}

struct cj_replies {
  std::shared_ptr<Channel> channel;
  int call = 0;
  int ended = 1;  // what every further call returns: 0 or an error; 1: not yet
  std::string text = {};
  cj::UniqueFd fd = {};
};

int cj_call_more(cj_connection* connection, const char* method, const char* parameters,
                 cj_replies** replies) {
  return OnConnection(connection, [&](Channel& channel) {
    if (replies == nullptr) return MissingResult(channel);
    auto name = cj::library::Text("method", method);
    if (!name) return Note(channel.error, name.error());
    auto object = cj::library::JsonParameters(parameters);
    if (!object) return Note(channel.error, object.error());
    auto opened = std::make_unique<cj_replies>(cj_replies{.channel = connection->channel});
    opened->call = channel.Start(*name, *object);
    if (opened->call < 0) return opened->call;
    *replies = opened.release();
    return 0;
  });
}

int cj_replies_next(cj_replies* replies, const char** reply) {
  if (replies == nullptr) return -EINVAL;
  Channel& channel = *replies->channel;
  auto body = [&] {
    if (reply == nullptr) return MissingResult(channel);
    if (replies->ended <= 0) return replies->ended;
    cj::ClientReply got;
    const int result = channel.Next(replies->call, &got);
    if (result == -EAGAIN) return result;
    replies->ended = result < 0 ? result : got.continues ? 1 : 0;
    if (result < 0) return result;
    replies->text = cj::DumpJson(*got.parameters);
    replies->fd.reset();
    if (!got.fds.empty()) replies->fd = std::move(got.fds.front());
    *reply = replies->text.c_str();
    return 1;
  };
  auto broken = [&] {
    channel.Drop();
    replies->ended = -ENOTCONN;
  };
  return Guarded(channel.error, body, broken);
}

int cj_replies_take_fd(cj_replies* replies) {
  return replies == nullptr ? -1 : replies->fd.release();
}

void cj_replies_close(cj_replies* replies) {
  if (replies == nullptr) return;
  replies->channel->Abandon(replies->call);
  delete replies;
}
