"""One run of a program: how long, how much CPU by process and thread, how much memory."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import harness

EVERY = 0.005  # seconds between looks at the CPU time of the threads
THREADS_EVERY = 10  # ... and every so many looks, which threads there are
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)  # signals that end the bench
CPUCLOCK_SCHED = 2  # the kernel's clock of a process, all threads: clock_getcpuclockid(3)
MEMORY_EVERY = 0.2  # ... and at the memory, which costs the kernel some more; sooner at first, for a run may be short
MEMORY_FIRST = 0.01


@dataclass
class Run:
    rc: int
    stopped: bool  # its time was over
    seconds: float
    cpu: float  # of all processes, seconds
    threads: dict  # of the first process: name -> seconds; its first thread is called "main"
    peak_kib: int  # of all processes together, shared pages divided among them; 0: could not be seen


class Sampler(threading.Thread):
    """Looks at a process and those below it, until it has gone; ends it when its time is over."""

    def __init__(self, pid, limit):
        super().__init__(daemon=True)
        self.pid, self.limit, self.began = pid, limit, time.monotonic()
        self.files = {}  # thread -> (its name, its schedstat)
        self.cpu = {}  # thread -> (name, seconds)
        self.peak_kib = 0
        self.gone = self.stopped = self.hidden = False

    def look_for_threads(self):
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            if tid not in self.files:
                top = f"/proc/{self.pid}/task/{tid}"
                name = "main" if int(tid) == self.pid else Path(f"{top}/comm").read_text().strip()
                self.files[tid] = (name, os.open(f"{top}/schedstat", os.O_RDONLY | os.O_CLOEXEC))

    def look(self):
        for tid, (name, fd) in list(self.files.items()):
            try:
                # Nanoseconds on a CPU; finer than the ticks of stat.
                self.cpu[tid] = (name, int(os.pread(fd, 100, 0).split()[0]) / 1e9)
            except (OSError, IndexError):  # it ended
                os.close(fd)
                del self.files[tid]

    def below(self):
        """This process and its descendants.  They are younger, and mostly have higher numbers."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) > self.pid:
                try:
                    stat = Path(f"/proc/{entry}/stat").read_text()
                except OSError:
                    continue
                parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
        found, grown = {self.pid}, True
        while grown:
            more = {pid for pid, parent in parents.items() if parent in found} - found
            found |= more
            grown = bool(more)
        return found

    def look_at_memory(self):
        total = 0
        for pid in self.below():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as f:
                    total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
            except PermissionError:
                self.hidden = True  # only root sees that of a process without privileges
            except (OSError, StopIteration):  # it ended
                continue
        self.peak_kib = max(self.peak_kib, total)

    def run(self):
        looks, memory_after = 0, MEMORY_FIRST
        memory_at = self.began + memory_after
        while not self.gone:
            try:
                if looks % THREADS_EVERY == 0:
                    self.look_for_threads()
                self.look()
            except OSError:
                pass
            looks += 1
            now = time.monotonic()
            if now >= memory_at:
                self.look_at_memory()
                memory_after = min(2 * memory_after, MEMORY_EVERY)
                memory_at = now + memory_after
            if self.limit and now - self.began > self.limit and not self.stopped:
                self.stopped = True
                os.killpg(self.pid, signal.SIGKILL)  # its own group: start_new_session
            time.sleep(EVERY)
        self.look()  # at its first thread, which is there until somebody has waited for it
        for _, fd in self.files.values():
            os.close(fd)

    def by_name(self):
        names = {}
        for name, seconds in self.cpu.values():
            names[name] = names.get(name, 0.0) + seconds
        return names


def _before_exec():
    harness._die_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def run(argv, output, env=None, cwd=None, limit=None):
    """Runs a program to its end, or for `limit` seconds; what it says goes to the file `output`."""
    with open(output, "wb") as out:
        began = time.monotonic()
        # No child is made that is not known to the line that ends it.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        child = subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
            env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=_before_exec,
        )  # fmt: skip
        sampler = Sampler(child.pid, limit)
        sampler.start()
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it can be looked at still
        except BaseException:  # this program is being ended, and will remove what the child writes
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise
        seconds = time.monotonic() - began
        sampler.gone = True
        sampler.join()
        threads = sampler.by_name()
        # Of threads that came and went between two looks, to the nanosecond.
        whole = time.clock_gettime(~child.pid << 3 | CPUCLOCK_SCHED)
        threads["unseen"] = max(0.0, whole - sum(threads.values()))
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    peak_kib = 0 if sampler.hidden else sampler.peak_kib
    cpu = usage.ru_utime + usage.ru_stime  # of the process and all that it waited for
    return Run(child.returncode, sampler.stopped, seconds, cpu, threads, peak_kib)


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    return f"{os.cpu_count()} x {model}, {os.uname().sysname} {os.uname().release}"
