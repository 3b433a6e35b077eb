"""The network of a run: a namespace for each node and one for the clients, joined by a bridge in a further one.

What goes wrong in it is said by nftables in the namespace of whoever would receive: packets that are blocked, lost by chance, or
belong to connections that have gone dead; and detours, which lead new connections through a relay (relay.c)."""
import re
import subprocess

PEER_PORT, CLIENT_PORT, RELAY_PORT = 7400, 7500, 7600
RELAY_MARK = 0x666c74  # relay.c has the same: its own connections take no detour
CLIENTS = "clients"


class Relay:
    """One relay process in a namespace; it hears orders on its standard input."""

    def __init__(self, program, inside):
        self.process = subprocess.Popen(inside + [program, "--listen", "0.0.0.0:%d" % RELAY_PORT], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the relay does not start")

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()


class Network:
    def __init__(self, nodes, relay_program):
        self.prefix = "fault-"
        self.relay_program = relay_program
        self.addresses = {name: "10.77.0.%d" % (i + 1) for i, name in enumerate(nodes)}
        self.addresses[CLIENTS] = "10.77.0.100"
        self.relays, self.rules = {}, {}
        self.blocked, self.loss, self.dead, self.detours = set(), {}, {}, {}
        ip("netns", "add", self.prefix + "hub")
        self.hub("link", "add", "bridge", "type", "bridge", "forward_delay", "0")
        self.hub("link", "set", "bridge", "up")
        for name, address in self.addresses.items():
            self.join(name, address)

    def hub(self, *words):
        ip("-n", self.prefix + "hub", *words)

    def join(self, name, address):
        space = self.prefix + name
        ip("netns", "add", space)
        ip("-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", "to-" + name, "netns", self.prefix + "hub")
        ip("-n", space, "address", "add", address + "/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", space, "link", "set", device, "up")
        self.hub("link", "set", "to-" + name, "master", "bridge", "up")

    def inside(self, name):
        """What to put before a command that shall run there."""
        return ["ip", "netns", "exec", self.prefix + name]

    def block(self, *pairs):
        """Of each pair, what the first sends does not reach the second."""
        self.blocked |= set(pairs)
        self.apply()

    def lose(self, name, percent):
        self.loss[name] = percent
        self.apply()

    def connections(self, name):
        """(own port, other's address, other's port) of each that stands."""
        answer = subprocess.run(self.inside(name) + ["ss", "-Htn", "state", "established"], check=True, capture_output=True, text=True)
        ends = [line.split()[2:4] for line in answer.stdout.splitlines()]
        return [(own.rsplit(":", 1)[1], *other.rsplit(":", 1)) for own, other in ends if other.startswith("10.")]

    def forget_connections(self, name):
        """As a firewall on the way that lost its memory: those that stand hear nothing more, and nobody tells them."""
        self.dead[name] = self.connections(name)
        self.apply()

    def reset_connections(self, name):
        """Both ends of every connection of this one learn that it is over. How many there were."""
        count = len(self.connections(name))
        subprocess.run(self.inside(name) + ["ss", "-K", "dst", "10.77.0.0/24"], check=True, capture_output=True)
        return count

    def detour(self, name, to, port):
        """New connections from one to another's port go through a relay."""
        if name not in self.relays:
            self.relays[name] = Relay(self.relay_program, self.inside(name))
        self.detours.setdefault(name, set()).add((self.addresses[to], port))
        self.apply()

    def caught(self):
        """How many packets the rules that hold now have kept from arriving, or led elsewhere."""
        count = 0
        for name in self.addresses:
            answer = subprocess.run(self.inside(name) + ["nft", "list", "table", "ip", "fault"], check=True, capture_output=True, text=True)
            count += sum(int(number) for number in re.findall(r"packets (\d+) ", answer.stdout))
        return count

    def heal(self):
        """Detours end for new connections; those that took one keep to it, undisturbed."""
        self.blocked, self.loss, self.dead, self.detours = set(), {}, {}, {}
        for relay in self.relays.values():
            relay.order("clear")
        self.apply()

    def ruleset(self, name):
        sources = sorted(self.addresses[source] for source, target in self.blocked if target == name)
        receive = ["ip saddr %s counter drop" % address for address in sources]
        if self.loss.get(name):
            receive.append("ip saddr 10.77.0.0/24 numgen random mod 100 < %d counter drop" % self.loss[name])
        receive += ["tcp dport %s ip saddr %s tcp sport %s counter drop" % end for end in self.dead.get(name, ())]
        send = ["tcp sport %s ip daddr %s tcp dport %s counter drop" % end for end in self.dead.get(name, ())]
        turn = ["meta mark != %d ip daddr %s tcp dport %d counter redirect to :%d" % (RELAY_MARK, address, port, RELAY_PORT)
                for address, port in sorted(self.detours.get(name, ()))]
        return "\n".join(["table ip fault", "delete table ip fault", "table ip fault {",
                          chain("receive", "filter hook input priority 0", receive),
                          chain("send", "filter hook output priority 0", send),
                          chain("turn", "nat hook output priority -100", turn) if turn else "", "}", ""])

    def apply(self):
        for name in self.addresses:
            rules = self.ruleset(name)
            if self.rules.get(name) != rules:
                subprocess.run(self.inside(name) + ["nft", "-f", "-"], input=rules, text=True, check=True)
                self.rules[name] = rules


def chain(name, where, rules):
    return "chain %s {\ntype %s\n%s\n}" % (name, where, "\n".join(rules))


def ip(*words):
    subprocess.run(["ip", *words], check=True)
