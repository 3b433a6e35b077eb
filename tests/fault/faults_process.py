"""Faults of processes: killed, stopped, restarted in the middle of something; wrong clocks; certificates that expire."""
import contextlib
import datetime
import os
import signal
import subprocess
import time

from cluster import write
from world import fault


def kill_at_once(world, nodes, seconds):
    """They are lost at the same moment, and started again after a while."""
    world.begins(",".join(node.name for node in nodes), "seconds=%.1f" % seconds)
    for node in nodes:
        node.tell_to_end(signal.SIGKILL)
    for node in nodes:
        node.await_end()
    world.hold(seconds)
    world.start_again(*nodes)


@fault("kill")
def kill(world, dice):
    choose, seconds = world.pick("follower", dice), dice.uniform(0.1, 1.5)
    kill_at_once(world, [choose()], seconds)


@fault("kill-leader")
def kill_leader(world, dice):
    choose, seconds = world.pick("leader", dice), dice.uniform(0.1, 1.5)
    kill_at_once(world, [choose()], seconds)


@fault("kill-majority", "wait")
def kill_majority(world, dice):
    """More than may be lost: what changes keys waits, signatures go on."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1.5)
    kill_at_once(world, world.others(choose())[:len(world.cluster.nodes) // 2 + 1], seconds)


@fault("kill-all", "wait")
def kill_all(world, dice):
    """Every member is lost at once: calls wait for the first to be back ([recovery] wait), then all is as before."""
    kill_at_once(world, world.cluster.nodes, dice.uniform(0.1, 1.5))


@fault("kill-leaders", "wait")
def kill_leaders(world, dice):
    """The leader, then whoever leads next, before the first is back; a majority is left of five or more."""
    choose, pause = world.pick("leader", dice), dice.uniform(0, 0.3)
    first = choose()
    world.begins(first, "pause=%.1f" % pause)
    first.end(signal.SIGKILL)
    second = world.cluster.leader()
    world.hold(pause)
    world.node += "," + second.name
    second.end(signal.SIGKILL)
    world.start_again(first, second)


def restart(world, node):
    node.end(signal.SIGTERM)
    node.start()
    world.until_serving(node)


@fault("rolling-restart")
def rolling_restart(world, dice):
    """As for an upgrade: each is stopped in good order and started again, one after the other."""
    nodes = dice.sample(world.cluster.nodes, len(world.cluster.nodes))
    world.begins("-", "order=" + "".join(node.name for node in nodes))
    for node in nodes:
        restart(world, node)


@contextlib.contextmanager
def stopped(world, node):
    """It is there, and does nothing to the end of this."""
    node.signal(signal.SIGSTOP)
    yield
    world.felt("stopped", node.is_stopped)
    node.signal(signal.SIGCONT)


def stop_one(world, role, dice):
    choose, seconds = world.pick(role, dice), dice.uniform(0.3, 4)
    node = choose()
    world.lasts(node, seconds, stopped(world, node))


@fault("stop")
def stop(world, dice):
    stop_one(world, "follower", dice)


@fault("stop-leader")
def stop_leader(world, dice):
    stop_one(world, "leader", dice)


@fault("snapshot-restart")
def snapshot_restart(world, dice):
    """Killed when a snapshot has just been begun, or is written, put in its place or has taken that of an older one."""
    choose, moment = world.pick("any", dice), dice.uniform(0, 0.03)
    node = choose()
    before = os.listdir(node.path("state/snapshots"))
    world.begins(node, "moment=%.3f" % moment)
    asked = node.ask("snapshot", node.name)
    world.cluster.until("a snapshot is begun", lambda: os.listdir(node.path("state/snapshots")) != before, 0.001)
    world.hold(moment)
    node.end(signal.SIGKILL)
    asked.communicate()
    world.start_again(node)


@fault("kill-client")
def kill_client(world, dice):
    seconds = dice.uniform(0.3, 2)
    client = world.clients.start("victim", "sign=1,create=1,destroy=1")
    world.clients.until_at_work()
    world.begins("-", "seconds=%.1f" % seconds)
    world.hold(seconds)
    world.clients.kill(client)


JUMPS = (10, -10, 20, -20, 90, -90, 7200, -7200)   # seconds; nodes' messages may be 30 s old


def expiry(node):
    """Between which times the node's certificate ends if its clock is right, as it says itself, in whole seconds; None if it says nothing."""
    asked = time.time()
    left = node.status().get("certificate_seconds")
    return left and (asked + left, time.time() + left + 1)


