"""Which faults come: all that there are and that the system permits, and none is left out because something was not installed.

FAULT_KINDS: the kinds that the run of all of them names (meson.build)."""

import contextlib
import io
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faults_device, faults_network, faults_process  # noqa: E401,E402,F401: they fill KINDS
from cluster import Unable  # noqa: E402
from equipment import lacking_programs, why_not  # noqa: E402
from plan import kills, mix, possible  # noqa: E402
from world import KINDS  # noqa: E402

FAULT_KINDS = os.environ["FAULT_KINDS"].split(",")
APART = {"network", "space"}


def names(kinds):
    return [kind.name for kind in kinds]


def what_comes(apart=None, missing_programs=None, clock_library="there", is_complete=True):
    """Names of the kinds, and what was said."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        return names(possible(KINDS.values(), why_not(apart, missing_programs, clock_library), is_complete)), said.getvalue()


class Plan(unittest.TestCase):
    def test_the_faults_that_there_are_and_those_expected_are_the_same(self):
        self.assertEqual(sorted(KINDS), sorted(FAULT_KINDS))

    def test_all_come_where_all_is_there(self):
        kinds, said = what_comes()
        self.assertEqual((sorted(kinds), said), (sorted(FAULT_KINDS), ""))

    def test_without_namespaces_all_others_come_and_it_is_said(self):
        kinds, said = what_comes(apart="Operation not permitted")
        self.assertEqual(sorted(kinds), sorted(name for name in FAULT_KINDS if not KINDS[name].needs & APART))
        self.assertIn("partition-leader (needs network: Operation not permitted)", said)
        self.assertIn("kill-leader", kinds)

    def test_what_is_not_installed_fails_with_and_without_namespaces(self):
        missing = lacking_programs("sh", "no-such-program")
        for lack in {"missing_programs": missing}, {"clock_library": None}, {"missing_programs": missing, "apart": "Operation not permitted"}:
            self.assertRaises(Unable, what_comes, **lack)
            kinds, said = what_comes(**lack, is_complete=False)
            self.assertIn("not installed", said)
            self.assertTrue(kinds)

    def test_a_run_of_nothing_fails(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertRaises(Unable, possible, [KINDS["loss"]], why_not("Operation not permitted", None, "there"), False)

    def test_each_kind_comes_in_the_first_round_however_short_the_time(self):
        for seed in range(20):
            self.assertEqual(sorted(names(mix(seed, list(KINDS.values()), 0, True))), sorted(FAULT_KINDS))
        self.assertEqual(names(mix(1, list(KINDS.values()), 0, False)), [])

    def test_so_many_kills_and_a_stop_after_every_tenth(self):
        steps = names(kills(7, [KINDS[name] for name in ("kill", "kill-leader", "stop", "stop-leader")], 30))
        self.assertEqual([place for place, name in enumerate(steps) if name.startswith("stop")], [10, 21, 32])
        self.assertEqual((len(steps), {name for name in steps if name.startswith("kill")}), (33, {"kill", "kill-leader"}))


if __name__ == "__main__":
    unittest.main()
