"""A run's own process ids, mounts and network names: whatever it started, mounted or named is gone when it is, however it ended.

As root with a process-id and a mount namespace; as anybody else with a user namespace around them, where the kernel gives one.
Where it gives none the run goes on without, and each process dies with the one that started it."""
import ctypes
import os
import signal
import subprocess
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags):
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "unshare: " + os.strerror(number))


def be_root():
    """In a user namespace, where this user is root."""
    uid, gid = os.getuid(), os.getgid()
    unshare(CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid), ("gid_map", "0 %d 1" % gid)):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def leave_process_ids():
    """The next child is the first process of a new set of process ids. Why not, if it cannot be."""
    try:
        if os.getuid() != 0:
            be_root()
        unshare(CLONE_NEWPID)
    except OSError as error:
        return str(error)
    return None


def leave_mounts_and_network():
    """/run is where `ip netns` keeps its names: an empty one of our own hides them from everybody else. `ip netns` can only come back
    to a network that is ours, too; what stays in it has a loopback to itself. Why not, if it cannot be."""
    try:
        unshare(CLONE_NEWNS)
        for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "proc", "proc", "/proc"],
                        ["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"]):
            subprocess.run(command, check=True)
        os.mkdir("/run/netns")
        unshare(CLONE_NEWNET)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return str(error)
    return None


def child(work, why_not):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent has it too, and passes it on as SIGTERM
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return work(why_not or leave_mounts_and_network())


def run_apart(work, why_not=None):
    """Runs work(why it is not apart, or None) in a child; its exit status."""
    why_not = why_not or leave_process_ids()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = child(work, why_not)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            os._exit(status)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.kill(pid, signal.SIGTERM))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def dies_with_us():
    """What to put before a command where nothing else ends it."""
    return ["setpriv", "--pdeathsig", "KILL"]
