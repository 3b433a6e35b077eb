"""Faults of processes: killed, stopped, restarted in the middle of something; wrong clocks; certificates that expire."""
import datetime
import os
import signal
import subprocess

from cluster import write
from world import fault


def kill_one(world, role, dice):
    choose, seconds = world.pick(role, dice), dice.uniform(0.1, 1.5)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    node.end(signal.SIGKILL)
    world.hold(seconds)
    world.starts()
    node.start()
    world.until_serving(node)


@fault("kill")
def kill(world, dice):
    kill_one(world, "follower", dice)


@fault("kill-leader")
def kill_leader(world, dice):
    kill_one(world, "leader", dice)


@fault("kill-majority")
def kill_majority(world, dice):
    """More than may be lost: what changes keys waits, signatures go on."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.1, 1.5)
    spared = choose()
    lost = world.others(spared)[:len(world.cluster.nodes) // 2 + 1]
    world.begins(",".join(node.name for node in lost), "seconds=%.1f" % seconds)
    for node in lost:
        node.end(signal.SIGKILL)
    world.hold(seconds)
    world.starts()
    for node in lost:
        node.start()
    for node in lost:
        world.until_serving(node)


@fault("kill-all", "wait")
def kill_all(world, dice):
    """Every member is lost at once: calls wait for the first to be back ([recovery] wait), then all is as before."""
    seconds = dice.uniform(0.1, 1.5)
    world.begins("-", "seconds=%.1f" % seconds)
    for node in world.cluster.nodes:
        node.is_wanted = False
        node.signal(signal.SIGKILL)
    for node in world.cluster.nodes:
        node.end(signal.SIGKILL)
    world.hold(seconds)
    world.starts()
    for node in world.cluster.nodes:
        node.start()
    for node in world.cluster.nodes:
        world.until_serving(node)


@fault("kill-leaders")
def kill_leaders(world, dice):
    """The leader, then whoever leads next, before the first is back; a majority is left of five or more."""
    choose, pause = world.pick("leader", dice), dice.uniform(0, 0.3)
    lost = [choose()]
    world.begins(lost[0], "pause=%.1f" % pause)
    lost[0].end(signal.SIGKILL)
    lost.append(world.cluster.leader())
    world.hold(pause)
    world.node += "," + lost[1].name
    lost[1].end(signal.SIGKILL)
    world.starts()
    for node in lost:
        node.start()
    for node in lost:
        world.until_serving(node)


@fault("rolling-restart")
def rolling_restart(world, dice):
    """As for an upgrade: each is stopped in good order and started again, one after the other."""
    nodes = dice.sample(world.cluster.nodes, len(world.cluster.nodes))
    world.begins("-", "order=" + "".join(node.name for node in nodes))
    for node in nodes:
        restart(world, node)


def stop_one(world, role, dice):
    choose, seconds = world.pick(role, dice), dice.uniform(0.3, 4)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    node.signal(signal.SIGSTOP)
    world.hold(seconds)
    node.signal(signal.SIGCONT)


@fault("stop")
def stop(world, dice):
    stop_one(world, "follower", dice)


@fault("stop-leader")
def stop_leader(world, dice):
    stop_one(world, "leader", dice)


@fault("snapshot-restart")
def snapshot_restart(world, dice):
    choose, moment = world.pick("any", dice), dice.uniform(0.005, 0.12)
    node = choose()
    world.begins(node, "moment=%.3f" % moment)
    asked = node.ask("snapshot", node.name)
    world.hold(moment)
    node.end(signal.SIGKILL)
    asked.communicate()
    world.starts()
    node.start()
    world.until_serving(node)


@fault("kill-client")
def kill_client(world, dice):
    seconds = dice.uniform(0.3, 2)
    world.begins("-", "seconds=%.1f" % seconds)
    client = world.clients.start("victim", "sign=1,create=1,destroy=1")
    world.hold(seconds)
    world.clients.kill(client)


JUMPS = (3, -3, 20, -20, 90, -90, 7200, -7200)   # seconds; nodes' messages may be 30 s old


def jump(node, seconds):
    write(node.path("clock"), "%+d\n" % seconds)


@fault("clock", "clock")
def clock(world, dice):
    choose, offset, seconds = world.pick("any", dice), dice.choice(JUMPS), dice.uniform(1.5, 4)
    node = choose()
    world.begins(node, "jump=%+d seconds=%.1f" % (offset, seconds))
    jump(node, offset)
    world.hold(seconds)
    jump(node, 0)
    world.hold(1.1)    # libfaketime looks at the file once a second


@fault("clock-stopped", "clock")
def clock_stopped(world, dice):
    """As a machine that was suspended: it was away, and it is later."""
    choose, offset, seconds = world.pick("any", dice), abs(dice.choice(JUMPS)), dice.uniform(1.2, 3)
    node = choose()
    world.begins(node, "jump=%+d seconds=%.1f" % (offset, seconds))
    node.signal(signal.SIGSTOP)
    jump(node, offset)
    world.hold(seconds)
    node.signal(signal.SIGCONT)
    world.hold(1.1)
    jump(node, 0)
    world.hold(1.1)


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


def restart(world, node):
    node.end(signal.SIGTERM)
    node.start()
    world.until_serving(node)


@fault("certificate-expiry", "network")
def certificate_expiry(world, dice):
    """Connections that stand live on; the first that has to be made anew finds nobody who trusts the node."""
    choose, seconds = world.pick("any", dice), dice.uniform(1, 3)
    node = choose()
    issue(world, node, 6)
    end = datetime.datetime.now() + datetime.timedelta(seconds=7)
    world.begins(node, "seconds=%.1f" % seconds)
    restart(world, node)
    world.hold(max(0, (end - datetime.datetime.now()).total_seconds()))
    world.network.reset_connections(node.name)
    world.hold(seconds)
    issue(world, node, 86400)
    restart(world, node)
