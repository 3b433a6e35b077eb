"""Is there an order of the calls on one object that explains all answers?

The search is Wing and Gong's, with Lowe's memory of what was tried already, for each object by itself (what Porcupine calls
partitioning; linearizability is local, so that is enough). An object is made once, may be written, and may be destroyed once; its
state is the value it was written last, or ABSENT.

What an answer may rest on (DESIGN: read your writes; destroyed means destroyed):
- Changes are linearizable: each happens at one moment between its call and its return. One whose outcome is not known may have
  happened at any moment after its call, or never.
- An observation is `strict` if it is, too: reads of a cluster with reads = linearizable, and the last reading of a run.
- Any other may be of the past, but never of a time before what the same process has been told already, or before its first question
  (`since`), and never of a time before a destruction that had returned, unless it is `excused`: a cut-off member under
  minority = serve."""

from dataclasses import dataclass
from math import inf

ABSENT = None
STEPS_MAX = 300_000  # looks at a call; about a second


@dataclass(eq=False)
class Operation:
    action: str  # create, write, destroy; see
    invoke: int
    ret: float  # inf: may have been done, or not
    process: str
    value: object = None  # create, write: what it is then; see: ABSENT, PRESENT or the value that was read
    since: float = -inf  # when its process asked its first question
    is_strict: bool = False
    is_excused: bool = False
    call: object = None

    @property
    def is_sure(self):
        return self.ret != inf


PRESENT = object()


class Undecided(Exception):
    pass


def _after(operation, state):
    """The state after it. ValueError: impossible in this state."""
    if operation.action == "create":
        if state is not ABSENT:
            raise ValueError
        return operation.value
    if state is ABSENT:
        raise ValueError
    return ABSENT if operation.action == "destroy" else operation.value


def _matches(operation, state):
    return state is not ABSENT if operation.value is PRESENT else operation.value == state


class _Sweep:
    """One pass in the order of returns. All that must come before an operation returned before it was invoked, so the pass has seen
    it; what is not placed yet holds back whoever was invoked after its return."""

    def __init__(self, operations, bounds, placed, state):
        self.placed, self.state = bytearray(placed), state
        self.first_unplaced, self.first_destroy, self.first_of = inf, inf, {}
        self.next = []
        self.looks = 0
        i = self.placed.find(0)
        while i >= 0 and bounds[i] <= self.first_unplaced:
            self._look(i, operations[i])
            self.looks += 1
            i = self.placed.find(0, i + 1)

    def _is_free(self, operation):
        if operation.action != "see" or operation.is_strict:
            return self.first_unplaced >= operation.invoke
        return (self.first_unplaced >= operation.since and self.first_of.get(operation.process, inf) >= operation.invoke
                and (operation.is_excused or self.first_destroy >= operation.invoke))

    def _look(self, i, operation):
        if self._is_free(operation):
            if operation.action != "see":
                self.next.append(i)
            elif _matches(operation, self.state):  # changes nothing: as early as it can be is as good as any later
                self.placed[i] = 1
                return
        self.first_unplaced = min(self.first_unplaced, operation.ret)
        self.first_of[operation.process] = min(self.first_of.get(operation.process, inf), operation.ret)
        if operation.action == "destroy":
            self.first_destroy = min(self.first_destroy, operation.ret)


def _bounds(operations):
    """For each place in the order: nobody from there on was invoked earlier. (-inf where somebody may go back in time.)"""
    bounds, earliest = [], inf
    for operation in reversed(operations):
        earliest = min(earliest, -inf if operation.action == "see" and not operation.is_strict else operation.invoke)
        bounds.append(earliest)
    return bounds[::-1]


def explain(operations):
    """None if some order explains all; else the operations that the best order found could not place."""
    operations = sorted(operations, key=lambda operation: operation.ret)
    bounds = _bounds(operations)
    sure = [i for i, operation in enumerate(operations) if operation.is_sure]
    stack, seen, steps = [(bytes(len(operations)), ABSENT)], set(), 0
    best = operations
    while stack:
        placed, state = stack.pop()
        sweep = _Sweep(operations, bounds, placed, state)
        steps += sweep.looks
        if steps > STEPS_MAX:
            raise Undecided
        left = [operations[i] for i in sure if not sweep.placed[i]]
        if not left:
            return None
        if len(left) < len(best):
            best = left
        for i in sorted(sweep.next, key=lambda i: operations[i].ret, reverse=True):  # the first to return is tried first
            try:
                after = _after(operations[i], state)
            except ValueError:
                continue
            sweep.placed[i] = 1
            step = bytes(sweep.placed), after
            sweep.placed[i] = 0
            if step not in seen:
                seen.add(step)
                stack.append(step)
    return best
