"""What faults act on: the cluster, its network, its clients and the log of what was done to them (nemesis.log)."""
import collections
import random
import time

KINDS = {}     # name: Kind, in the order they are defined


class Kind:
    def __init__(self, name, needs, act):
        self.name, self.needs, self.act = name, needs, act


def fault(name, *needs):
    """Marks a function as a kind of fault. act(world, dice) draws from the dice before it looks at the cluster, says
    world.begins(...) at the moment it does harm, and has put everything right when it returns. `needs` of: network (namespaces),
    token and disk (the shims), clock (libfaketime), space (a small file system for the state), wait (applications that wait while
    more members are lost than may be)."""
    def keep(act):
        KINDS[name] = Kind(name, set(needs), act)
        return act
    return keep


def now_us():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


class World:
    def __init__(self, cluster, network, clients, log_path):
        self.cluster, self.network, self.clients = cluster, network, clients
        self.log = open(log_path, "a", buffering=1)
        self.injected = collections.Counter()     # kind of fault: how often

    def pick(self, role, dice):
        """A way to choose a node, drawn now and resolved when it is called: `leader`, `follower` or `any`."""
        rank = dice.random()

        def resolve():
            leader = self.cluster.leader()
            choice = {"leader": [leader], "any": self.cluster.nodes,
                      "follower": [node for node in self.cluster.nodes if node is not leader]}[role]
            return choice[int(rank * len(choice))]
        return resolve

    def others(self, node):
        return [other for other in self.cluster.nodes if other is not node]

    def begins(self, node, detail=""):
        self.began_us, self.node, self.detail = now_us(), node if isinstance(node, str) else node.name, detail
        self.calls_before = self.clients.sizes()

    def lasts(self, node, seconds, harm, detail="", met=None):
        """The fault is on for so long. `harm` is a context: its beginning does harm, its end undoes it. `met`: see felt."""
        self.begins(node, ("seconds=%.1f %s" % (seconds, detail)).rstrip())
        with harm:
            if met:
                self.felt(*met)
            self.hold(seconds)

    def felt(self, what, count):
        """The fault takes hold: count() of these have met it, once one has."""
        self.detail += " %s=%d" % (what, self.cluster.until("the fault is met by %s" % what, count))

    def hold(self, seconds):
        """How long things are as they are."""
        self.cluster.wait(seconds)

    def start_again(self, *nodes):
        """From here on it is nodes that start. That is work for the processors which the fault itself is not, and told by itself."""
        self.note()
        self.name, self.began_us, self.detail = "start", now_us(), self.detail + " after=" + self.name
        for node in nodes:
            node.start()
        for node in nodes:
            self.until_serving(node)

    def until_serving(self, node):
        self.cluster.until("node %s serves" % node.name, lambda: self.cluster.serves(node))

    def note(self):
        self.log.write("%d\t%d\t%s\t%s\t%s\n" % (self.began_us, now_us(), self.name, self.node, self.detail))

    def do(self, kind, seed, number):
        """One fault, that calls of applications meet; the cluster is well before and after. What comes of it until then is the fault's."""
        dice = random.Random("%d/%d/%s" % (seed, number, kind.name))
        pause = dice.uniform(0.2, 0.8)
        self.name, self.began_us, self.node, self.detail = kind.name, None, "-", ""
        asked_us = now_us()
        kind.act(self, dice)
        done_us = now_us()
        self.cluster.settle()
        self.clients.until_called(self.calls_before)
        self.note()
        self.injected[kind.name] += 1
        print("%4d  %-20s %-8s %5.1f s, well again after %4.1f s  %s"
              % (number, kind.name, self.node, (done_us - asked_us) / 1e6, (now_us() - done_us) / 1e6, self.detail), flush=True)
        self.hold(pause)