class Clock:
    """A node's, by libfaketime, which looks at its file once a second."""

    def __init__(self, world, node):
        self.world, self.node = world, node
        self.expiry = world.cluster.until("node %s says how long its certificate is good" % node.name, lambda: expiry(node))

    def is_off_by(self, seconds):
        """By its own word: it may be so, and may not be as it was."""
        now = expiry(self.node)
        return now is not None and self.may_be(now, seconds) and not (seconds and self.may_be(now, 0))

    def may_be(self, now, seconds):
        return now[0] <= self.expiry[1] - seconds and now[1] >= self.expiry[0] - seconds

    def jump(self, seconds):
        write(self.node.path("clock"), "%+d\n" % seconds)

    @contextlib.contextmanager
    def off(self, seconds):
        self.jump(seconds)
        yield
        self.jump(0)
        self.world.cluster.until("the clock of node %s is right again" % self.node.name, lambda: self.is_off_by(0))


@fault("clock", "clock")
def clock(world, dice):
    choose, offset, seconds = world.pick("any", dice), dice.choice(JUMPS), dice.uniform(1.5, 4)
    its_clock = Clock(world, choose())
    world.lasts(its_clock.node, seconds, its_clock.off(offset), "jump=%+d" % offset, ("jumped", lambda: its_clock.is_off_by(offset)))


@fault("clock-stopped", "clock")
def clock_stopped(world, dice):
    """As a machine that was suspended: it was away, and it is later."""
    choose, offset, seconds = world.pick("any", dice), abs(dice.choice(JUMPS)), dice.uniform(1.2, 3)
    its_clock = Clock(world, choose())
    world.begins(its_clock.node, "jump=%+d seconds=%.1f" % (offset, seconds))
    with contextlib.ExitStack() as jumped:
        with stopped(world, its_clock.node):
            jumped.enter_context(its_clock.off(offset))
            world.hold(seconds)
        world.felt("jumped", lambda: its_clock.is_off_by(offset))


def issue(world, node, seconds):
    """A certificate for the node that is good from an hour ago until so many seconds from now, in the place of its own."""
    folder, authority = world.cluster.folder, world.cluster.folder + "/authority"
    settings = node.path("issue.cnf")
    write(settings, "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = craton:node:%s\n[ca]\ndefault_ca = authority\n"
          "[authority]\ndatabase = %s/issue.index\nnew_certs_dir = %s\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n"
          "x509_extensions = node\n[any]\ncommonName = supplied\n[node]\nbasicConstraints = critical,CA:FALSE\n"
          "keyUsage = critical,digitalSignature\nextendedKeyUsage = serverAuth,clientAuth\nsubjectAltName = URI:craton:node:%s\n"
          % (node.name, node.folder, node.folder, node.name))
    write(node.path("issue.index"), "")
    now = datetime.datetime.now(datetime.timezone.utc)
    first, last = ((now + datetime.timedelta(seconds=offset)).strftime("%Y%m%d%H%M%SZ") for offset in (-3600, seconds))
    openssl("req", "-new", "-config", settings, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
            "-keyout", node.path("key.pem"), "-out", node.path("issue.csr"))
    os.chmod(node.path("key.pem"), 0o600)
    openssl("ca", "-batch", "-notext", "-config", settings, "-cert", authority + "/certificate.pem", "-keyfile", authority + "/key.pem",
            "-startdate", first, "-enddate", last, "-in", node.path("issue.csr"), "-out", node.path("certificate.pem"))


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)


@fault("certificate-expiry", "network")
def certificate_expiry(world, dice):
    """Connections that stand live on; the first that has to be made anew finds nobody who trusts the node."""
    choose, seconds = world.pick("any", dice), dice.uniform(1, 3)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    node.end(signal.SIGTERM)
    issue(world, node, 6)
    expiry = time.monotonic() + 7
    node.start()
    node.is_wanted = False     # where the processors are busy it may come too late, and see that itself
    world.cluster.until("node %s serves, or its time is over" % node.name,
                        lambda: world.cluster.serves(node) or time.monotonic() > expiry)
    world.hold(max(0, expiry - time.monotonic()))
    world.network.reset_connections(node.name)
    world.cluster.until("nobody trusts node %s" % node.name, lambda: node.has_ended() or node.status().get("in_contact") is False)
    if node.has_ended():
        node.must_have_ended_with(os.EX_CONFIG)
    world.hold(seconds)
    node.end(signal.SIGTERM)
    issue(world, node, 86400)
    world.start_again(node)
