"""What is expected of members that are killed and stopped, beside what was seen: at default settings, of three members, with four
signing threads and one creating thread. Runs of another pace have a table each: what a fault costs where processors are to spare."""

from check_rules import is_error
from report_stalls import QUIET, Row, add_run, milliseconds, percentile

SUCH = {"load": "sign=4,create=1", "members": "3", "minority": "serve", "reads": "session"}
PRESET_PACE_US = 10000    # of tests/fault/run

# what is done; faults; whose stall; the longest that is expected, in ms
LIMITS = (
    ("SIGKILL of a follower", ("kill",), "signing", 50),
    ("SIGKILL of the leader", ("kill-leader",), "signing", 50),
    ("SIGKILL of the leader", ("kill-leader",), "creating", 2500),
    ("SIGSTOP of a member", ("stop", "stop-leader"), "signing", 250),
    ("nothing, for comparison", (QUIET,), "signing", None),
    ("nothing, for comparison", (QUIET,), "creating", None),
)


def is_such(run):
    return SUCH.items() <= run.facts.items() and "pace_us" in run.facts


def pace_us(run):
    return int(run.facts["pace_us"])


def longest(rows, kinds, group):
    return [value for kind in kinds for value in rows.get(kind, Row()).longest[group]]


def limit_line(done, values, group, limit):
    within = sum(value <= limit * 1000 for value in values) if limit else 0
    cells = [done, str(len(values)), group, str(limit) if limit else ""]
    cells += [milliseconds(percentile(values, percent)) for percent in (50, 99, 100)]
    return "| " + " | ".join(cells + [f"{within} of {len(values)}" if limit else ""]) + " |"


def kept_line(all_judged):
    """Errors and objects, of all these runs."""
    deaths = sum(fault.kind.startswith("kill") for judged in all_judged for fault in judged.run.faults)
    errors = sum(is_error(call) for judged in all_judged for call in judged.run.calls)
    return (f"{deaths} kills: {errors} errors (expected: 0), {sum(judged.broken('lost') for judged in all_judged)} objects lost (0), "
            f"{sum(judged.broken('duplicated') for judged in all_judged)} duplicated (0).")


def heading(pace):
    rest = f"a thread that signs rests {pace / 1000:g} ms between two calls, the one that creates five times that"
    if pace == PRESET_PACE_US:
        return f"Three members, four threads that sign and one that creates, default settings ({rest}); milliseconds, of each fault the longest call:"
    return f"The same {'with processors to spare' if pace > PRESET_PACE_US else 'with more to do'}: {rest}:"


def table(pace, such):
    """Of all runs of this pace."""
    rows = {}
    for judged in such:
        add_run(rows, judged.run.calls, judged.run.faults)
    lines = [limit_line(done, values, group, limit) for done, kinds, group, limit in LIMITS if (values := longest(rows, kinds, group))]
    if not lines:
        return []
    return [heading(pace), "",
            "| what is done | times | calls | expected at most | p50 | p99 | max | within |", "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *lines, "", kept_line(such), ""]


def expected(all_judged):
    """Lines of Markdown, the preset pace first; none if there was no such run."""
    such = [judged for judged in all_judged if is_such(judged.run)]
    paces = sorted({pace_us(judged.run) for judged in such}, key=lambda pace: (pace != PRESET_PACE_US, pace))
    return [line for pace in paces for line in table(pace, [judged for judged in such if pace_us(judged.run) == pace])]
