"""Faults of the network between nodes, and between clients and nodes."""
import contextlib
import signal

from network import CLIENT_PORT, CLIENTS, PEER_PORT
from world import fault


@contextlib.contextmanager
def changed(world, change, *arguments):
    """The network is so meanwhile."""
    change(*arguments)
    yield
    world.network.heal()


def trouble(world, node, seconds, detail, change, *arguments):
    """Packets are kept away, or connections led elsewhere, by what change(...) tells the network."""
    world.lasts(node, seconds, changed(world, change, *arguments), detail, ("packets", world.network.caught))


def both_ways(one, other):
    return (one, other), (other, one)


def between(parts):
    """All pairs of nodes of which one is in one part and one in another."""
    return [(one.name, other.name) for part in parts for one in part for rest in parts if rest is not part for other in rest]


def partition(world, who, parts, seconds, *more):
    detail = "parts=" + "|".join("".join(node.name for node in part) for part in parts)
    trouble(world, who, seconds, detail, world.network.block, *between(parts), *more)


@fault("partition-full", "network")
def partition_full(world, dice):
    """Every node is alone, and the clients see them all."""
    seconds = dice.uniform(0.5, 3)
    partition(world, "-", [[node] for node in world.cluster.nodes], seconds)


@fault("partition-minority", "network")
def partition_minority(world, dice):
    choose, seconds, takes_clients = world.pick("follower", dice), dice.uniform(0.5, 4), dice.random() < 0.3
    node = choose()
    partition(world, node, [[node], world.others(node)], seconds, *(both_ways(node.name, CLIENTS) if takes_clients else ()))


@fault("partition-leader", "network")
def partition_leader(world, dice):
    choose, seconds = world.pick("leader", dice), dice.uniform(0.5, 4)
    node = choose()
    partition(world, node, [[node], world.others(node)], seconds)


@fault("partition-kill", "network")
def partition_kill(world, dice):
    """The leader is alone and takes what it is asked in vain; it is killed before it hears that others went on without it."""
    choose, seconds, rest = world.pick("leader", dice), dice.uniform(0.3, 3), dice.uniform(0, 1)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    with changed(world, world.network.block, *between([[node], world.others(node)])):
        world.felt("packets", world.network.caught)
        world.hold(seconds)
        node.end(signal.SIGKILL)
    world.hold(rest)
    world.start_again(node)


@fault("partition-bridge", "network")
def partition_bridge(world, dice):
    """Two halves that see nothing of each other, and one node that sees both."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.5, 4)
    node = choose()
    rest = world.others(node)
    partition(world, node, [rest[:len(rest) // 2], rest[len(rest) // 2:]], seconds)


@fault("partition-one-way", "network")
def partition_one_way(world, dice):
    """What one node sends, or what it is sent, does not arrive; the other way all is well."""
    choose, seconds, sends = world.pick("any", dice), dice.uniform(0.5, 4), dice.random() < 0.5
    node = choose()
    pairs = [(node.name, other.name) for other in world.others(node)]
    trouble(world, node, seconds, "it is not heard" if sends else "it does not hear",
            world.network.block, *(pairs if sends else [pair[::-1] for pair in pairs]))


@fault("partition-clients", "network")
def partition_clients(world, dice):
    """The clients lose sight of a node that the other nodes see."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.5, 4)
    node = choose()
    trouble(world, node, seconds, "", world.network.block, *both_ways(node.name, CLIENTS))


@fault("loss", "network")
def loss(world, dice):
    choose, seconds, percent = world.pick("any", dice), dice.uniform(1, 4), dice.choice((2, 10, 30))
    node = choose()
    trouble(world, node, seconds, "percent=%d" % percent, world.network.lose, node.name, percent)


@fault("half-open", "network")
def half_open(world, dice):
    choose, seconds = world.pick("any", dice), dice.uniform(1, 5)
    node = choose()
    trouble(world, node, seconds, "", world.network.forget_connections, node.name)


@fault("reset", "network")
def reset(world, dice):
    """Again as soon as anybody is connected."""
    choose, times = world.pick("any", dice), dice.randint(1, 4)
    node = choose()
    world.begins(node, "times=%d" % times)
    for _ in range(times):
        world.cluster.until("connections of node %s are reset" % node.name, lambda: world.network.reset_connections(node.name))


def lead_by_relay(world, node, way, order):
    """They were connected, so each connection is reset first; the relay is told when it is in use."""
    network = world.network
    if way != "peers":
        network.detour(CLIENTS, node.name, CLIENT_PORT)
    for other in world.others(node) if way != "clients" else ():
        network.detour(other.name, node.name, PEER_PORT)
        network.detour(node.name, other.name, PEER_PORT)
    network.reset_connections(node.name)
    world.cluster.until("there are connections by a relay", network.caught)
    for relay in network.relays.values():
        relay.order(order)


def by_relay(world, dice, order):
    """Clients or peers, or both, reach a node by a relay."""
    choose, seconds, way = world.pick("any", dice), dice.uniform(1, 4), dice.choice(("clients", "peers", "both"))
    node = choose()
    trouble(world, node, seconds, "way=%s %s" % (way, order), lead_by_relay, world, node, way, order)


@fault("delay", "network")
def delay(world, dice):
    by_relay(world, dice, "delay %d" % dice.choice((5, 20, 80, 400)))


@fault("stall", "network")
def stall(world, dice):
    by_relay(world, dice, "stall")


@fault("drip", "network")
def drip(world, dice):
    by_relay(world, dice, "drip %d %d" % (dice.choice((1, 7, 50)), dice.choice((1, 10))))


@fault("cut", "network")
def cut(world, dice):
    by_relay(world, dice, "cut %d" % dice.randint(1, 4000))
