"""The checker on histories written by hand: what kept its promises is accepted, and each way to break one is found.

A history here is a line a call: invoke return process call outcome detail; all of them on the key k/secret, or on the object that a
detail `of=` names."""

import os
import random
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_history  # noqa: E402
import check_objects  # noqa: E402
import check_rules  # noqa: E402


CALLS = {"create": "C_CreateObject", "destroy": "C_DestroyObject", "set": "C_SetAttributeValue", "get": "C_GetAttributeValue",
         "find": "C_FindObjects", "sign": "C_Sign"}
OUTCOMES = {"ok": "CKR_OK", "gone": "CKR_OBJECT_HANDLE_INVALID", "lost": "CKR_DEVICE_REMOVED", "refused": "CKR_SESSION_READ_ONLY",
            "invoked": "invoked"}


def tabbed(story):
    """The story as a file of a history has it."""
    for line in filter(None, map(str.strip, story.splitlines())):
        invoke, ret, process, call, outcome, *detail = line.split()
        of = next((word[3:] for word in detail if word.startswith("of=")), "k/secret")
        if call == "create" and not any(word.startswith("value=") for word in detail):
            detail.append("value=new")
        yield "\t".join((invoke, ret, process, f"{call}-0", CALLS.get(call, call), of, OUTCOMES.get(outcome, outcome),
                         " ".join(detail) or "-"))


def calls_of(story):
    with tempfile.NamedTemporaryFile("w", suffix=".history") as file:
        file.write("".join(line + "\n" for line in tabbed(story)))
        file.flush()
        return check_history.read_history(file.name)


def faults_of(*faults):
    return [check_history.Fault(start, end, kind, "a", "") for start, end, kind in faults]


class Checks(unittest.TestCase):
    def judge(self, story, faults=(), no_errors=False, **settings):
        violations, undecided = check_rules.judge(calls_of(story), faults_of(*faults), check_rules.Rules(settings), no_errors)
        self.assertEqual(undecided, [])
        return violations

    def accepts(self, story, *faults, **settings):
        self.assertEqual(self.judge(story, faults, **settings), [])

    def finds(self, sentence, story, *faults, **settings):
        violations = self.judge(story, faults, **settings)
        self.assertEqual(len(violations), 1, violations)
        self.assertIn(sentence, violations[0].splitlines()[0])


class Good(Checks):
    def test_a_life(self):
        self.accepts("""
            10 20 p create ok
            21 25 p find ok count=1
            26 30 p sign ok
            31 40 p set ok value=v1
            41 45 p get ok value=v1
            50 60 p destroy ok
            61 65 p sign gone
            66 70 p find ok count=0
            80 90 final-a find ok count=0""")

    def test_what_overlaps_a_change_sees_it_or_not(self):
        for count in 0, 1:
            self.accepts(f"10 30 p create ok\n 12 20 q find ok count={count}")
            self.accepts(f"1 5 p create ok\n 10 30 p destroy ok\n 12 20 q find ok count={count}")

    def test_two_destroy_at_once_and_one_is_told_it_is_gone(self):
        self.accepts("1 5 p create ok\n 10 30 p destroy ok\n 12 40 q destroy gone")

    def test_an_unknown_outcome_may_be_either_and_late(self):
        self.accepts("10 20 p create lost\n 30 40 p find ok count=0\n 99 100 final-a find ok count=0")
        self.accepts("10 20 p create lost\n 30 40 p find ok count=0\n 50 60 p find ok count=1\n 99 100 final-a find ok count=1")
        self.accepts("1 5 p create ok\n 10 20 p destroy lost\n 30 40 p sign ok\n 50 60 p sign gone\n 99 100 final-a find ok count=0")
        self.accepts("1 5 p create ok\n 10 20 p set lost value=v1\n 30 40 p get ok value=new\n 50 60 p get ok value=v1")

    def test_a_killed_client_may_have_done_its_last_call(self):
        for count in 0, 1:
            self.accepts(f"10 - p create invoked\n 99 100 final-a find ok count={count}")

    def test_writes_in_either_order_when_they_overlap(self):
        for value in "v1", "v2":
            self.accepts(f"1 5 p create ok\n 10 30 p set ok value=v1\n 20 40 q set ok value=v2\n 50 60 final-a get ok value={value}")

    def test_another_process_may_see_the_past(self):
        self.accepts("1 2 q C_Login ok of=-\n 10 20 p create ok\n 30 40 q find ok count=0\n 50 60 q find ok count=1")
        self.accepts("1 5 p create ok\n 6 7 q find ok count=1\n 10 20 p set ok value=v1\n 30 40 q get ok value=new\n 50 60 q get ok value=v1")

    def test_a_cut_off_member_serves_a_destroyed_key(self):
        self.accepts("1 2 q C_Login ok of=-\n 1 5 p create ok\n 10 20 p destroy ok\n 30 40 q sign ok", (8, 35, "partition-minority"))

    def test_of_a_pair_one_key_may_be_destroyed(self):
        self.accepts("1 5 p C_GenerateKeyPair lost value=new of=k/private+k/public\n 10 20 p destroy ok of=k/public\n"
                     "30 40 final-a find ok count=1 of=k/private\n 50 60 final-a find ok count=0 of=k/public")

    def test_errors_say_nothing_about_the_object(self):
        self.accepts("10 20 p create ok\n 30 40 p sign lost\n 50 60 p find lost\n 70 80 p set refused value=v1\n 90 95 p get ok value=new")

    def test_a_loss_beyond_the_replay_limit_is_promised(self):
        self.accepts("10 20 p create ok\n 30 40 p C_SignFinal CKR_DEVICE_ERROR beyond=yes", no_errors=True)


