"""What a run's histories must be: each rule gives the violations it finds, as sentences."""

from collections import defaultdict
from math import inf

from check_history import GONE, PERHAPS_DONE
from check_objects import ABSENT, PRESENT, Operation, Undecided, explain

CREATES = {"C_GenerateKeyPair", "C_GenerateKey", "C_CreateObject"}
CHANGES = {"C_DestroyObject": "destroy", "C_SetAttributeValue": "write"} | {name: "create" for name in CREATES}
READS = {"C_FindObjects", "C_GetAttributeValue"}

# After these a member may be out of contact and not know what was destroyed.
CUTTING = ("partition", "stop", "half-open", "loss", "delay", "stall", "cut", "drip", "clock", "certificate")


class Rules:
    """By the cluster's settings."""

    def __init__(self, settings):
        self.reads, self.minority = settings.get("reads", "session"), settings.get("minority", "serve")

    def cuts(self, faults):
        """When a member may have been out of contact: until all said again that they are not. Under minority = refuse such a one
        serves nobody."""
        if self.minority == "refuse":
            return []
        return [(fault.start, fault.end) for fault in faults if fault.kind.startswith(CUTTING)]


def _operation(call, rules, cuts, since):
    """What the call says about its object; None: nothing."""
    action = CHANGES.get(call.name)
    answer = dict(process=call.process, call=call, invoke=call.invoke, ret=call.ret)
    if action and call.outcome == "CKR_OK":
        return Operation(action, value=call.detail.get("value"), **answer)
    if action and call.outcome not in GONE:
        return Operation(action, value=call.detail.get("value"), **answer | {"ret": inf}) if call.outcome in PERHAPS_DONE else None
    seen = _seen(call)
    if seen is None:
        return None
    return Operation("see", value=seen[0], since=since[call.process], is_strict=call.is_final or rules.reads == "linearizable",
                     is_excused=any(start <= call.ret and call.invoke <= end for start, end in cuts), **answer)


def _seen(call):
    """(what it was,), or None: an error says nothing."""
    if call.outcome in GONE:
        return (ABSENT,)
    if call.outcome != "CKR_OK":
        return None
    if call.name == "C_FindObjects":
        return (PRESENT if int(call.detail["count"]) else ABSENT,)
    return (call.detail.get("value", PRESENT) if call.name == "C_GetAttributeValue" else PRESENT,)


def _name_of(operations, left):
    """The violation in the words of the promise it breaks."""
    sees = [operation for operation in left if operation.action == "see"]
    made = [operation for operation in operations if operation.action == "create"]
    destroyed = [operation for operation in operations if operation.action == "destroy"]
    sure_end = min((operation.ret for operation in destroyed), default=inf)
    late = [see for see in sees if see.value is not ABSENT and see.invoke > sure_end]
    if len([operation for operation in destroyed if operation.is_sure]) > 1:
        return "destroyed twice"
    if any(see.call.name not in READS for see in late):
        return "used after its destruction"
    if late:
        return "resurrected"
    if any(see.value is ABSENT and any(see.invoke > create.ret for create in made) for see in sees):
        return "lost"
    if any(see.value is not ABSENT for see in sees) and not made:
        return "never made, but there"
    return "no order of the calls explains the answers"


def by_object(calls):
    objects = defaultdict(list)
    for call in calls:
        for name in call.objects:
            objects[name].append(call)
    return objects


def objects_explained(calls, faults, rules):
    """Violations, and the objects about which nothing could be said."""
    cuts, since, violations, undecided = rules.cuts(faults), defaultdict(lambda: inf), [], []
    for call in calls:
        since[call.process] = min(since[call.process], call.invoke)
    for name, of_object in sorted(by_object(calls).items()):
        operations = [operation for operation in (_operation(call, rules, cuts, since) for call in of_object) if operation]
        try:
            left = explain(operations)
        except Undecided:
            undecided.append(name)
            continue
        if left:
            story = sorted(set(left[:5] + [operation for operation in operations if operation.action != "see"]),
                           key=lambda operation: operation.invoke)
            violations.append(f"{name}: {_name_of(operations, left)}" + shown(*(operation.call for operation in story)))
    return violations, undecided


