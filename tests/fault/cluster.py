"""A cluster of real daemons: made by `craton dev start`, then moved to the network of the run and founded anew there.

A node ends only when it is told to, or when a fault is on that ends it."""
import configparser
import json
import os
import re
import select
import shutil
import signal
import subprocess
import time

from isolation import dies_with_us
from network import CLIENT_PORT, PEER_PORT

QUICK = "[timeouts]\nconnect = 500ms\ncommand = 2s\n\n"     # for questions that are asked again
PATIENCE_SECONDS = 300    # for giving up, not for passing: other suites may have the processors


class Trouble(Exception):
    """Something that may not happen, whatever was done to the cluster."""


class Unable(Exception):
    """The run itself cannot do its work: nothing is said about the cluster."""


ENDS_WITH = {signal.SIGTERM: 0, signal.SIGKILL: -signal.SIGKILL}    # a node that is told to


def write(path, text):
    """In one piece: whoever reads it sees the old or the new."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.chmod(path + ".new", 0o600)
    os.rename(path + ".new", path)


def ask(program, conf, *words):
    return subprocess.Popen([program, "-c", conf, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def statuses(asked):
    """What members said of themselves; {} for one that said nothing."""
    out = asked.communicate()[0]
    try:
        return [member if member["reachable"] else {} for member in json.loads(out)["members"]]
    except (ValueError, KeyError):
        raise Trouble("craton status: " + out)


class Node:
    def __init__(self, name, folder, build, inside):
        self.name, self.folder, self.inside = name, folder, inside
        self.cratond, self.craton = build + "/cratond", build + "/craton"
        self.process, self.ending, self.environment = None, None, {}     # ending: readable once the process has ended
        self.is_wanted = False     # to run: while it is, it may not end
        self.status_to_come = None     # what it has to end with, now that it was told to; None: whatever it is

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self):
        self.is_wanted = True
        command = self.inside + ["env", *("%s=%s" % pair for pair in self.environment.items()),
                                 self.cratond, "-c", self.path("cratond.conf")]
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if self.ending is not None:
            os.close(self.ending)
        self.ending = os.pidfd_open(self.process.pid)

    def has_ended(self):
        return self.process.poll() is not None

    def must_have_ended_with(self, status):
        if self.process.returncode != status:
            raise Trouble("node %s ended with status %d, not %d: %s" % (self.name, self.process.returncode, status, self.last_words()))

    def is_stopped(self):
        """Whether the process is, by SIGSTOP (proc(5): stat)."""
        with open("/proc/%d/stat" % self.process.pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "T"

    def signal(self, number):
        if self.process and not self.has_ended():
            self.process.send_signal(number)

    def tell_to_end(self, number):
        """What was not wanted any more may have ended before, and in its own way."""
        self.status_to_come = ENDS_WITH[number] if self.is_wanted else None
        self.is_wanted = False
        self.signal(number)

    def await_end(self):
        try:
            if self.process:
                self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Trouble("node %s does not end" % self.name)
        if self.status_to_come is not None:
            self.must_have_ended_with(self.status_to_come)

    def end(self, number):
        """Told to, with this signal; once it returns the process is gone, and nothing else was what ended it."""
        self.tell_to_end(number)
        self.await_end()

    def last_words(self, lines=3):
        with open(self.path("log"), errors="replace") as log:
            return " | ".join(line.strip() for line in log.readlines()[-lines:])

    def times_said(self, words):
        with open(self.path("log"), errors="replace") as log:
            return log.read().count(words)

    def ask(self, *words):
        return ask(self.craton, self.path("admin.conf"), *words)

    def status(self):
        """What it says of itself; {} if it says nothing."""
        return statuses(self.ask("status", "--json"))[0]

    def started_after(self, moment):
        """Whether it says that it is younger than this time.monotonic()."""
        age = self.status().get("started_ms_ago")
        return age is not None and time.monotonic() - age / 1000 > moment


class Cluster:
    def __init__(self, count, folder, build, network, module=None):
        self.folder, self.build, self.network = folder, build, network
        self.craton = build + "/craton"
        self.make(count, module)
        inside = network.inside if network else lambda name: dies_with_us()
        self.nodes = [Node(name, os.path.join(folder, name), build, inside(name)) for name in self.names]
        self.environment = self.read_environment()

    def make(self, count, module):
        command = [self.craton, "dev", "start", "--nodes", str(count), "--transport", "tls", "--dir", self.folder]
        run(command + (["--module", module] if module else []))
        run([self.craton, "dev", "stop", "--dir", self.folder])
        conf = configparser.ConfigParser()
        conf.read(self.folder + "/dev.conf")
        self.names = [section.split()[1] for section in conf.sections() if section.startswith("node ")]
        ports = {name: conf["node " + name] for name in self.names}
        for name in self.names:
            shutil.rmtree("%s/%s/state" % (self.folder, name))
            os.mkdir("%s/%s/state" % (self.folder, name), 0o700)
            write("%s/%s/admin.conf" % (self.folder, name), QUICK + self.members(name))
        write(self.folder + "/status.conf", QUICK + self.members(*self.names))
        write(self.conf_of_all(), self.members(*self.names))
        if self.network:
            self.move(ports)
        for name in self.names:
            self.write_only(name)

    def members(self, *names):
        """For a configuration of `craton`."""
        return "".join("[member %s]\naddress = unix:%s/%s/socket\n" % (name, self.folder, name) for name in names)

    def conf_of_all(self):
        return self.folder + "/local.conf"

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
        run([self.craton, "-c", self.conf_of_all(), "slot", "create", "--label", "craton"], env={**os.environ, **secrets})

    def set(self, name, value):
        """A setting of the cluster."""
        run([self.craton, "-c", self.conf_of_all(), "cluster", "set", name, value])

    def statuses(self):
        """Of all nodes, in their order."""
        return statuses(ask(self.craton, self.folder + "/status.conf", "status", "--json"))

    def wait(self, seconds):
        """So long, if no node ends meanwhile that was not told to."""
        endings = {node.ending: node for node in self.nodes if node.is_wanted}
        for ending in select.select(endings, [], [], seconds)[0]:
            node = endings[ending]
            raise Trouble("node %s ended by itself, status %d: %s" % (node.name, node.process.wait(), node.last_words()))

    def until(self, what, is_so, look_seconds=0.1):
        """What is_so() says once it is neither false nor nothing."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (so := is_so()):
            if time.monotonic() > end:
                raise Trouble("after %d s still not so: %s; %s" % (PATIENCE_SECONDS, what, self.summary()))
            self.wait(look_seconds)
        return so

    def summary(self):
        words = ("state", "role", "leader", "in_contact", "applied", "digest")
        return "; ".join("%s: %s" % (node.name, " ".join("%s=%s" % (word, status.get(word)) for word in words))
                         for node, status in zip(self.nodes, self.statuses()))

    def leader(self):
        """The node that leads; of several that say so, by the latest election."""
        terms = self.until("there is a leader", self.terms_of_leaders)
        return terms[max(terms)]

    def terms_of_leaders(self):
        return {status["term"]: node for node, status in zip(self.nodes, self.statuses()) if status.get("role") == "leader"}

    def is_settled(self):
        said = self.statuses()
        return (all(status.get("state") == "serving" and status["in_contact"] for status in said)
                and len({status["leader"] for status in said}) == 1 and sum(status["role"] == "leader" for status in said) == 1)

    def settle(self):
        self.until("all nodes serve and follow one leader", self.is_settled)

    def serves(self, node):
        return node.status().get("state") == "serving"

    def is_in_step(self):
        said = self.statuses()
        return len({(status.get("applied"), status.get("digest")) for status in said}) == 1 and said[0].get("digest")

    def stop(self):
        for node in self.nodes:
            node.signal(signal.SIGCONT)
            node.end(signal.SIGTERM)


def run(command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise Trouble("%s: status %d: %s" % (" ".join(command), done.returncode, done.stdout.strip()))
    return done.stdout
