"""Checkpoints of users who are neither root nor in the group, where these may make them: now and
then, of a call of their own or of a question, and nothing is told twice."""
import os
import subprocess
import time

import daemon_fixture
import viewers_fixture
from daemon_fixture import eventually
from viewers_fixture import ANN, ViewerCase


class Checkpoints(ViewerCase):
    def setUp(self):
        super().setUp()
        self.configure(f"[Journal]\nAllowUserCheckpoints=yes\n[Watch]\nPath={self.mount}\n")

    def periods(self):
        reply = self.daemon.call("org.changejournal.GetPeriods")
        return [period["start_usec"] for period in reply["parameters"]["periods"]]

    def test_they_are_made_now_and_then(self):
        for words in (["checkpoint"], ["changes", f"--since={self.token()}"]):
            with self.subTest(words=words):
                begun = len(self.periods())

                def several():
                    asked = [subprocess.Popen(
                        [daemon_fixture.CTL, f"--socket={self.daemon.socket}", *words],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **ANN)
                             for _ in range(8)]
                    for each in asked:
                        self.assertEqual(each.wait(), 0)
                    return len(self.periods()) >= begun + 3
                self.assertTrue(eventually(several))
                made = self.periods()[begun:]
                for earlier, later in zip(made, made[1:]):
                    self.assertGreaterEqual(later - earlier, 990_000)

    def answer(self, since):
        """What is told, and where the next answer begins."""
        said = self.daemon.ctl("changes", f"--since={since}", "--format=paths", **ANN)
        return {os.path.relpath(path, self.mount) for path in said.stdout.splitlines()}, \
            said.stderr.split()[-1]

    def answer_with_checkpoint(self, since):
        """The answer of the first question that was given one."""
        answers = []

        def made():
            begun = len(self.periods())
            answers.append(self.answer(since))
            self.assertEqual(len(self.periods()) - begun, int(answers[-1][1] != since))
            return answers[-1][1] != since
        self.assertTrue(eventually(made))
        # Until then each has told all of it again.
        self.assertTrue(all(told == answers[-1][0] for told, _ in answers))
        return answers[-1]

    def test_a_question_that_was_given_one_tells_nothing_twice(self):
        self.directory("open")
        since = self.token()
        self.write("open/a")
        told, following = self.answer_with_checkpoint(since)
        self.assertEqual(told, {"open", "open/a"})
        self.assertEqual(self.answer(following)[0], set())
        self.write("open/b")
        told, following = self.answer_with_checkpoint(following)
        self.assertEqual(told, {"open", "open/b"})
        self.assertEqual(self.answer(following)[0], set())

    def test_a_question_that_does_not_want_one_gets_none(self):
        self.directory("open")
        since = self.token()
        self.write("open/a")
        age = self.periods()[-1] + 1_500_000
        self.assertTrue(eventually(lambda: time.time() * 1e6 > age))
        begun = len(self.periods())
        said = self.daemon.ctl("changes", f"--since={since}", "--no-checkpoint", **ANN)
        self.assertEqual((said.stderr.split()[-1], len(self.periods())), (since, begun))


if __name__ == "__main__":
    viewers_fixture.main()
