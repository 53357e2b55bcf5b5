// What is run as the pager, and with which environment. That it works: tests/service/log_test.py.
#include "client/pager.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

using namespace cj::client;

namespace {

using Words = std::vector<std::string>;
using Commands = std::vector<Words>;
using Variables = std::map<std::string, std::string>;

std::optional<PagerPlan> Plan(const Variables& variables, bool same_user = true,
                              bool jump_to_end = false) {
  PagerQuestion question;
  question.environment = [&](const std::string& name) -> std::optional<std::string> {
    auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  question.same_user = same_user;
  question.jump_to_end = jump_to_end;
  question.utf8 = true;
  return PlanPager(question);
}

std::string Set(const PagerPlan& plan, const std::string& name) {
  for (const auto& [key, value] : plan.set) {
    if (key == name) return value;
  }
  return "(not set)";
}

}  // namespace

TEST_CASE("pager: the user's, or what Debian has") {
  auto plan = Plan({});
  REQUIRE(plan);
  CHECK(plan->commands == Commands{{"pager"}, {"less"}, {"more"}});
  CHECK(Set(*plan, "LESS") == "FRSXMK");
  CHECK(Set(*plan, "LESSCHARSET") == "utf-8");
  CHECK(plan->unset == Words{"LESSSECURE"});
  plan = Plan({{"PAGER", "most -x"}, {"SYSTEMD_PAGER", " less\t-N  "}});
  CHECK(plan->commands.front() == Words{"less", "-N"});
  plan = Plan({{"PAGER", "most"}, {"SYSTEMD_LESS", "R"}, {"SYSTEMD_LESSCHARSET", "latin1"}}, true,
              true);
  CHECK(plan->commands.front() == Words{"most"});
  CHECK(Set(*plan, "LESS") == "R +G");
  CHECK(Set(*plan, "LESSCHARSET") == "latin1");
}

TEST_CASE("pager: none where it is turned off") {
  CHECK_FALSE(Plan({{"SYSTEMD_PAGER", ""}, {"PAGER", "less"}}));
  CHECK_FALSE(Plan({{"PAGER", "cat"}}));
  CHECK_FALSE(Plan({{"PAGER", "  "}}));
  CHECK(Plan({{"PAGER", "cat -v"}}));
}

TEST_CASE("pager: no shell takes part") {
  auto plan = Plan({{"PAGER", "less; rm -rf $HOME `id`"}});
  CHECK(plan->commands.front() == Words{"less;", "rm", "-rf", "$HOME", "`id`"});
}

TEST_CASE("pager: with more rights than who logged in only a less that is safe") {
  auto plan = Plan({{"PAGER", "vim -"}}, false);
  REQUIRE(plan);
  CHECK(plan->commands == Commands{{"less"}});
  CHECK(Set(*plan, "LESSSECURE") == "1");
  // Who says what is safe is believed.
  plan = Plan({{"PAGER", "vim -"}, {"SYSTEMD_PAGERSECURE", "false"}}, false);
  CHECK(plan->commands.front() == Words{"vim", "-"});
  CHECK(plan->unset == Words{"LESSSECURE"});
  plan = Plan({{"PAGER", "lv"}, {"SYSTEMD_PAGERSECURE", "1"}}, true);
  CHECK(plan->commands == Commands{{"lv"}, {"less"}});
  CHECK(Set(*plan, "LESSSECURE") == "1");
}

TEST_CASE("pager: whose login this is") {
  CHECK(OwnerOfCgroup("0::/user.slice/user-1000.slice/session-2.scope\n") == 1000U);
  CHECK(OwnerOfCgroup("1:name=systemd:/user.slice/user-0.slice/user@0.service/app.slice\n") == 0U);
  for (const char* none :
       {"", "0::/\n", "0::/system.slice/cron.service\n", "0::/user.slice/user-.slice\n",
        "0::/user.slice/user-12x.slice\n", "0::/user.slice/user-99999999999.slice\n"}) {
    INFO(none);
    CHECK_FALSE(OwnerOfCgroup(none));
  }
}
