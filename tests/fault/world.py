"""What faults act on: the cluster, its network, its clients and the log of what was done to them (nemesis.log)."""
import random
import time

from cluster import Trouble

KINDS = {}     # name: Kind, in the order they are defined


class Kind:
    def __init__(self, name, needs, act):
        self.name, self.needs, self.act = name, needs, act


def fault(name, *needs):
    """Marks a function as a kind of fault. act(world, dice) draws from the dice before it looks at the cluster, says
    world.begins(...) at the moment it does harm, and has put everything right when it returns. `needs` of: network (namespaces),
    token and disk (the shims), clock (libfaketime), space (a small file system for the state), wait (applications that wait while all members are lost)."""
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
        self.count = 0

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

    def starts(self):
        """From here on it is nodes that start. That is work for the processors which the fault itself is not, and told by itself."""
        self.note(now_us())
        self.name, self.began_us, self.detail = "start", now_us(), self.detail + " after=" + self.name

    def note(self, ended_us):
        self.log.write("%d\t%d\t%s\t%s\t%s\n" % (self.began_us, ended_us, self.name, self.node, self.detail))

    def felt(self, count, what):
        """The fault took hold: so many of these met it."""
        self.detail += " %s=%d" % (what, count)
        if not count:
            raise Trouble("the fault met nothing: no %s" % what)

    def hold(self, seconds):
        self.cluster.wait(seconds)

    def until_ended(self, node, seconds):
        """Whether the process ended by itself in that time. The cluster's care does not start it again meanwhile."""
        node.is_wanted = False
        end = time.monotonic() + seconds
        while node.process.poll() is None and time.monotonic() < end:
            self.hold(0.02)
        return node.process.poll() is not None

    def revive(self, node):
        """It runs, whether it had ended or not."""
        node.is_wanted = True
        if node.process.poll() is not None:
            self.starts()
            node.start()

    def until_serving(self, node):
        self.cluster.until("node %s serves" % node.name, lambda: self.cluster.serves(node))

    def do(self, kind, seed, number):
        """One fault; the cluster is well before and after."""
        dice = random.Random("%d/%d/%s" % (seed, number, kind.name))
        pause = dice.uniform(0.2, 0.8)
        self.name, self.began_us, self.node, self.detail = kind.name, None, "-", ""
        asked_us = now_us()
        kind.act(self, dice)
        ended_us = now_us()
        self.note(ended_us)
        self.count += 1
        self.cluster.settle()
        settled = (now_us() - ended_us) / 1e6
        for node in self.cluster.nodes:
            self.judge_endings(node)
        print("%4d  %-20s %-8s %5.1f s, well again after %4.1f s  %s"
              % (number, kind.name, self.node, (ended_us - asked_us) / 1e6, settled, self.detail), flush=True)
        self.hold(pause)

    def judge_endings(self, node):
        """Nodes end by themselves only where a fault that ends them is on."""
        for may_end, ending in node.endings:
            print("      " + ending, flush=True)
            if not may_end:
                raise Trouble(ending)
        node.endings.clear()
        node.may_end = False