class Bad(Checks):
    def test_lost(self):
        self.finds("lost", "10 20 p create ok\n 30 40 p find ok count=0")
        self.finds("lost", "10 20 p create ok\n 90 99 final-a find ok count=0")
        self.finds("lost", "10 20 p create ok\n 30 40 p sign gone")
        self.finds("lost", "10 20 p create ok\n 30 40 p set gone value=v1")

    def test_lost_though_it_was_seen_once(self):
        self.finds("lost", "10 20 p create ok\n 30 40 q find ok count=1\n 50 60 q find ok count=0")

    def test_resurrected(self):
        story = "1 5 p create ok\n 10 20 p destroy ok\n 30 40 {} find ok count=1"
        self.finds("resurrected", story.format("p"))
        self.finds("resurrected", story.format("q"))
        self.finds("resurrected", story.format("final-a"))
        self.finds("resurrected", "1 5 p create ok\n 10 20 p destroy ok\n 30 40 p find ok count=0\n 50 60 final-a get ok value=new")

    def test_the_last_reading_is_never_excused(self):
        self.finds("resurrected", "1 5 p create ok\n 10 20 p destroy ok\n 30 40 final-a find ok count=1", (8, 35, "partition-minority"))

    def test_who_destroyed_it_is_not_excused(self):
        self.finds("used after", "1 5 p create ok\n 10 20 p destroy ok\n 30 40 p sign ok", (8, 35, "partition-minority"))

    def test_who_was_told_that_it_is_gone_is_not_excused(self):
        story = "1 2 p create ok\n 3 4 q C_Login ok of=-\n 10 20 p destroy {}\n 22 24 q sign gone\n 30 40 q sign ok"
        self.finds("used after", story.format("ok"), (8, 45, "partition-minority"))
        self.finds("no order", story.format("lost"), (8, 45, "partition-minority"))

    def test_used_after_its_destruction(self):
        story = "1 2 q C_Login ok of=-\n 1 5 p create ok\n 10 20 p destroy ok\n 30 40 q sign ok"
        self.finds("used after", story)
        self.finds("used after", story, (8, 35, "kill-leader"))
        self.finds("used after", story, (8, 35, "partition-minority"), minority="refuse")
        self.finds("used after", story.replace("30 40", "36 40"), (8, 35, "partition-minority"))

    def test_destroyed_twice(self):
        self.finds("destroyed twice", "1 5 p create ok\n 10 20 p destroy ok\n 30 40 q destroy ok")
        self.finds("destroyed twice", "1 5 p create ok\n 10 30 p destroy ok\n 12 40 q destroy ok")

    def test_duplicated(self):
        self.finds("duplicated", "10 20 p create ok\n 30 40 p find ok count=2")

    def test_never_made(self):
        for outcome in "refused", "CKR_GENERAL_ERROR":
            self.finds("never made", f"10 20 p create {outcome}\n 30 40 p find ok count=1")

    def test_members_that_differ_in_the_end(self):
        story = "1 5 p create lost\n 10 20 p set lost value=v1\n 30 40 final-a {}\n 50 60 final-b {}"
        self.finds("members differ", story.format("find ok count=0", "find ok count=1"))
        self.finds("members differ", story.format("get ok value=new", "get ok value=v1"))
        self.accepts(story.format("get ok value=v1", "get ok value=v1"))

    def test_made_in_part(self):
        story = "1 5 p C_GenerateKeyPair {} value=new of=k/private+k/public\n" \
            "30 40 final-a find ok count=1 of=k/private\n 50 60 final-a find ok count=0 of=k/public"
        self.finds("made in part", story.format("lost"))
        self.finds("made in part", story.replace("1 5", "1 -").format("invoked"))

    def test_a_write_lost(self):
        self.finds("no order", "1 5 p create ok\n 10 20 p set ok value=v1\n 30 40 p get ok value=new")
        self.finds("no order", "1 5 p create ok\n 10 20 p set ok value=v1\n 30 40 p set ok value=v2\n 50 60 final-a get ok value=v1")

    def test_a_value_nobody_wrote(self):
        self.finds("no order", "1 5 p create ok\n 10 20 p get ok value=torn")

    def test_time_going_back_within_a_process(self):
        self.finds("no order", "1 5 p create ok\n 10 20 p set ok value=v1\n 30 40 q get ok value=v1\n 50 60 q get ok value=new")

    def test_what_was_so_before_the_process_began(self):
        self.finds("lost", "10 20 p create ok\n 30 40 q find ok count=0")
        self.finds("no order", "1 5 p create ok\n 10 20 p set ok value=v1\n 30 40 q get ok value=new")

    def test_the_past_where_reads_are_linearizable(self):
        begun = "1 2 q C_Login ok of=-\n"
        self.finds("no order", begun + "1 5 p create ok\n 10 20 p set ok value=v1\n 30 40 q get ok value=new", reads="linearizable")
        self.finds("lost", begun + "10 20 p create ok\n 30 40 q find ok count=0", reads="linearizable")
        self.finds("lost", begun + "10 20 p create ok\n 30 40 q sign gone", reads="linearizable")

    def test_the_future(self):
        self.finds("no order", "10 20 q get ok value=new\n 30 40 p create ok")

    def test_a_signature_that_does_not_verify(self):
        self.finds("wrong answer: signature", "1 5 p create ok\n 10 20 p sign ok wrong=signature")

    def test_a_handle_of_another_object(self):
        self.finds("handle 7 meant another", "1 5 p create ok handle=7 of=k/secret\n 10 20 p create ok handle=7 of=l/secret")
        self.accepts("1 5 p create ok handle=7 of=k/secret\n 10 20 q create ok handle=7 of=l/secret")

    def test_a_session_left_unusable(self):
        self.finds("not usable", "1 5 p create ok\n 10 20 p sign CKR_OPERATION_ACTIVE")

    def test_an_error_where_there_must_be_none(self):
        self.finds("an error", "1 5 p create ok\n 10 20 p sign lost", no_errors=True)
        self.finds("an error", "1 5 p create ok\n 10 20 p C_SignFinal CKR_DEVICE_ERROR", no_errors=True)
        self.finds("an error", "1 5 p create ok\n 10 20 p C_SignFinal CKR_GENERAL_ERROR beyond=yes", no_errors=True)

    def test_one_object_of_many(self):
        good = "".join(f"{i} {i + 1} p create ok of=k{i}/secret\n{i + 2} {i + 3} p find ok count=1 of=k{i}/secret\n" for i in range(0, 900, 3))
        self.accepts(good)
        self.finds("k300/secret: lost", good.replace("302 303 p find ok count=1", "302 303 p find ok count=0"))

    def test_both_sides_of_a_pair(self):
        story = "1 5 p C_GenerateKeyPair ok value=new of=k/private+k/public\n 10 20 p find ok count=1 of=k/private\n {}"
        self.accepts(story.format("30 40 p find ok count=1 of=k/public"))
        self.finds("k/public: lost", story.format("30 40 p find ok count=0 of=k/public"))


