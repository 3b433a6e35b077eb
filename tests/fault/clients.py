"""The applications of a run: processes of fault-client in the clients' namespace, each with its history."""
import os
import signal
import subprocess

from cluster import PATIENCE_SECONDS, Trouble
from isolation import dies_with_us


class Clients:
    def __init__(self, cluster, folder, seed, pace_us):
        self.program, self.folder, self.pace_us = cluster.build + "/tests/fault/fault-client", folder, pace_us
        self.cluster, self.seed, self.running, self.count = cluster, seed, {}, 0

    def history(self, name):
        return "%s/%s.history" % (self.folder, name)

    def launch(self, mode, name, conf, *words):
        inside = self.cluster.network.inside("clients") if self.cluster.network else dies_with_us()
        environment = {**os.environ, **self.cluster.environment, "CRATON_CONF": conf}
        environment.pop("CRATON_SO_PIN", None)
        command = [self.program, mode, "--process", name, "--history", self.history(name), "--board", self.folder + "/board", *words]
        with open("%s/%s.out" % (self.folder, name), "wb") as out:
            return subprocess.Popen(inside + command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def said(self, name):
        with open("%s/%s.out" % (self.folder, name), errors="replace") as file:
            return file.read().strip()

    def wait(self, name, process):
        try:
            status = process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise Trouble("client %s does not end: a call that never returns" % name)
        if status:
            raise Trouble("client %s ended with status %d: %s" % (name, status, self.said(name)))

    def prepare(self):
        self.wait("prepare", self.launch("prepare", "prepare", self.cluster.folder + "/craton.conf", "--seed", str(self.seed)))

    def read_all(self):
        """Every object that was ever attempted, through each node by itself."""
        names = {"final-" + node.name: node.path("craton.conf") for node in self.cluster.nodes}
        readers = [(name, self.launch("final", name, conf, "--seed", str(self.seed))) for name, conf in names.items()]
        for name, process in readers:
            self.wait(name, process)

    def start(self, name, threads):
        """A process under load, of a name not used before: one that was killed does not go on."""
        self.count += 1
        name = "%s.%d" % (name, self.count)
        self.running[name] = self.launch("load", name, self.cluster.folder + "/craton.conf", "--seed", str(self.seed + self.count),
                                         "--pace-us", str(self.pace_us), "--threads", threads)
        return name

    def until_at_work(self):
        """All that were started: they have logged in, and been told of it."""
        self.cluster.until("the applications are at work", self.are_at_work)

    def are_at_work(self):
        self.check_alive()
        histories = [self.history(name) for name in self.running]
        return all(os.path.exists(path) and os.path.getsize(path) for path in histories)

    def sizes(self):
        """Of the histories of all that run, in bytes."""
        return {name: os.path.getsize(self.history(name)) for name in self.running}

    def until_called(self, before):
        """One of those that run has begun a call, or was answered, since their histories were of these sizes."""
        self.cluster.until("an application's call meets the fault",
                           lambda: any(size > before.get(name, size) for name, size in self.sizes().items()))

    def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def check_alive(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                raise Trouble("client %s ended with status %d: %s" % (name, process.returncode, self.said(name)))

    def stop(self):
        """They end the calls they are in."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self.running.items():
            self.wait(name, process)
        self.running.clear()
