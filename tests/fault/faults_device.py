"""Faults of what a node stands on: its token (token/) and its disk (disk/)."""
import os
import time

from cluster import write
from world import fault

# DEVICE_ERROR, DEVICE_REMOVED, TOKEN_NOT_PRESENT, SESSION_HANDLE_INVALID, SESSION_CLOSED, USER_NOT_LOGGED_IN
TOKEN_ERRORS = (0x30, 0x32, 0xE0, 0xB3, 0xB0, 0x101)
ENDS_WITHIN_SECONDS = 5


def token_is(node, text=""):
    write(node.path("shim.conf"), text)


def disk_is(node, text=""):
    write(node.path("disk.control"), text)


def calls_that_hang(node):
    try:
        with open(node.path("shim.conf.hung")) as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0


@fault("token-hang", "token")
def token_hang(world, dice):
    """All calls, or only signatures, and those perhaps when the token has done its work."""
    choose, seconds = world.pick("any", dice), dice.uniform(1, 5)
    which = dice.choice(("", "hang_function = C_Sign\n", "hang_function = C_Sign\nhang_when = after\n"))
    node = choose()
    node.may_end = True    # the node gives up a token that never answers
    world.begins(node, "seconds=%.1f %s" % (seconds, " ".join(which.split()) or "all"))
    token_is(node, "hang = yes\n" + which)
    world.hold(seconds)
    world.felt(calls_that_hang(node), "calls")
    token_is(node)


@fault("token-stuck", "token")
def token_stuck(world, dice):
    """Its calls never return: the node is to say so, and to restart itself."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    since = time.monotonic()
    token_is(node, "hang = yes\n")
    world.cluster.until("node %s says that its token hangs" % node.name, lambda: node.status().get("state") == "token hangs")
    world.cluster.until("node %s has restarted itself" % node.name, lambda: not node.status() or node.started_after(since))
    world.hold(seconds)
    token_is(node)
    world.until_serving(node)


def errors_counted(node):
    return node.status().get("counters", {}).get("token_errors", 0)


@fault("token-error", "token")
def token_error(world, dice):
    choose, seconds, error = world.pick("any", dice), dice.uniform(0.3, 3), dice.choice(TOKEN_ERRORS)
    node = choose()
    before = errors_counted(node)
    world.begins(node, "seconds=%.1f error=0x%x" % (seconds, error))
    token_is(node, "error = 0x%x\n" % error)
    world.hold(seconds)
    world.felt(errors_counted(node) - before, "errors")
    token_is(node)


@fault("token-removed", "token")
def token_removed(world, dice):
    """Pulled out of its slot, and put back; what sessions there were are gone."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.3, 3)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    token_is(node, "removed = yes\n")
    world.hold(seconds)
    token_is(node)


@fault("token-restart", "token")
def token_restart(world, dice):
    """All its sessions and session objects are gone, and it works."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.5, 1.5)
    node = choose()
    world.begins(node)
    token_is(node, "lose_sessions = %d\n" % (world.count + 1))
    world.hold(seconds)


@fault("slow-token", "token")
def slow_token(world, dice):
    choose, seconds, wait_us = world.pick("any", dice), dice.uniform(1, 3), dice.choice((20000, 200000, 1000000))
    node = choose()
    world.begins(node, "seconds=%.1f latency_us=%d" % (seconds, wait_us))
    token_is(node, "latency_us = %d\n" % wait_us)
    world.hold(seconds)
    token_is(node)


@fault("token-crash", "token")
def token_crash(world, dice):
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    token_is(node, "crash = yes\n")
    ended = world.until_ended(node, ENDS_WITHIN_SECONDS)
    world.detail += "" if ended else " not called"
    token_is(node)
    world.hold(seconds)
    world.revive(node)
    world.until_serving(node)


@fault("slow-disk", "disk")
def slow_disk(world, dice):
    choose, seconds, wait_us = world.pick("any", dice), dice.uniform(1, 4), dice.choice((20000, 100000, 400000))
    node = choose()
    world.begins(node, "seconds=%.1f fsync_us=%d" % (seconds, wait_us))
    disk_is(node, "fsync_us = %d\n" % wait_us)
    world.hold(seconds)
    disk_is(node)


@fault("fsync-error", "disk")
def fsync_error(world, dice):
    """What was written may not be there: the node stops rather than guess."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    disk_is(node, "fsync_error = yes\n")
    ended = world.until_ended(node, ENDS_WITHIN_SECONDS)
    world.detail += "" if ended else " it went on"
    world.hold(seconds)
    disk_is(node)
    world.revive(node)
    world.until_serving(node)


def fill(path):
    with open(path, "wb") as file:
        size = 1 << 20
        while size:
            try:
                while True:
                    os.write(file.fileno(), bytes(size))
            except OSError:
                size //= 2 if size > 1 else 2


@fault("disk-full", "space")
def disk_full(world, dice):
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    fill(node.path("state/filler"))
    ended = world.until_ended(node, ENDS_WITHIN_SECONDS)
    world.detail += "" if ended else " it went on"
    world.hold(seconds)
    os.remove(node.path("state/filler"))
    world.revive(node)
    world.until_serving(node)
