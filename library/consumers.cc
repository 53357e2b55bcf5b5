// Consumers: the list, and moving and removing one. Adding one is in connection.cc.
#include <cerrno>

#include "library/connection.h"
#include "library/question.h"

using cj::library::Channel;
using cj::library::MissingResult;
using cj::library::Note;
using cj::library::OnConnection;

struct cj_consumers {
  cj::reply::ConsumersReply reply;
  struct Paths {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
  };
  std::vector<Paths> paths = {};
  std::vector<cj_consumer> views = {};
  cj_kept kept = {};
};

namespace {

cj_consumer ViewOf(const cj::reply::Consumer& consumer, cj_consumers::Paths& paths) {
  for (const std::string& path : consumer.paths) {
    paths.texts.push_back(path.c_str());
    paths.lengths.push_back(path.size());
  }
  cj_consumer view{};
  view.name = consumer.name.c_str();
  view.token = consumer.token.c_str();
  view.sequence = consumer.sequence;
  view.path_count = consumer.paths.size();
  view.paths = paths.texts.data();
  view.path_lengths = paths.lengths.data();
  view.config_hash = consumer.config_hash.c_str();
  view.added_usec = consumer.added_usec;
  view.acknowledged_usec = consumer.acknowledged_usec.value_or(0);
  view.waiting = consumer.waiting;
  view.waiting_bytes = consumer.waiting_bytes;
  view.lag_usec = consumer.lag_usec;
  view.expired = consumer.expired.c_str();
  view.max_lag_usec = consumer.max_lag_usec.value_or(0);
  view.max_lag_bytes = consumer.max_lag_bytes.value_or(0);
  view.expired_usec = consumer.expired_usec;
  return view;
}

}  // namespace

int cj_consumers_list(cj_connection* connection, cj_consumers** consumers) {
  return OnConnection(connection, [&](Channel& channel) {
    if (consumers == nullptr) return MissingResult(channel);
    cj::JsonValue answer;
    const int result = channel.Call("ListConsumers", {}, &answer);
    if (result < 0) return result;
    auto read = cj::reply::ReadConsumersReply(*answer);
    if (!read) return Note(channel.error, read.error());
    auto list = std::make_unique<cj_consumers>(cj_consumers{std::move(read).value()});
    const auto& reply = list->reply;
    list->paths.resize(reply.consumers.size());
    for (std::size_t i = 0; i < reply.consumers.size(); ++i) {
      list->views.push_back(ViewOf(reply.consumers[i], list->paths[i]));
    }
    list->kept = {reply.oldest.c_str(), reply.newest.c_str(), reply.first_sequence,
                  reply.next_sequence};
    *consumers = list.release();
    return 0;
  });
}

size_t cj_consumers_count(const cj_consumers* consumers) {
  return consumers == nullptr ? 0 : consumers->views.size();
}

const struct cj_consumer* cj_consumers_get(const cj_consumers* consumers, size_t index) {
  return index < cj_consumers_count(consumers) ? &consumers->views[index] : nullptr;
}

const struct cj_kept* cj_consumers_kept(const cj_consumers* consumers) {
  return consumers == nullptr ? nullptr : &consumers->kept;
}

void cj_consumers_close(cj_consumers* consumers) { delete consumers; }

int cj_consumer_remove(cj_connection* connection, const char* name) {
  return OnConnection(connection, [&](Channel& channel) {
    auto parameters = cj::library::TextParameter("name", name, true);
    if (!parameters) return Note(channel.error, parameters.error());
    cj::JsonValue answer;
    return channel.Call("RemoveConsumer", *parameters, &answer);
  });
}

int cj_acknowledge(cj_connection* connection, const char* name, const char* token,
                   const int64_t* sequence, const char* config_hash) {
  return OnConnection(connection, [&](Channel& channel) {
    auto parameters = cj::library::AcknowledgeParameters(name, token, sequence, config_hash);
    if (!parameters) return Note(channel.error, parameters.error());
    cj::JsonValue answer;
    const int result = channel.Call("Acknowledge", *parameters, &answer);
    if (result < 0) return result;
    auto read = cj::reply::ReadAcknowledgeReply(*answer);
    if (!read) return Note(channel.error, read.error());
    return read->moved ? 1 : 0;
  });
}
