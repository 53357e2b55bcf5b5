// What the command line asks for, as the library takes it. Pure.
#pragma once

#include <vector>

#include "client/options.h"
#include "library/changejournal.h"

namespace cj::client {

// Points into the options that it was made of, which must outlive it.
struct Question {
  Question() { question.size = sizeof(question); }
  cj_question question = {};
  std::vector<const char*> paths = {};

  // With the paths, which move with the object.
  const cj_question* get() {
    question.paths = paths.data();
    question.path_count = paths.size();
    return &question;
  }
};

// `since` has been decided, and counts where there is no consumer. progress: tell how far a crawl
// is.
Question ChangesQuestion(const ChangesOptions& options, const Position& since, bool progress);
Question LogQuestion(const LogOptions& options);
Question FollowQuestion(const FollowOptions& options);

}  // namespace cj::client
