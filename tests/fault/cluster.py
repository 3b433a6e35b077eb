"""A cluster of real daemons: made by `craton dev start`, then moved to the network of the run and founded anew there.

A node that ends without having been told is started again, as a service manager would, and what it said last is kept."""
import configparser
import json
import os
import re
import shutil
import subprocess
import time

from isolation import dies_with_us
from network import CLIENT_PORT, PEER_PORT

QUICK = "[timeouts]\nconnect = 500ms\ncommand = 2s\n\n"
PATIENCE_SECONDS = 60    # for giving up, not for passing


class Trouble(Exception):
    """Something that may not happen, whatever was done to the cluster."""


def write(path, text):
    """In one piece: whoever reads it sees the old or the new."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.chmod(path + ".new", 0o600)
    os.rename(path + ".new", path)


class Node:
    def __init__(self, name, folder, build, inside):
        self.name, self.folder, self.inside = name, folder, inside
        self.cratond, self.craton = build + "/cratond", build + "/craton"
        self.process, self.is_wanted, self.environment, self.endings = None, False, {}, []
        self.may_end = False     # a fault is on that ends it

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        self.is_wanted = True
        command = self.inside + ["env", *("%s=%s" % pair for pair in self.environment.items()),
                                 self.cratond, "-c", self.path("cratond.conf")]
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def signal(self, number):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    def end(self, number):
        """Told to, with this signal; once it returns the process is gone."""
        self.is_wanted = False
        self.signal(number)
        if self.process:
            self.process.wait(PATIENCE_SECONDS)

    def last_words(self, lines=3):
        with open(self.path("log"), errors="replace") as log:
            return " | ".join(line.strip() for line in log.readlines()[-lines:])

    def tend(self):
        """It is running, or started again."""
        if not self.is_wanted or self.process.poll() is None:
            return
        ending = "node %s ended by itself, status %d: %s" % (self.name, self.process.returncode, self.last_words())
        self.endings.append((self.may_end, ending))
        self.start()

    def ask(self, *words):
        return subprocess.Popen([self.craton, "-c", self.path("admin.conf"), *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def status(self):
        """What it says of itself; {} if it says nothing."""
        out = self.ask("status", "--json").communicate()[0]
        try:
            member = json.loads(out)["members"][0]
        except (ValueError, KeyError, IndexError):
            return {}
        return member if member.get("reachable") else {}

    def started_after(self, moment):
        """Whether it says that it is younger than this time.monotonic()."""
        age = self.status().get("started_ms_ago")
        return age is not None and time.monotonic() - age / 1000 > moment


class Cluster:
    def __init__(self, count, folder, build, network, module=None):
        self.folder, self.build, self.network = folder, build, network
        self.make(count, module)
        inside = network.inside if network else lambda name: dies_with_us()
        self.nodes = [Node(name, os.path.join(folder, name), build, inside(name)) for name in self.names]
        self.by_name = {node.name: node for node in self.nodes}
        self.environment = self.read_environment()

    def make(self, count, module):
        command = [self.build + "/craton", "dev", "start", "--nodes", str(count), "--transport", "tls", "--dir", self.folder]
        run(command + (["--module", module] if module else []))
        run([self.build + "/craton", "dev", "stop", "--dir", self.folder])
        conf = configparser.ConfigParser()
        conf.read(self.folder + "/dev.conf")
        self.names = [section.split()[1] for section in conf.sections() if section.startswith("node ")]
        ports = {name: conf["node " + name] for name in self.names}
        for name in self.names:
            shutil.rmtree("%s/%s/state" % (self.folder, name))
            os.mkdir("%s/%s/state" % (self.folder, name), 0o700)
            write("%s/%s/admin.conf" % (self.folder, name), "%s[member %s]\naddress = unix:%s/%s/socket\n" % (QUICK, name, self.folder, name))
        if self.network:
            self.move(ports)
        for name in self.names:
            self.write_only(name)

    def move(self, ports):
        """Every file that names an address of the machine names one of the network instead."""
        files = ["%s/%s/cratond.conf" % (self.folder, name) for name in self.names]
        for path in files + [self.folder + "/craton.conf", self.folder + "/admin.conf"]:
            with open(path) as file:
                text = file.read()
            for name in self.names:
                for kind, port in (("peer_port", PEER_PORT), ("client_port", CLIENT_PORT)):
                    text = re.sub(r"127\.0\.0\.1:%s\b" % ports[name][kind], "%s:%d" % (self.network.addresses[name], port), text)
            write(path, text)

    def write_only(self, name):
        """An application's craton.conf that knows only this member."""
        with open(self.folder + "/craton.conf") as file:
            sections = re.split(r"(?m)^(?=\[)", file.read())
        keep = [section for section in sections if not section.startswith("[member ") or section.startswith("[member %s]" % name)]
        write("%s/%s/craton.conf" % (self.folder, name), "".join(keep))

    def read_environment(self):
        with open(self.folder + "/env") as file:
            return dict(re.findall(r"export (\w+)='(.*)'", file.read()))

    def found(self):
        """From empty state folders to a cluster with a slot."""
        for node in self.nodes:
            node.start()
        self.settle()
        secrets = {name: self.environment[name] for name in ("CRATON_PIN", "CRATON_SO_PIN")}
        run([self.build + "/craton", "-c", self.conf_of_all(), "slot", "create", "--label", "craton"], env={**os.environ, **secrets})

    def set(self, name, value):
        """A setting of the cluster."""
        run([self.build + "/craton", "-c", self.conf_of_all(), "cluster", "set", name, value])

    def conf_of_all(self):
        path = self.folder + "/local.conf"
        write(path, QUICK + "".join("[member %s]\naddress = unix:%s\n" % (node.name, node.path("socket")) for node in self.nodes))
        return path

    def tend(self):
        for node in self.nodes:
            node.tend()

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.tend()
            time.sleep(min(left, 0.05))

    def until(self, what, is_so, patience=PATIENCE_SECONDS):
        end = time.monotonic() + patience
        while not is_so():
            if time.monotonic() > end:
                raise Trouble("after %d s still not so: %s; %s" % (patience, what, self.summary()))
            self.wait(0.1)

    def summary(self):
        words = ("state", "role", "leader", "in_contact", "applied", "digest")
        return "; ".join("%s: %s" % (node.name, " ".join("%s=%s" % (word, status.get(word)) for word in words))
                         for node, status in ((node, node.status()) for node in self.nodes))

    def leader(self):
        """The node that leads, once all that can be asked agree that it does."""
        self.until("there is a leader", lambda: self.look_for_leader())
        return self.found_leader

    def look_for_leader(self):
        leaders = [(status.get("term", 0), node) for node in self.nodes if (status := node.status()).get("role") == "leader"]
        self.found_leader = max(leaders, key=lambda pair: pair[0])[1] if leaders else None
        return bool(leaders)

    def is_settled(self):
        statuses = [node.status() for node in self.nodes]
        return (all(status.get("state") == "serving" and status.get("in_contact", True) for status in statuses)
                and len({status.get("leader") for status in statuses}) == 1
                and sum(status.get("role") == "leader" for status in statuses) == 1)

    def settle(self):
        self.until("all nodes serve and follow one leader", self.is_settled)

    def serves(self, node):
        return node.status().get("state") == "serving"

    def is_in_step(self):
        statuses = [node.status() for node in self.nodes]
        return len({(status.get("applied"), status.get("digest")) for status in statuses}) == 1 and statuses[0].get("digest")

    def stop(self):
        for node in self.nodes:
            node.signal(18)  # SIGCONT
            node.end(15)


def run(command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise Trouble("%s: status %d: %s" % (" ".join(command), done.returncode, done.stdout.strip()))
    return done.stdout
