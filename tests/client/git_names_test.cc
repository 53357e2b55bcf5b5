// What git is told of a change, and what it is never told.
#include "client/git_names.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace cj::client {
namespace {

using Names = std::set<std::string>;

Change Of(const std::string& change, const std::string& path, const std::string& type = "file") {
  Change made;
  made.change = change;
  made.path = path;
  made.type = type;
  return made;
}

Change Tree(Change change) {
  change.recursive = true;
  return change;
}

GitNames Told(const std::vector<Change>& changes) {
  GitNames names("/srv/repo");
  for (const Change& change : changes) names.Add(change);
  return names;
}

}  // namespace

TEST_CASE("files are told by name, as they are below the top") {
  Change renamed = Of("renamed", "/srv/repo/new");
  renamed.from = "/srv/repo/old";
  Change came = Of("renamed", "/srv/repo/came");
  came.from = "/srv/elsewhere/was";
  const GitNames names = Told({Of("modified", "/srv/repo/a/b"), Of("created", "/srv/repo/\xff\n"),
                               Of("deleted", "/srv/repo/gone"), renamed, came,
                               Of("modified", "/srv/repository/x"), Of("modified", "/srv/y")});
  CHECK(names.names() == Names{"a/b", "\xff\n", "gone", "new", "old", "came"});
  CHECK_FALSE(names.everything());
}

TEST_CASE("a directory with new members is read again and no more") {
  const GitNames names =
      Told({Of("modified", "/srv/repo/a", "directory"), Of("modified", "/srv/repo", "directory")});
  CHECK(names.names() == Names{"a/~", "~"});
  CHECK(names.touched() == std::vector<std::string>{"a", ""});
}

TEST_CASE("a directory that came or went is told with all below it") {
  const Names whole = {"a", "a/", "a/~"};
  CHECK(Told({Tree(Of("deleted", "/srv/repo/a", "directory"))}).names() == whole);
  CHECK(Told({Tree(Of("modified", "/srv/repo/a"))}).names() == whole);
  CHECK(Told({Of("rescan", "/srv/repo/a", "directory")}).names() == whole);
  CHECK(Told({Of("rescan", "/srv/repo/a", "directory")}).trees() == std::set<std::string>{"a"});
  CHECK(Told({Of("created", "/srv/repo/a", "directory")}).names() == Names{"a", "a/~"});
  CHECK(Told({Of("deleted", "/srv/repo/a", "")}).names() == Names{"a", "a/~"});
}

TEST_CASE("what happened above the top may have changed everything") {
  CHECK(Told({Tree(Of("modified", "/srv/repo", "directory"))}).everything());
  CHECK(Told({Tree(Of("renamed", "/srv", "directory"))}).everything());
  CHECK(Told({Of("rescan", "/", "directory")}).everything());
  // What was made in it since is told; an index from elsewhere has another place in its token.
  CHECK(Told({Of("created", "/srv/repo", "directory")}).names() == Names{"~"});
  Change away = Tree(Of("renamed", "/srv/away", "directory"));
  away.from = "/srv/repo";
  CHECK(Told({away}).everything());
}

TEST_CASE("git's own files are not told; those of a repository in the tree are that directory") {
  CHECK(Told({Of("created", "/srv/repo/.git/index.lock"), Of("modified", "/srv/repo/.git"),
              Tree(Of("created", "/srv/repo/.git", "directory"))})
            .names()
            .empty());
  CHECK(Told({Of("modified", "/srv/repo/a/.git/HEAD")}).names() == Names{"a", "a/", "a/~"});
  CHECK(Told({Of("created", "/srv/repo/a/.gitignore")}).names() == Names{"a/.gitignore"});
}

TEST_CASE("names that git refuses to look up") {
  for (const std::string name : {".GIT", "git~1", "GIT~1", ".git ", ".git.", ".git::$INDEX",
                                 "a\\.git", ".g\xe2\x80\x8cit", ".git"}) {
    INFO(name);
    CHECK(GitMayRefuse(name));
  }
  for (const std::string name :
       {".gitignore", ".github", "git", "git~2", "a.git", ".gi", "", "gitk"}) {
    INFO(name);
    CHECK_FALSE(GitMayRefuse(name));
  }
  // The directory is read again for a file; what lies in such a directory cannot be told.
  CHECK(Told({Of("created", "/srv/repo/a/GIT~1")}).names() == Names{"a/GIT~1", "a/~"});
  CHECK(Told({Of("created", "/srv/repo/GIT~1")}).names() == Names{"GIT~1", "~"});
  CHECK(Told({Of("created", "/srv/repo/.GIT/x")}).everything());
  CHECK(Told({Of("created", "/srv/repo/.GIT", "directory")}).everything());
  CHECK(Told({Tree(Of("deleted", "/srv/repo/.GIT"))}).everything());
}

TEST_CASE("more names than git has use for are everything") {
  GitNames names("/");
  names.set_limit(2);
  names.Add(Of("modified", "/a"));
  names.Add(Of("modified", "/a"));
  names.Add(Of("modified", "/b"));
  CHECK_FALSE(names.everything());
  names.Add(Of("modified", "/c"));
  CHECK(names.everything());
  for (int i = 0; i < 10; ++i) names.Add(Of("modified", "/d" + std::to_string(i)));
  CHECK(names.names().size() == 3);  // nothing more is kept
  CHECK(kMaxGitNames == 262'144);
}

TEST_CASE("tokens that git keeps") {
  const GitToken settled{"cj1-0011aabb-7", PlaceOf("/srv", 1, 2), true};
  const GitToken unsettled{"cj1-0011aabb-7", PlaceOf("/srv", 1, 2), false};
  for (const GitToken& token : {settled, unsettled}) {
    const auto read = ReadGitToken(FormatGitToken(token));
    REQUIRE(read);
    CHECK(read->token == token.token);
    CHECK(read->place == token.place);
    CHECK(read->settled == token.settled);
  }
  for (const std::string foreign : {"", "1763880000000000000", "c:17:2", "builtin:fake", "none",
                                    "cj1-0011aabb-7", "@", "x@y", "+untracked", "@+untracked"}) {
    INFO(foreign);
    CHECK_FALSE(ReadGitToken(foreign));
  }
  CHECK(PlaceOf("/srv", 1, 2) != PlaceOf("/srv", 1, 3));
  CHECK(PlaceOf("/srv", 1, 2) != PlaceOf("/srv", 2, 2));
  CHECK(PlaceOf("/srv", 1, 2) != PlaceOf("/srw", 1, 2));
}

TEST_CASE("the answer as git reads it") {
  const std::string zero(1, '\0');
  CHECK(FormatGitEverything("t") == "t" + zero + "/" + zero);
  CHECK(FormatGitAnswer("t", Told({})) == "t" + zero);
  CHECK(
      FormatGitAnswer("t", Told({Of("modified", "/srv/repo/a"), Of("modified", "/srv/repo/b")})) ==
      "t" + zero + "a" + zero + "b" + zero);
}

}  // namespace cj::client
