"""What was injected, and what the applications saw of it: histories and the log of faults joined by their clock."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil, inf

from check_rules import CREATES, is_error

QUIET = "none"       # the times between the faults
STARTING = "start"   # not a fault: what comes after those that end a node
QUIET_MIN_US = 200_000
GROUPS = ("signing", "creating", "changing", "reading", "in parts")  # signing: any use of a key in one call
GROUP_OF = {"C_Sign": "signing", "C_Encrypt": "signing", "C_Decrypt": "signing", "C_SignFinal": "in parts", "C_EncryptFinal": "in parts",
            "C_DigestFinal": "in parts", "C_DestroyObject": "changing", "C_SetAttributeValue": "changing", "C_FindObjects": "reading",
            "C_GetAttributeValue": "reading"} | {name: "creating" for name in CREATES}


@dataclass
class Row:
    """Of one kind of fault, over all runs."""
    times: int = 0
    calls: int = 0
    errors: Counter = field(default_factory=Counter)
    beyond: int = 0  # operations in parts lost beyond what the library keeps: promised
    longest: dict = field(default_factory=lambda: defaultdict(list))  # group: of each fault, its longest call in µs


def under_load(calls):
    """What was asked while faults were injected: not the preparation, not the last reading."""
    return [call for call in calls if call.kind not in ("prepare", "final") and call.ret != inf]


def percentile(values, percent):
    """The smallest value that so many percent do not exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)]


def milliseconds(us):
    return f"{us / 1000:.0f}" if us >= 10_000 else f"{us / 1000:.1f}"


def quiet_times(calls, faults):
    """The gaps between faults, from the first call to the last."""
    start, gaps = min((call.invoke for call in calls), default=0), []
    for fault in sorted(faults, key=lambda fault: fault.start):
        gaps.append((start, fault.start - 1))
        start = max(start, fault.end + 1)
    gaps.append((start, max((call.ret for call in calls), default=0)))
    return [gap for gap in gaps if gap[1] - gap[0] >= QUIET_MIN_US]


class Overlaps:
    def __init__(self, calls):
        self.calls = sorted(calls, key=lambda call: call.invoke)
        self.invokes = [call.invoke for call in self.calls]
        self.longest = max((call.ret - call.invoke for call in calls), default=0)

    def within(self, start, end):
        first, after = bisect_left(self.invokes, start - self.longest), bisect_right(self.invokes, end)
        return [call for call in self.calls[first:after] if call.ret >= start]


def add_window(row, calls):
    longest = {}
    row.times += 1
    row.calls += len(calls)
    for call in calls:
        if is_error(call):
            row.errors[call.outcome] += 1
        row.beyond += "beyond" in call.detail and call.outcome == "CKR_DEVICE_ERROR"
        group = GROUP_OF.get(call.name)
        if group:
            longest[group] = max(longest.get(group, 0), call.took_us)
    for group, took_us in longest.items():
        row.longest[group].append(took_us)


def add_run(rows, calls, faults):
    """rows: a Row for each kind of fault. A call counts for the first that it met: there its stall began."""
    loaded, counted = under_load(calls), set()
    overlaps = Overlaps(loaded)
    for fault in sorted(faults, key=lambda fault: fault.start):
        met = [call for call in overlaps.within(fault.start, fault.end) if call not in counted]
        add_window(rows.setdefault(fault.kind, Row()), met)
        counted.update(met)
    for start, end in quiet_times(loaded, faults):
        add_window(rows.setdefault(QUIET, Row()), [call for call in overlaps.within(start, end) if call.invoke >= start and call.ret <= end])