def shown(*calls):
    return "".join(f"\n    {call.where}: {call.line}" for call in calls)


def last_readings_agree(calls):
    """In the end all members say the same of an object, also of one of which nobody heard whether it was made."""
    said = defaultdict(dict)  # of an object and a call: what it was, and who said so
    for call in calls:
        if call.is_final and call.objects and (call.name == "C_FindObjects" or "value" in call.detail) and _seen(call):
            said[call.objects[0], call.name].setdefault(_seen(call)[0], call)
    return [f"{name}: members differ in the end" + shown(*answers.values()) for (name, _), answers in sorted(said.items(), key=lambda item: item[0])
            if len(answers) > 1]


def pairs_whole(calls):
    """Also where nobody heard whether a pair was made there are both of its keys, or none."""
    destroyed = {name for call in calls if call.name == "C_DestroyObject" for name in call.objects}
    last = {call.objects[0]: call for call in calls if call.is_final and call.name == "C_FindObjects" and call.objects and _seen(call)}
    made = [call for call in calls if call.name in CREATES and call.outcome in PERHAPS_DONE and not destroyed & set(call.objects)]
    finds = [(call, [last[name] for name in call.objects if name in last]) for call in made]
    return [f"{'+'.join(call.objects)}: made in part" + shown(call, *found) for call, found in finds
            if len({_seen(find)[0] for find in found}) > 1]


def found_once(calls):
    return [f"{call.objects[0]}: duplicated" + shown(call) for call in calls
            if call.name == "C_FindObjects" and call.objects and int(call.detail.get("count", 0)) > 1]


def answers_true(calls):
    return [f"{','.join(call.objects) or '-'}: wrong answer: {call.detail['wrong']}" + shown(call) for call in calls
            if "wrong" in call.detail]


def handles_stable(calls):
    """A handle means the same object for the life of the process. (A pair's is its private key's.)"""
    meant, violations = {}, []
    for call in sorted(calls, key=lambda call: call.ret):
        handle = int(call.detail.get("handle", 0))
        if not handle or not call.objects:
            continue
        first = meant.setdefault((call.process, handle), call)
        if first.objects[0] != call.objects[0]:
            violations.append(f"{call.objects[0]}: handle {handle} meant another object before" + shown(first, call))
    return violations


def sessions_usable(calls):
    """Whatever became of an operation, its session takes the next."""
    return [f"{','.join(call.objects) or '-'}: the session was not usable" + shown(call) for call in calls
            if call.outcome in ("CKR_OPERATION_ACTIVE", "CKR_OPERATION_NOT_INITIALIZED")]


def is_error(call):
    """Something that an application would not have seen without faults. Beyond the replay limit a loss is promised to be an error."""
    if call.outcome in GONE | {"CKR_OK", "invoked"}:
        return False
    return not (call.outcome == "CKR_DEVICE_ERROR" and "beyond" in call.detail)


def without_errors(calls):
    return [f"{','.join(call.objects) or '-'}: an error" + shown(call) for call in calls if is_error(call)]


RULES = last_readings_agree, pairs_whole, found_once, answers_true, handles_stable, sessions_usable


def judge(calls, faults, rules, no_errors=False):
    """All violations, and the objects about which nothing could be said."""
    violations, undecided = objects_explained(calls, faults, rules)
    for rule in RULES + ((without_errors,) if no_errors else ()):
        violations += rule(calls)
    return violations, undecided


def unread(calls, members):
    """Last readings, one of each member, and what is missing of them: acknowledged token objects that one did not get to see or miss.
    (A session's objects end with it.)"""
    readers = sorted({call.process for call in calls if call.is_final})
    made = {name for call in calls if call.name in CREATES and call.outcome == "CKR_OK" and call.kind != "session"
            for name in call.objects}
    read = {(call.process, name) for call in calls if call.is_final and call.name == "C_FindObjects" and call.outcome == "CKR_OK"
            for name in call.objects}
    missing = members - len(readers)
    return readers, [f"anything through {missing} of {members} members"] * (missing > 0) + [
        f"{name} through {reader}" for reader in readers for name in sorted(made) if (reader, name) not in read]
