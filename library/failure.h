// Why a call failed, as C callers see it: the one place where errors become numbers.
#pragma once

#include <exception>
#include <new>
#include <string>

#include "base/result.h"
#include "library/changejournal.h"
#include "protocol/errors.h"

struct cj_error {
  int code = 0;
  std::string text = {};
  std::string name = {};
  std::string next = {};
  std::string parameters = "{}";
};

namespace cj::library {

// Each notes what happened and returns the negative errno.
int Note(cj_error& error, int code, std::string text);
// Of the connection, or of an argument.
int Note(cj_error& error, const Error& what);
// The daemon's answer.
int Note(cj_error& error, const CallError& what);
// What an exception was; called where one has been caught. Takes no memory.
int NoteException(cj_error& error) noexcept;

// Runs a body that returns a result; an exception becomes one. `broken` is called after an
// exception: what was under way is not to be relied on.
template <typename Body, typename Broken>
int Guarded(cj_error& error, const Body& body, const Broken& broken) noexcept {
  try {
    return body();
  } catch (...) {
    broken();
    return NoteException(error);
  }
}

}  // namespace cj::library
