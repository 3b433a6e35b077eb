"""Faults of what a node stands on: its token (token/) and its disk (disk/)."""
import contextlib
import os
import signal
import time

from cluster import write
from world import fault

# DEVICE_ERROR, DEVICE_REMOVED, TOKEN_NOT_PRESENT, SESSION_HANDLE_INVALID, SESSION_CLOSED, USER_NOT_LOGGED_IN
TOKEN_ERRORS = (0x30, 0x32, 0xE0, 0xB3, 0xB0, 0x101)


@contextlib.contextmanager
def said(path, text):
    """A control file says so meanwhile."""
    write(path, text)
    yield
    write(path, "")


def token_is(node, text):
    return said(node.path("shim.conf"), text)


def disk_is(node, text):
    return said(node.path("disk.control"), text)


def orders_met_from_now(control):
    """For World.felt: the shim tells of each order in its control file that a call, or a write, has met."""
    def count():
        return os.path.getsize(control + ".met") if os.path.exists(control + ".met") else 0
    before = count()
    return "met", lambda: count() - before


def trouble_from_now(node):
    """For World.felt: calls to which the token answered an error, and times that the node's own look found it out."""
    def count():
        return node.status().get("counters", {}).get("token_errors", 0) + node.times_said('was="serving"')
    before = count()
    return "trouble", lambda: max(0, count() - before)


@fault("token-hang", "token")
def token_hang(world, dice):
    """All calls, or only signatures, and those perhaps when the token has done its work."""
    choose, seconds = world.pick("any", dice), dice.uniform(1, 5)
    which = dice.choice(("", "hang_function = C_Sign\n", "hang_function = C_Sign\nhang_when = after\n"))
    node = choose()
    world.lasts(node, seconds, token_is(node, "hang = yes\n" + which), " ".join(which.split()) or "all",
                orders_met_from_now(node.path("shim.conf")))


@fault("token-stuck", "token")
def token_stuck(world, dice):
    """Its calls never return: the node is to say so, and to restart itself."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    since = time.monotonic()
    with token_is(node, "hang = yes\n"):
        world.cluster.until("node %s says that its token hangs" % node.name, lambda: node.status().get("state") == "token hangs")
        world.cluster.until("node %s has restarted itself" % node.name, lambda: node.started_after(since))
        world.hold(seconds)
    world.until_serving(node)


@fault("token-error", "token")
def token_error(world, dice):
    choose, seconds, error = world.pick("any", dice), dice.uniform(0.3, 3), dice.choice(TOKEN_ERRORS)
    node = choose()
    world.lasts(node, seconds, token_is(node, "error = 0x%x\n" % error), "error=0x%x" % error, trouble_from_now(node))


@fault("token-removed", "token")
def token_removed(world, dice):
    """Pulled out of its slot, and put back; what sessions there were are gone."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.3, 3)
    node = choose()
    world.lasts(node, seconds, token_is(node, "removed = yes\n"), "", trouble_from_now(node))


@fault("token-restart", "token")
def token_restart(world, dice):
    """All its sessions and session objects are gone, and it works."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.5, 1.5)
    node = choose()
    number = world.injected["token-restart"] + 1
    world.lasts(node, seconds, token_is(node, "lose_sessions = %d\n" % number), "", trouble_from_now(node))


@fault("slow-token", "token")
def slow_token(world, dice):
    choose, seconds, wait_us = world.pick("any", dice), dice.uniform(1, 3), dice.choice((20000, 200000, 1000000))
    node = choose()
    world.lasts(node, seconds, token_is(node, "latency_us = %d\n" % wait_us), "latency_us=%d" % wait_us, orders_met_from_now(node.path("shim.conf")))


@fault("slow-disk", "disk")
def slow_disk(world, dice):
    choose, seconds, wait_us = world.pick("any", dice), dice.uniform(1, 4), dice.choice((20000, 100000, 400000))
    node = choose()
    world.lasts(node, seconds, disk_is(node, "fsync_us = %d\n" % wait_us), "fsync_us=%d" % wait_us,
                orders_met_from_now(node.path("disk.control")))


STOPS_RATHER_THAN_GUESS = os.EX_SOFTWARE    # cratond(8), EXIT STATUS


def end_by(world, dice, harm, status):
    """What harm(node) does ends the process of a node, in this way and no other: it is started again when all is put right."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    node.is_wanted = False
    with harm(node):
        world.cluster.until("node %s has ended" % node.name, node.has_ended)
        node.must_have_ended_with(status)
        world.hold(seconds)
    world.start_again(node)


@fault("token-crash", "token")
def token_crash(world, dice):
    end_by(world, dice, lambda node: token_is(node, "crash = yes\n"), -signal.SIGABRT)


@fault("fsync-error", "disk")
def fsync_error(world, dice):
    """What was written may not be there: the node stops rather than guess."""
    end_by(world, dice, lambda node: disk_is(node, "fsync_error = yes\n"), STOPS_RATHER_THAN_GUESS)


@contextlib.contextmanager
def full(path):
    """The file system of this file has not a byte to spare."""
    with open(path, "wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    yield
    os.remove(path)


@fault("disk-full", "space")
def disk_full(world, dice):
    end_by(world, dice, lambda node: full(node.path("state/filler")), STOPS_RATHER_THAN_GUESS)
