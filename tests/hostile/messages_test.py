#!/usr/bin/env python3
"""Random and mutated messages: the daemon answers or hangs up, and others notice nothing.

Usage: messages_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped). CJ_MESSAGES: how many.
"""
import json
import os
import subprocess
import time

import hostile_fixture as fixture

MESSAGES = int(os.environ.get("CJ_MESSAGES") or 100_000)
CONNECTIONS = 96  # of the 128 that one user may have
MIB = 1 << 20


class MessagesTest(fixture.HostileCase):
    def storm(self, messages, seed, user=fixture.HOG):
        groups = [fixture.group_id()] if user == fixture.HOG else []
        with subprocess.Popen([os.environ["CJ_STORM"], self.daemon.socket, str(seed),
                               str(messages), str(CONNECTIONS)], user=user, group=user,
                              extra_groups=groups, stdout=subprocess.PIPE, text=True) as process:
            most = self.vitals()
            while process.poll() is None:
                try:
                    process.wait(0.2)
                except subprocess.TimeoutExpired:
                    now = self.vitals()
                    most.fds, most.threads = max(most.fds, now.fds), max(most.threads, now.threads)
            text = process.stdout.read()
        done = json.loads(text)
        self.assertEqual(process.returncode, 0, text)
        self.assertEqual(done["messages"], messages)
        return done, most

    def test_a_storm_of_messages(self):
        begin = time.monotonic()
        self.storm(MESSAGES // 10, fixture.SEED)  # what is taken once and kept is taken here
        self.assert_quiet()
        before = self.vitals()
        self.serve(self.root, self.other)
        done, most = self.storm(MESSAGES, fixture.SEED + 1)
        fared = self.served()
        self.assert_quiet()
        after = self.vitals()
        took = time.monotonic() - begin
        print(f"{done}\nothers had {fared}; before {before}, after {after}, "
              f"peak {after.peak >> 20} MiB, most {most}; {len(self.log)} lines of log; "
              f"{took:.0f} s", flush=True)
        # Each kind of answer was met, so the messages were no mere noise.
        for error in ("org.varlink.service.InvalidParameter", "org.varlink.service.MethodNotFound",
                      "org.changejournal.RescanNeeded", "org.changejournal.NoSuchConsumer"):
            self.assertGreater(done["errors"].get(error, 0), 0, error)
        self.assertGreater(done["replies"], sum(done["errors"].values()))
        self.assertLessEqual(after.fds, before.fds + 8)
        self.assertLessEqual(after.threads, before.threads)
        # Two pipes, an answer's own files; the group of the period that is being ended.
        self.assertLess(most.fds, before.fds + 3 * CONNECTIONS + 32)
        if not fixture.SANITIZED:
            self.assertLess(after.peak, 300 * MIB)
        self.assert_log_is_bounded(took)


if __name__ == "__main__":
    fixture.main()
