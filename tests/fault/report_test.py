"""The report's arithmetic, on runs written by hand."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
from check_history import Call, Fault  # noqa: E402
from report_stalls import QUIET, add_run, percentile  # noqa: E402


def call(invoke, ret, name="C_Sign", outcome="CKR_OK", thread="sign-0", **detail):
    return Call(invoke, ret, "p", thread, name, [], outcome, detail, "")


def rows_of(calls, *faults):
    rows = {}
    add_run(rows, calls, [Fault(start, end, kind, "a", "") for start, end, kind in faults])
    return rows


class Stalls(unittest.TestCase):
    def test_a_percentile_is_one_of_the_values(self):
        values = list(range(1, 201))
        self.assertEqual([percentile(values, percent) for percent in (50, 99, 100)], [100, 198, 200])
        self.assertEqual([percentile([7], percent) for percent in (50, 99, 100)], [7, 7, 7])

    def test_each_fault_gives_its_longest_call(self):
        rows = rows_of([call(10, 15), call(20, 29), call(100, 103)], (8, 30, "kill"), (90, 110, "kill"))
        self.assertEqual((rows["kill"].times, rows["kill"].calls, rows["kill"].longest["signing"]), (2, 3, [9, 3]))

    def test_a_call_counts_for_the_first_fault_that_it_met(self):
        rows = rows_of([call(9, 35), call(31, 32)], (20, 40, "start"), (8, 19, "kill"))
        self.assertEqual([(kind, rows[kind].longest["signing"]) for kind in ("kill", "start")], [("kill", [26]), ("start", [1])])

    def test_a_call_that_began_before_or_ended_after_met_the_fault(self):
        for invoke, ret, met in (1, 9, 0), (1, 10, 1), (15, 16, 1), (20, 90, 1), (21, 90, 0), (1, 90, 1):
            rows = rows_of([call(invoke, ret)], (10, 20, "kill"))
            self.assertEqual(rows["kill"].calls, met, (invoke, ret))

    def test_kinds_of_calls_are_apart(self):
        longest = rows_of([call(10, 15), call(10, 18, "C_GenerateKeyPair"), call(10, 90, "C_SignFinal", longest_us="4")],
                          (8, 30, "kill"))["kill"].longest
        self.assertEqual(dict(longest), {"signing": [5], "creating": [8], "in parts": [4]})

    def test_preparation_and_last_reading_do_not_count(self):
        rows = rows_of([call(10, 15, thread="prepare-0"), call(10, 15, thread="final-0")], (8, 30, "kill"))
        self.assertEqual(rows["kill"].calls, 0)

    def test_errors_are_counted_by_code_and_promised_losses_apart(self):
        row = rows_of([call(10, 15, outcome="CKR_DEVICE_REMOVED"), call(10, 15, outcome="CKR_KEY_HANDLE_INVALID"),
                       call(10, 15, "C_SignFinal", "CKR_DEVICE_ERROR", beyond="yes")], (8, 30, "kill"))["kill"]
        self.assertEqual((dict(row.errors), row.beyond), ({"CKR_DEVICE_REMOVED": 1}, 1))

    def test_times_without_faults_have_their_row(self):
        rows = rows_of([call(0, 50), call(300_000, 300_007), call(900_000, 900_001)], (400_000, 500_000, "kill"))
        self.assertEqual((rows[QUIET].times, rows[QUIET].longest["signing"]), (2, [50, 1]))
        self.assertEqual(rows["kill"].calls, 0)


FACTS = {"command": "tests/fault/run --seed 1", "members": 3, "minority": "serve", "reads": "session", "load": "sign=4,create=1",
         "pace_us": 10000}


class Program(unittest.TestCase):
    def folder(self, of, outcome, **facts):
        os.makedirs(of, exist_ok=True)
        with open(os.path.join(of, "run.txt"), "w") as file:
            file.writelines(f"{name} = {value}\n" for name, value in (FACTS | facts).items())
        with open(os.path.join(of, "nemesis.log"), "w") as file:
            file.write("5\t30\tkill-leader\ta\tseconds=1\n")
        with open(os.path.join(of, "p.history"), "w") as file:
            for line in ("10 20 p create-0 C_CreateObject k/secret CKR_OK value=new", "21 22 p sign-0 C_Sign k/secret " + outcome + " -",
                         *(f"40 50 final-{member} final-0 C_FindObjects k/secret CKR_OK count=1" for member in "abc")):
                file.write(line.replace(" ", "\t") + "\n")

    def run_program(self, name, *arguments):
        return subprocess.run([sys.executable, os.path.join(here, name), *arguments], text=True, capture_output=True)

    def test_check_says_by_its_status_what_it_found(self):
        with tempfile.TemporaryDirectory() as of:
            self.folder(of, "CKR_OK")
            self.assertEqual(self.run_program("check", of).returncode, 0)
            self.folder(of, "CKR_KEY_HANDLE_INVALID")
            lost = self.run_program("check", of)
            self.assertEqual(lost.returncode, 1, lost)
            self.assertIn("k/secret: lost", lost.stdout)
            os.remove(os.path.join(of, "nemesis.log"))
            self.assertEqual(self.run_program("check", of).returncode, 2)

    def test_check_says_nothing_without_a_last_reading_of_each_member(self):
        with tempfile.TemporaryDirectory() as of:
            self.folder(of, "CKR_OK", members=4)
            unread = self.run_program("check", of)
            self.assertEqual(unread.returncode, 2, unread)
            self.assertIn("through 1 of 4 members", unread.stdout)

    def test_check_says_nothing_where_no_call_met_a_fault(self):
        with tempfile.TemporaryDirectory() as of:
            self.folder(of, "CKR_OK")
            for faults in "", "23\t30\tkill-leader\ta\tseconds=1\n":
                with open(os.path.join(of, "nemesis.log"), "w") as file:
                    file.write(faults)
                untried = self.run_program("check", of)
                self.assertEqual(untried.returncode, 2, untried)
                self.assertIn("nothing was tried", untried.stdout)

    def test_figures_are_written_between_their_lines_and_nowhere_else(self):
        with tempfile.TemporaryDirectory() as of:
            self.folder(of, "CKR_OK")
            page = os.path.join(of, "page.md")
            frame = "before\n<!-- figures: tests/fault/report --write -->\n{}<!-- end of figures -->\nafter\n"
            with open(page, "w") as file:
                file.write(frame.format("old\n"))
            self.assertEqual(self.run_program("report", "--write", page, of).returncode, 0)
            with open(page) as file:
                text = file.read()
            self.assertTrue(text.startswith(frame.split("{")[0]) and text.endswith("<!-- end of figures -->\nafter\n"), text)
            self.assertIn("| kill-leader | 1 | 2 | 0 | 0.0 / 0.0 / 0.0 |", text)
            self.assertIn("0 promises broken", text)
            self.assertNotIn("old", text)

    def test_broken_promises_are_in_the_report(self):
        with tempfile.TemporaryDirectory() as of:
            self.folder(of, "CKR_KEY_HANDLE_INVALID")
            self.assertIn("1 promises broken", self.run_program("report", of).stdout)
            self.assertIn("1 kills: 0 errors (expected: 0), 1 objects lost (0), 0 duplicated (0).", self.run_program("report", "--markdown", of).stdout)

    def test_what_is_expected_stands_beside_what_was_seen(self):
        with tempfile.TemporaryDirectory() as of:
            self.folder(of, "CKR_OK")
            self.assertIn("| SIGKILL of the leader | 1 | creating | 2500 | 0.0 | 0.0 | 0.0 | 1 of 1 |", self.run_program("report", "--markdown", of).stdout)

    def test_what_is_expected_is_expected_of_such_runs_only(self):
        with tempfile.TemporaryDirectory() as of:
            for others in {"load": "sign=2,create=1"}, {"members": 5}, {"minority": "refuse"}, {"reads": "linearizable"}:
                self.folder(of, "CKR_OK", **others)
                self.assertNotIn("expected", self.run_program("report", "--markdown", of).stdout, others)

    def test_runs_of_another_pace_have_their_own_table(self):
        with tempfile.TemporaryDirectory() as of:
            folders = [os.path.join(of, name) for name in ("paced", "usual", "usual too")]
            for folder, pace_us in zip(folders, (50000, 10000, 10000)):
                self.folder(folder, "CKR_OK", pace_us=pace_us)
            said = self.run_program("report", "--markdown", *folders).stdout
            usual, paced = said.split("The same with processors to spare: a thread that signs rests 50 ms between two calls")
            self.assertIn("default settings (a thread that signs rests 10 ms between two calls", usual)
            self.assertIn("| SIGKILL of the leader | 2 | creating |", usual)
            self.assertIn("| SIGKILL of the leader | 1 | creating |", paced)
            self.assertEqual((usual.count("2 kills: 0 errors"), paced.count("1 kills: 0 errors")), (1, 1))


if __name__ == "__main__":
    unittest.main()
