"""What this machine has for faults, and how nodes are fitted with it."""
import glob
import os
import shutil
import subprocess

from cluster import Unable, write

STATE_SIZE = "128m"    # of the small file system a state folder is on
# Applications wait for members to be back when all are lost (preset: they don't), and for a majority, however busy the machine is.
WAIT = "[recovery]\nwait = 120s\n\n[timeouts]\ncommand = 120s\n\n"
TOKEN_LIMITS = "answer_limit = 2s\nrestart_after = 1s\n"    # a token that hangs does so for less than the preset's 40 s
NOT_INSTALLED = "not installed: "    # scripts/install-dependencies would

# The second is a mercy for old C libraries, with which pthread_cond_timedwait(3) on this clock returns at once.
MONOTONIC_IS_TRUE = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}


class Equipment:
    def __init__(self, build, why_not_apart):
        self.token_module, self.disk_library = build + "/tests/fault/fault-token.so", build + "/tests/fault/libfault-disk.so"
        self.relay = build + "/tests/fault/relay"
        self.clock_library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
        for path in (self.token_module, self.disk_library, self.relay):
            if not os.path.exists(path):
                raise Unable("not built: " + path)
        self.why_not = why_not(why_not_apart, lacking_programs("ip", "nft", "ss"), self.clock_library)
        self.there = {name for name, why in self.why_not.items() if why is None}

    def where(self):
        if "network" in self.there:
            return "network namespaces"
        return "loopback addresses, for there are no namespaces (%s)" % self.why_not["network"]

    def equip(self, cluster, needs):
        if "wait" in needs:
            for path in [cluster.folder + "/craton.conf"] + [node.path("craton.conf") for node in cluster.nodes]:
                insert(path, "", WAIT)
        for node in cluster.nodes:
            if "token" in needs:
                insert(node.path("cratond.conf"), "[token]\n", TOKEN_LIMITS)
            if "space" in needs:
                subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=" + STATE_SIZE, "tmpfs", node.path("state")], check=True)
            self.preload(node, needs)

    def preload(self, node, needs):
        libraries = os.environ.get("LD_PRELOAD", "").split()     # what we run with ourselves stays
        if "clock" in needs:
            libraries.append(self.clock_library)
            write(node.path("clock"), "+0\n")
            node.environment.update(FAKETIME_TIMESTAMP_FILE=node.path("clock"), FAKETIME_CACHE_DURATION="1", **MONOTONIC_IS_TRUE)
        if "disk" in needs:
            libraries.append(self.disk_library)
            write(node.path("disk.control"), "")
            node.environment.update(CRATON_DISK_CONTROL=node.path("disk.control"), CRATON_DISK_FOLDER=node.path("state"))
        if libraries:
            node.environment["LD_PRELOAD"] = ":".join(libraries)


def why_not(apart, missing_programs, clock_library):
    """What faults may need: None, or what is in the way of it."""
    return {"network": missing_programs or apart, "space": apart, "token": None, "disk": None, "wait": None,
            "clock": None if clock_library else NOT_INSTALLED + "libfaketime"}


def insert(path, after, text):
    with open(path) as file:
        before = file.read()
    assert after in before
    write(path, before.replace(after, after + text, 1))


def lacking_programs(*names):
    missing = [name for name in names if not shutil.which(name)]
    return NOT_INSTALLED + " ".join(missing) if missing else None
