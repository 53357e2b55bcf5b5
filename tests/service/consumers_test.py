#!/usr/bin/env python3
"""Consumers as scripts use them: add, changes, ack, the exit statuses, limits that expire one.

Usage: consumers_test.py CHANGEJOURNALD CHANGECTL   (root; exit 4: skipped).
"""
import base64
import hashlib
import json
import os

import daemon_fixture as fixture


class ConsumersTest(fixture.DaemonCase):
    def paths(self, daemon, *words, check=0):
        """What waits for `mirror`: the paths below the watch, and the token to acknowledge with."""
        done = daemon.ctl("changes", "--consumer=mirror", "-0", *words, check=check)
        told = {os.path.relpath(path, self.mount) for path in done.stdout.split("\0") if path}
        return told, done.stderr.strip().removeprefix("next: ")

    def list(self, daemon):
        listed = json.loads(daemon.ctl("consumer", "list", "--json").stdout)
        return {each["name"]: each for each in listed["consumers"]}

    def test_the_loop_of_a_mirror(self):
        daemon = self.start()
        begun = daemon.ctl("consumer", "add", "mirror", f"--watch={self.mount}").stdout.strip()
        self.assertRegex(begun, "^cj1-[0-9a-f]{8}-[0-9]+$")
        self.write("one")
        told, token = self.paths(daemon)
        self.assertIn("one", told)
        self.assertEqual(self.paths(daemon)[0], told, "reading moves nothing")
        daemon.ctl("ack", "mirror", token)
        self.assertEqual(self.list(daemon)["mirror"]["token"], token)
        self.write("two")
        told, token = self.paths(daemon)
        self.assertIn("two", told)
        self.assertNotIn("one", told)
        daemon.ctl("ack", "mirror", token)
        again = daemon.ctl("ack", "mirror", begun)
        self.assertIn("nothing moved", again.stderr)
        status = daemon.ctl("status").stdout
        self.assertIn("Consumers: mirror at " + token, status)
        daemon.ctl("consumer", "remove", "mirror")
        self.assertEqual(self.list(daemon), {})

    def test_a_position_outlives_the_daemon(self):
        daemon = self.start()
        daemon.ctl("consumer", "add", "mirror", "--max-lag=30d", "--config-hash=v1")
        self.write("one")
        _, token = self.paths(daemon)
        daemon.ctl("ack", "mirror", token)
        before = self.list(daemon)["mirror"]
        daemon.stop()
        self.daemons.remove(daemon)
        daemon = self.start()
        after = self.list(daemon)["mirror"]
        for key in ("token", "sequence", "config_hash", "max_lag_usec", "acknowledged_usec"):
            self.assertEqual(after[key], before[key])
        # Without systemd a stop is a gap: a list of paths cannot say what that means.
        self.write("two")
        told = daemon.ctl("changes", "--consumer=mirror", "--config-hash=v1", "--format=json")
        self.assertIn(self.mount + "/two", told.stdout)

    def test_refusals(self):
        daemon = self.start()
        unknown = daemon.ctl("changes", "--consumer=mirror", check=3)
        self.assertIn("no consumer 'mirror'", unknown.stderr)
        self.assertNotIn("changectl ack", unknown.stderr, "there is nothing to acknowledge yet")
        token = daemon.ctl("checkpoint").stdout.strip()
        self.assertIn("no consumer", daemon.ctl("ack", "mirror", token, check=1).stderr)
        self.assertIn("no consumer", daemon.ctl("consumer", "remove", "x", check=1).stderr)
        daemon.ctl("consumer", "add", "-x", check=2)
        daemon.ctl("consumer", "add", "a/b", check=2)
        daemon.ctl("consumer", "add", "mirror", "--watch=/etc", check=2)
        daemon.ctl("consumer", "add", "mirror", "--config-hash=v1")
        daemon.ctl("consumer", "add", "mirror", check=2)
        daemon.ctl("ack", "mirror", "cj1-", check=2)
        daemon.ctl("ack", "mirror", token, "--record=999999999", check=3)
        other = daemon.ctl("changes", "--consumer=mirror", "--config-hash=v2", check=3)
        self.assertIn("configuration", other.stderr)
        # What the message says to do is what helps.
        words = other.stderr.split("'changectl ")[1].split("'")[0].split()
        self.assertEqual(words[0], "ack")
        daemon.ctl(*words)
        daemon.ctl("changes", "--consumer=mirror", "--config-hash=v2")
        for method, parameters in (
                ("Changes", {"since": {"consumer": "mirror", "token": token}}),
                ("Changes", {"since": {}}),
                ("Changes", {"since": {"token": token, "config_hash": "x"}}),
                ("Changes", {"since": {"token": token}, "until": {"consumer": "mirror"}}),
                ("AddConsumer", {"name": "y", "paths": [self.mount] * 17}),
                ("AddConsumer", {"name": "y", "max_lag_usec": -1}),
                ("Acknowledge", {"name": "mirror"}),
                ("AddConsumer", {"name": "y", "paths": [self.mount + "/" + "x" * 3000] * 2}),
                ("Acknowledge", {"name": "mirror", "sequence": 1}),
                ("Acknowledge", {"name": "mirror", "token": token, "sequence": -1})):
            with self.subTest(method=method, parameters=parameters):
                reply = self.call_more(daemon, "org.changejournal." + method, parameters)
                self.assertEqual(reply.get("error"), "org.varlink.service.InvalidParameter")

    def call_more(self, daemon, method, parameters):
        """The first reply."""
        with daemon.connect() as client:
            message = {"method": method, "parameters": parameters,
                       "more": method.endswith(("Changes", "Follow", "Log"))}
            client.sendall(json.dumps(message).encode() + b"\0")
            return json.loads(client.makefile("rb").read1(65536).split(b"\0")[0])

    def test_one_that_lags_too_far_behind_expires_and_comes_back(self):
        config = os.path.join(self.work, "conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[Journal]\nMaxAge=1us\n[Watch]\nPath={self.mount}\n")
        daemon = self.start(f"--config={config}", watch=None)
        daemon.ctl("consumer", "add", "mirror")
        daemon.ctl("consumer", "add", "idle", f"--watch={self.mount}")
        self.write("one")
        _, token = self.paths(daemon)
        daemon.ctl("ack", "idle", token)
        for _ in range(3):
            daemon.ctl("checkpoint")
        self.assertTrue(fixture.eventually(lambda: "expired" in self.list(daemon)["mirror"]))
        said = daemon.ctl("changes", "--consumer=mirror", check=3).stderr
        self.assertIn("MaxAge=", said)
        self.assertIn("mirror at cj1-", daemon.ctl("status").stdout)
        self.assertIn("expired", daemon.ctl("status").stdout)
        # A quiet filesystem expires nobody: the periods behind `idle` went as well.
        self.assertNotIn("expired", self.list(daemon)["idle"])
        daemon.ctl("changes", "--consumer=idle", "--no-checkpoint")
        scanned = daemon.ctl("checkpoint").stdout.strip()
        daemon.ctl("ack", "mirror", scanned)
        self.write("two")
        self.assertIn("two", self.paths(daemon)[0])

    def test_what_happens_on_another_filesystem_expires_nobody(self):
        quiet, config = os.path.join(self.work, "quiet"), os.path.join(self.work, "conf")
        os.mkdir(quiet)
        fixture.run("mount", "-t", "tmpfs", "quiet", quiet, check=0)
        self.addCleanup(fixture.run, "umount", "-l", quiet)
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[Journal]\nMaxAge=1us\n[Watch]\nPath={self.mount}\n"
                       f"[Watch]\nPath={quiet}\n")
        daemon = self.start(f"--config={config}", watch=None)
        daemon.ctl("checkpoint")
        for name in ("idle", "limited"):
            lag = ["--max-lag=1us"] if name == "limited" else []
            daemon.ctl("consumer", "add", name, f"--watch={quiet}", *lag)
        daemon.ctl("consumer", "add", "busy", f"--watch={self.mount}")
        for number in range(3):
            self.write(str(number))
            daemon.ctl("checkpoint")
        self.assertTrue(fixture.eventually(lambda: "expired" in self.list(daemon)["busy"]))
        for name in ("idle", "limited"):
            self.assertNotIn("expired", self.list(daemon)[name])
            self.assertEqual(daemon.ctl("changes", f"--consumer={name}").stdout, "")
        # They are as good as others when something happens.
        open(os.path.join(quiet, "file"), "w", encoding="ascii").close()
        self.assertIn("file", daemon.ctl("changes", "--consumer=idle").stdout)

    def test_one_that_comes_to_its_own_limit_expires_alone(self):
        daemon = self.start()
        limits = {"late": "--max-lag=1ms", "full": "--max-lag-size=1K", "quiet": "--max-lag=1ms",
                  "patient": "--max-lag=1d", "roomy": "--max-lag-size=1G"}
        for name, limit in limits.items():
            daemon.ctl("consumer", "add", name, limit)
        for i in range(200):
            self.write(f"{i:0100}")
        token = daemon.ctl("checkpoint").stdout.strip()
        daemon.ctl("ack", "quiet", token)
        self.assertTrue(fixture.eventually(
            lambda: all("expired" in self.list(daemon)[name] for name in ("late", "full"))))
        for name in ("quiet", "patient", "roomy"):
            self.assertNotIn("expired", self.list(daemon)[name])
            daemon.ctl("changes", f"--consumer={name}", "--no-checkpoint")
        status = daemon.ctl("status").stdout
        for name, reason in (("late", "it was more than 1ms behind, its own limit (max_lag)"),
                             ("full", "more than 1.0K waited for it, its own limit (max_lag)")):
            told = self.list(daemon)[name]
            self.assertEqual(told["expired"], reason)
            self.assertGreaterEqual(told["expired_usec"], told["added_usec"])
            self.assertIn(reason, status)
            for verb in ("changes", "follow"):
                said = daemon.ctl(verb, f"--consumer={name}", check=3)
                self.assertIn(reason, said.stderr)
            refused = self.call_more(daemon, "org.changejournal.Log", {"since": {"consumer": name}})
            self.assertEqual(refused["error"], "org.changejournal.RescanNeeded")
            self.assertIn(reason, refused["parameters"]["reason"])
            # Others keep what it has missed; it goes on from where it says that it has scanned.
            daemon.ctl("ack", name, token)
            self.assertNotIn("expired", self.list(daemon)[name])

    def ends(self, daemon):
        """What ListConsumers says beside the consumers."""
        told = daemon.call("org.changejournal.ListConsumers")["parameters"]
        return {key: told[key] for key in ("oldest", "newest", "first_sequence", "next_sequence")}

    def records(self, daemon):
        return [json.loads(line) for line in daemon.ctl("log", "-o", "json").stdout.splitlines()]

    def tokens(self, daemon):
        periods = daemon.call("org.changejournal.GetPeriods")["parameters"]["periods"]
        return [period["token"] for period in periods]

    def test_what_there_is_to_read(self):
        config = os.path.join(self.work, "conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[Journal]\nMaxAge=1us\n[Watch]\nPath={self.mount}\n")
        daemon = self.start(f"--config={config}", watch=None)
        begun = daemon.ctl("checkpoint").stdout.strip()
        for name in ("one", "two", "three"):
            self.write(name)
            daemon.ctl("checkpoint")
        self.assertTrue(fixture.eventually(
            lambda: begun not in self.tokens(daemon) and len(self.tokens(daemon)) == 1))
        ends = self.ends(daemon)
        self.assertEqual([ends["oldest"], ends["newest"]], self.tokens(daemon) * 2)
        # None is kept: the first one will be the next one.
        self.assertEqual(self.records(daemon), [])
        self.assertEqual(ends["first_sequence"], ends["next_sequence"])
        self.assertGreater(ends["first_sequence"], 3)
        daemon.ctl("changes", f"--since={begun}", "--no-checkpoint", check=3)
        daemon.ctl("changes", f"--since={ends['oldest']}", "--no-checkpoint")
        self.write("four")
        told = self.records(daemon)
        self.assertEqual(told[0]["sequence"], ends["first_sequence"])
        self.assertEqual(self.ends(daemon)["next_sequence"], told[-1]["sequence"] + 1)

    def test_how_much_waits(self):
        daemon = self.start()
        daemon.ctl("consumer", "add", "mirror")
        count = 1000

        def name(number):
            """That does not become less in the store, where rows are compressed some day."""
            return base64.urlsafe_b64encode(hashlib.sha512(b"%d" % number).digest()).decode()
        names = len(name(0))

        def waits():
            told = self.list(daemon)["mirror"]
            return told["waiting"], told["waiting_bytes"]
        self.assertEqual(waits(), (0, 0))
        for i in range(count):
            self.write(name(i))
        first = daemon.ctl("checkpoint").stdout.strip()
        records, half = waits()
        self.assertEqual(records, len(self.records(daemon)))
        self.assertGreaterEqual(records, count)
        # An estimate of the store's, of records that each have a name and little else.
        self.assertGreater(half, count * names // 10)
        self.assertLess(half, count * names * 10)
        # What is in memory is estimated with all that it takes there, and is less in a file.
        for i in range(count, 4 * count):
            self.write(name(i))
        second = daemon.ctl("checkpoint").stdout.strip()
        _, whole = waits()
        self.assertGreater(whole, half)
        daemon.ctl("ack", "mirror", first)
        self.assertLess(waits()[1], whole)
        self.assertGreater(waits()[1], 0)
        daemon.ctl("ack", "mirror", second)
        self.assertEqual(waits(), (0, 0))

    def refused_as_another(self, daemon, method, config_hash):
        """Where the answer says that what was read does not count; the token to go on from."""
        since = {"consumer": "mirror", "config_hash": config_hash}
        reply = self.call_more(daemon, "org.changejournal." + method, {"since": since})
        self.assertEqual(reply.get("error"), "org.changejournal.RescanNeeded", reply)
        self.assertIn("configuration", reply["parameters"]["reason"])
        return reply["parameters"]["next"]

    def test_a_feed_of_another_configuration(self):
        daemon = self.start()
        daemon.ctl("consumer", "add", "mirror", "--config-hash=v1")
        self.write("one")
        daemon.ctl("checkpoint")
        said = daemon.ctl("follow", "--consumer=mirror", "--config-hash=v2", check=3)
        self.assertIn("configuration", said.stderr)
        self.assertEqual(said.stdout, "")
        following = self.refused_as_another(daemon, "Follow", "v2")
        # The same one, and whoever does not care.
        for since in ({"consumer": "mirror", "config_hash": "v1"}, {"consumer": "mirror"}):
            with self.subTest(since=since):
                self.assertIn("one", self.told(daemon, "Follow", since=since))
        # A refusal moves nothing; the scan that follows it does.
        daemon.ctl("ack", "mirror", following, "--config-hash=v2")
        self.refused_as_another(daemon, "Follow", "v1")
        self.write("two")
        daemon.ctl("checkpoint")
        told = self.told(daemon, "Follow", since={"consumer": "mirror", "config_hash": "v2"})
        self.assertEqual(told - {"."}, {"two"})

    def told(self, daemon, method, **parameters):
        """The paths of the first reply with any; a feed may have another reader for a moment."""
        names = set()

        def something():
            with daemon.connect() as client:
                message = {"method": "org.changejournal." + method, "more": True,
                           "parameters": parameters}
                client.sendall(json.dumps(message).encode() + b"\0")
                replies, rest = client.makefile("rb"), b""
                while not names:
                    rest += replies.read1(65536)
                    *whole, rest = rest.split(b"\0")
                    for reply in map(json.loads, whole):
                        if reply.get("error") == "org.changejournal.Busy":
                            return False
                        for record in reply["parameters"]["records"]:
                            names.add(os.path.relpath(record["path"], self.mount))
                        if "continues" not in reply:
                            return True
            return True
        self.assertTrue(fixture.eventually(something))
        return names

    def test_a_log_since_what_was_acknowledged(self):
        os.mkdir(os.path.join(self.mount, "in"))
        os.mkdir(os.path.join(self.mount, "out"))
        daemon = self.start()
        daemon.ctl("consumer", "add", "mirror", f"--watch={self.mount}/in", "--config-hash=v1")
        since = {"consumer": "mirror", "config_hash": "v1"}
        for name in ("in/one", "in/two", "out/one"):
            self.write(name)
        self.assertEqual(self.told(daemon, "Log", since=since), {"in/one", "in/two"})
        # What it reads unless it asks for others.
        asked = self.told(daemon, "Log", since=since, paths=[self.mount + "/out"])
        self.assertEqual(asked, {"out/one"})
        at = [record for record in self.records(daemon) if record["path"].endswith("in/one")][-1]
        daemon.ctl("ack", "mirror", self.tokens(daemon)[-1], f"--record={at['sequence']}")
        stands = self.list(daemon)["mirror"]
        self.assertEqual(stands["sequence"], at["sequence"])
        self.assertNotIn("in/one", self.told(daemon, "Log", since=since))
        self.assertIn("in/two", self.told(daemon, "Log", since=since))
        following = self.refused_as_another(daemon, "Log", "v2")
        self.assertRegex(following, "^cj1-")
        # Reading moves nothing, and neither does a refusal.
        for key in ("token", "sequence", "config_hash"):
            self.assertEqual(self.list(daemon)["mirror"][key], stands[key])
        nobody = self.call_more(daemon, "org.changejournal.Log", {"since": {"consumer": "nobody"}})
        self.assertEqual(nobody["error"], "org.changejournal.RescanNeeded")
        self.assertNotIn("next", nobody["parameters"])


if __name__ == "__main__":
    fixture.main()
