"""A node that ends otherwise than it was told to is noticed."""

import os
import signal
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import Node, Trouble  # noqa: E402

READY = "touch ready; while :; do sleep 0.1; done"


class Endings(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(os.system, "rm -rf " + self.folder)

    def node(self, script):
        """Whose program is this script; once it has come to READY, or ended."""
        program, ready = self.folder + "/cratond", self.folder + "/ready"
        with open(program, "w") as file:
            file.write("#!/bin/sh\ncd %s\n%s\n" % (self.folder, script))
        os.chmod(program, 0o700)
        node = Node("a", self.folder, self.folder, [])
        node.start()
        self.addCleanup(lambda: node.has_ended() or node.process.kill() or node.process.wait())
        while not os.path.exists(ready) and not node.has_ended():
            time.sleep(0.01)
        return node

    def test_ended_as_told(self):
        self.node("trap 'exit 0' TERM; " + READY).end(signal.SIGTERM)

    def test_killed(self):
        self.node(READY).end(signal.SIGKILL)

    def test_told_to_end_it_fails(self):
        self.assertRaises(Trouble, self.node("trap 'exit 3' TERM; " + READY).end, signal.SIGTERM)

    def test_it_had_ended_before_it_was_killed(self):
        self.assertRaises(Trouble, self.node("exit 3").end, signal.SIGKILL)

    def test_one_that_is_not_wanted_may_end_as_it_likes(self):
        node = self.node("exit 3")
        node.is_wanted = False
        node.end(signal.SIGTERM)
        node.must_have_ended_with(3)


if __name__ == "__main__":
    unittest.main()
