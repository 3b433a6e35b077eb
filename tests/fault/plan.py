"""Which faults in which order: from the seed and nothing else."""
import random
import time


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