class Reading(unittest.TestCase):
    def test_damaged_files_are_refused(self):
        line = "\t".join(("1", "2", "p", "sign-0", "C_Sign", "k/secret", "CKR_OK", "-"))
        for text in line, line.replace("\tC_Sign", "") + "\n", line.replace("1", "x", 1) + "\n", line.replace("1", "3", 1) + "\n":
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(text)
                file.flush()
                self.assertRaises(check_history.BadInput, check_history.read_history, file.name)

    def test_a_call_that_returned_is_one_call(self):
        calls = calls_of("10 - p create invoked\n 10 20 p create ok\n 30 - p create invoked of=l/secret")
        self.assertEqual([(call.outcome, call.ret) for call in calls], [("CKR_OK", 20), ("invoked", float("inf"))])

    def test_a_call_that_vanished_is_refused(self):
        for second in "30 - p create invoked of=l/secret", "30 40 p create ok of=l/secret":
            with self.assertRaises(check_history.BadInput):
                calls_of("10 - p create invoked\n" + second)

    def test_what_no_last_reading_saw_is_told(self):
        story = "1 5 p create ok\n 10 20 p create ok of=l/secret\n 30 40 final-a find ok count=1\n 50 60 final-a find lost of=l/secret"
        self.assertEqual(check_rules.unread(calls_of(story), 1), (["final-a"], ["l/secret through final-a"]))

    def test_a_member_through_which_nothing_was_read_is_told(self):
        story = "1 5 p create ok\n 30 40 final-a find ok count=1"
        self.assertEqual(check_rules.unread(calls_of(story), 3)[1], ["anything through 2 of 3 members"])


