"""Which faults, of those that are possible, and in which order: that from the seed and nothing else."""
import random
import time

from cluster import Unable
from equipment import NOT_INSTALLED


def possible(asked, why_not, is_complete):
    """Those kinds for which there is what they need; says which are not. `is_complete`: what is not installed may not be the reason,
    what the system denies (namespaces) may."""
    kinds = []
    for kind in asked:
        reasons = sorted("%s: %s" % (need, why_not[need]) for need in kind.needs if why_not[need])
        if not reasons:
            kinds.append(kind)
        elif is_complete and any(NOT_INSTALLED in reason for reason in reasons):
            raise Unable("not possible here: %s (needs %s)" % (kind.name, ", ".join(reasons)))
        else:
            print("not possible here: %s (needs %s)" % (kind.name, ", ".join(reasons)))
    if not kinds:
        raise Unable("none of the faults asked for is possible here")
    return kinds


def mix(seed, kinds, seconds, each):
    """Round after round of all kinds, each round in an order of its own, until the time is over; `each`: and the first round, too."""
    dice, end, is_first = random.Random(seed), time.monotonic() + seconds, True
    while True:
        for kind in dice.sample(kinds, len(kinds)):
            if time.monotonic() >= end and not (each and is_first):
                return
            yield kind
        is_first = False


def kills(seed, kinds, count):
    """So many kills; after every tenth a stop, where there are such."""
    dice = random.Random(seed)
    deadly = [kind for kind in kinds if kind.name.startswith("kill")]
    others = [kind for kind in kinds if kind not in deadly]
    for number in range(1, count + 1):
        yield dice.choice(deadly)
        if others and number % 10 == 0:
            yield dice.choice(others)
