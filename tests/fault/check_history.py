"""Histories of clients and the log of the faults, as tests/fault/history.h and tests/fault/run write them."""

import glob
import os
from dataclasses import dataclass, field
from math import inf


class BadInput(Exception):
    """A file that is not what it should be: nothing can be said about the run."""


@dataclass(eq=False)
class Call:
    invoke: int
    ret: float  # inf: nobody lived to see it return
    process: str
    thread: str
    name: str
    objects: list
    outcome: str  # a CK_RV's name, or "invoked"
    detail: dict
    where: str  # file:line
    line: str = field(repr=False, default="")

    @property
    def kind(self):  # of thread: sign-3 is of the kind sign
        return self.thread.rsplit("-", 1)[0]

    @property
    def is_final(self):  # of the last reading, when all is healed
        return self.process.startswith("final")

    @property
    def took_us(self):
        """The longest single call of the application that this line tells of."""
        return int(self.detail["longest_us"]) if "longest_us" in self.detail else self.ret - self.invoke


@dataclass
class Fault:
    start: int
    end: int
    kind: str
    node: str
    detail: str


# What an outcome says of a call that changes something, as docs/reliability.md tells applications. After any other error nothing was done.
GONE = {"CKR_OBJECT_HANDLE_INVALID", "CKR_KEY_HANDLE_INVALID"}  # there is no such object
PERHAPS_DONE = {"CKR_DEVICE_REMOVED", "CKR_DEVICE_ERROR", "CKR_FUNCTION_FAILED", "CKR_HOST_MEMORY", "CKR_CRYPTOKI_NOT_INITIALIZED",
                "invoked"}  # a member was lost, or no majority answered in time, or nobody lived to hear it


def _words(text):
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def _call(line, where):
    fields = line.split("\t")
    if len(fields) != 8:
        raise BadInput(f"{where}: not eight fields: {line!r}")
    invoke, ret, process, thread, name, objects, outcome, detail = fields
    try:
        times = int(invoke), inf if ret == "-" else int(ret)
    except ValueError:
        raise BadInput(f"{where}: not a time: {line!r}") from None
    if times[1] < times[0]:
        raise BadInput(f"{where}: returned before it was invoked: {line!r}")
    return Call(*times, process, thread, name, [] if objects == "-" else objects.split("+"), outcome, _words(detail), where, line)


def _lines(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text and not text.endswith("\n"):
        raise BadInput(f"{path}: its last line is cut off")
    return text.splitlines()


def read_history(path):
    """All calls of one client process. A call that changes something and never returned is there with outcome "invoked"."""
    calls, begun = [], {}
    for number, line in enumerate(_lines(path), 1):
        call = _call(line, f"{path}:{number}")
        thread = call.process, call.thread
        if call.outcome == "invoked":
            if thread in begun:
                raise BadInput(f"{call.where}: {call.thread} began another call before {begun[thread].where} returned")
            begun[thread] = call
        else:
            first = begun.pop(thread, None)
            if first and (first.invoke, first.name) != (call.invoke, call.name):
                raise BadInput(f"{call.where}: {first.where} never returned")
            calls.append(call)
    return calls + list(begun.values())


def read_faults(path):
    faults = []
    for number, line in enumerate(_lines(path), 1):
        fields = line.split("\t") + [""]
        if len(fields) < 5 or not (fields[0].isdigit() and fields[1].isdigit()):
            raise BadInput(f"{path}:{number}: not a fault: {line!r}")
        faults.append(Fault(int(fields[0]), int(fields[1]), *fields[2:5]))
    return faults


@dataclass
class Run:
    """One run as tests/fault/run leaves it in a folder: nemesis.log, *.history, and run.txt (name = value)."""
    facts: dict
    calls: list
    faults: list

    @property
    def members(self):
        return int(self.facts["members"])


def _facts(path):
    with open(path, encoding="utf-8") as file:
        return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in file)}


def read_run(folder):
    histories = sorted(glob.glob(os.path.join(folder, "*.history")))
    if not histories:
        raise BadInput(f"{folder}: no histories")
    return Run(_facts(os.path.join(folder, "run.txt")), [call for path in histories for call in read_history(path)],
               read_faults(os.path.join(folder, "nemesis.log")))