def simulated(seed, objects, calls_each):
    """A register that keeps its promises, and clients that overlap: the history of a run without a fault in it."""
    random.seed(seed)
    lines = []
    for number in range(objects):
        now, name, value = random.randrange(1000), f"of=k{number}/secret", "new"
        lines.append(f"{now} {now + 5} p0 create ok {name}")
        for step in range(calls_each):
            now += 10
            start, end = now - random.randrange(5), now + random.randrange(5)
            action = random.choice(("set", "get", "get", "find", "sign"))
            if action == "set":
                value = f"v{step}"
            said = f"value={value}" if action in ("set", "get") else "count=1" if action == "find" else ""
            lines.append(f"{start} {end} p{random.randrange(4)} {action} ok {said} {name}")
    return lines


class Speed(Checks):
    def test_forty_thousand_calls(self):
        self.accepts("\n".join(simulated(1, 2000, 20)))

    def test_one_busy_key(self):
        self.accepts("\n".join(simulated(2, 1, 2000)), reads="linearizable")
        uses = "\n".join(f"{10 + i} {20 + i} p{i % 4} sign ok" for i in range(20000))
        self.accepts("1 5 p create ok\n" + uses)
        self.finds("lost", "1 5 p create ok\n" + uses + "\n 30000 30001 final-a find ok count=0")

    def test_many_unknown_outcomes(self):
        unknown = "\n".join(f"{10 + i} {20 + i} p{i} set lost value=u{i}" for i in range(9))
        self.accepts("1 5 p create ok\n" + unknown + "\n 90 99 final-a get ok value=u7")
        self.finds("no order", "1 5 p create ok\n" + unknown + "\n 90 99 final-a get ok value=nobody's")

    def test_a_search_without_end_is_given_up(self):
        sets = "\n".join(f"10 90 p{i} set ok value=u{i}" for i in range(40))
        violations, undecided = check_rules.judge(calls_of("1 5 p create ok\n" + sets + "\n 95 99 final-a get ok value=nobody's"), [],
                                            check_rules.Rules({}))
        self.assertEqual((violations, undecided), ([], ["k/secret"]))


if __name__ == "__main__":
    unittest.main()
