"""Faults of the network between nodes, and between clients and nodes."""
import signal

from network import CLIENT_PORT, CLIENTS, PEER_PORT
from world import fault


def both_ways(one, other):
    return (one, other), (other, one)


def cut_apart(world, parts):
    """Nobody in one part hears anybody in another."""
    world.network.block(*((one.name, other.name) for part in parts for one in part
                          for rest in parts if rest is not part for other in rest))


def heal(world):
    """The rules go; they did keep packets away, or turn connections, or nothing was tried at all."""
    world.felt(world.network.dropped(), "packets")
    world.network.heal()


def partition(world, who, parts, seconds):
    world.begins(who, "seconds=%.1f parts=%s" % (seconds, "|".join("".join(node.name for node in part) for part in parts)))
    cut_apart(world, parts)
    world.hold(seconds)
    heal(world)


@fault("partition-full", "network")
def partition_full(world, dice):
    """Every node is alone, and the clients see them all."""
    seconds = dice.uniform(0.5, 3)
    partition(world, "-", [[node] for node in world.cluster.nodes], seconds)


@fault("partition-minority", "network")
def partition_minority(world, dice):
    choose, seconds, takes_clients = world.pick("follower", dice), dice.uniform(0.5, 4), dice.random() < 0.3
    node = choose()
    if takes_clients:
        world.network.block(*both_ways(node.name, CLIENTS))
    partition(world, node, [[node], world.others(node)], seconds)


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
    cut_apart(world, [[node], world.others(node)])
    world.hold(seconds)
    node.end(signal.SIGKILL)
    heal(world)
    world.hold(rest)
    world.starts()
    node.start()
    world.until_serving(node)


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
    world.begins(node, "seconds=%.1f %s" % (seconds, "it is not heard" if sends else "it does not hear"))
    world.network.block(*(pairs if sends else [pair[::-1] for pair in pairs]))
    world.hold(seconds)
    heal(world)


@fault("partition-clients", "network")
def partition_clients(world, dice):
    """The clients lose sight of a node that the other nodes see."""
    choose, seconds = world.pick("any", dice), dice.uniform(0.5, 4)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    world.network.block(*both_ways(node.name, CLIENTS))
    world.hold(seconds)
    heal(world)


@fault("loss", "network")
def loss(world, dice):
    choose, seconds, percent = world.pick("any", dice), dice.uniform(1, 4), dice.choice((2, 10, 30))
    node = choose()
    world.begins(node, "seconds=%.1f percent=%d" % (seconds, percent))
    world.network.lose(node.name, percent)
    world.hold(seconds)
    heal(world)


@fault("reset", "network")
def reset(world, dice):
    choose, times = world.pick("any", dice), dice.randint(1, 4)
    node = choose()
    world.begins(node, "times=%d" % times)
    count = 0
    for _ in range(times):
        count += world.network.reset_connections(node.name)
        world.hold(0.15)
    world.felt(count, "connections")


@fault("half-open", "network")
def half_open(world, dice):
    choose, seconds = world.pick("any", dice), dice.uniform(1, 5)
    node = choose()
    world.begins(node, "seconds=%.1f" % seconds)
    world.network.forget_connections(node.name)
    world.hold(seconds)
    heal(world)


def by_relay(world, dice, order):
    """Clients or peers, or both, reach a node by a relay; they were connected, so each connection is first reset."""
    choose, seconds, way = world.pick("any", dice), dice.uniform(1, 4), dice.choice(("clients", "peers", "both"))
    node, network = choose(), world.network
    world.begins(node, "seconds=%.1f way=%s %s" % (seconds, way, order))
    if way != "peers":
        network.detour(CLIENTS, node.name, CLIENT_PORT, "clear")
    for other in world.others(node) if way != "clients" else ():
        network.detour(other.name, node.name, PEER_PORT, "clear")
        network.detour(node.name, other.name, PEER_PORT, "clear")
    network.reset_connections(node.name)
    world.hold(0.4)
    for relay in network.relays.values():
        relay.order(order)
    world.hold(seconds)
    heal(world)


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
