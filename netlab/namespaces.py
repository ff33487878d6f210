"""Network namespaces, and programs that run in them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

RUN = Path("/run/netns")


class LabError(Exception):
    """The lab can't be built here; the message says why and what to do."""


def require_privilege() -> None:
    """Return with the right to make namespaces, or raise LabError.

    As root there is nothing to do. Otherwise the program is started again in a user namespace of
    its own, where it is root; some systems forbid that.
    """
    missing = [tool for tool in ("ip", "nft", "nsenter", "unshare") if shutil.which(tool) is None]
    if missing:
        raise LabError(
            f"the lab needs {', '.join(missing)}: apt-get install iproute2 nftables util-linux"
        )
    if os.geteuid() == 0:
        return
    probe = subprocess.run(["unshare", "-rUnm", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        raise LabError("the lab needs root here: user namespaces are not allowed on this system")
    inner = 'mount -t tmpfs tmpfs /run && exec "$@"'
    arguments = ["unshare", "-rUnm", "sh", "-c", inner, "sh", sys.executable, *sys.orig_argv[1:]]
    os.execvp(arguments[0], arguments)


def in_lab(program: str, work: Callable[[], int]) -> int:
    """Run a program of the lab. Returns its exit code; 2 if the lab can't be built here."""
    # An end from outside takes the networks along, as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        require_privilege()
        return work()
    except LabError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command and return what it printed. Raises LabError with its own words."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


AUTOGROUP = Path("/proc/self/autogroup")


def behind(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` with what processor time others leave.

    Linux shares out the processors among sessions first (sched(7), autogroup), and niceness says
    little to those of other sessions: it must be begun as a session of its own.
    """
    if not AUTOGROUP.exists():
        return ["nice", "-n", "19", *command]
    return ["sh", "-c", f'echo 19 > {AUTOGROUP}; exec "$@"', "sh", *command]


@dataclass
class Namespace:
    """One host of the lab."""

    name: str
    resolver: str | None = None
    """Address of its DNS server."""
    folder: Path = field(default=Path("/tmp"))
    """Where its resolv.conf is kept."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def create(cls, name: str, folder: Path) -> Namespace:
        """Make the namespace, with its loopback up and IPv6 addresses usable at once."""
        run("ip", "netns", "add", name)
        made = cls(name, folder=folder)
        made.ip("link", "set", "lo", "up")
        for scope in ("all", "default"):
            made.sysctl(f"net.ipv6.conf.{scope}.accept_dad", "0")
        return made

    @property
    def path(self) -> Path:
        """The file that names it for setns(2)."""
        return RUN / self.name

    def ip(self, *arguments: str) -> str:
        """Run `ip` inside."""
        return run("ip", "-n", self.name, *arguments)

    def nft(self, rules: str) -> None:
        """Load an nftables rule set inside."""
        run(*self.command(["nft", "-f", "-"]), stdin=rules)

    def sysctl(self, name: str, value: str) -> None:
        """Set a kernel parameter inside."""
        run(*self.command(["sysctl", "-qw", f"{name}={value}"]))

    def command(self, command: Sequence[str]) -> list[str]:
        """The command line that runs `command` inside, with this host's DNS server."""
        enter = ["nsenter", f"--net={self.path}"]
        if self.resolver is None:
            return [*enter, *command]
        resolv = self.folder / f"{self.name}.resolv.conf"
        resolv.write_text(f"nameserver {self.resolver}\noptions timeout:1 attempts:2\n")
        script = f'mount --bind {resolv} /etc/resolv.conf && exec "$@"'
        return [*enter, "unshare", "-m", "sh", "-c", script, "sh", *command]

    def start(
        self,
        command: Sequence[str],
        *,
        env: dict[str, str] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        yields: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a program inside. It ends with the namespace at the latest.

        One that `yields` gets what processor time others leave.
        """
        inside = self.command(command)
        process = subprocess.Popen(
            behind(inside) if yields else inside,
            env=env,
            stdout=stdout,
            stderr=stderr,
            stdin=stdin,
            start_new_session=yields,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End its programs and remove it."""
        for process in self.processes:
            stop(process)
        run("ip", "netns", "del", self.name)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program that we started: politely, then for certain."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def connect(a: Namespace, a_device: str, b: Namespace, b_device: str) -> None:
    """Join two hosts with a cable."""
    run(
        "ip",
        "-n",
        a.name,
        "link",
        "add",
        a_device,
        "type",
        "veth",
        "peer",
        "name",
        b_device,
        "netns",
        b.name,
    )
    a.ip("link", "set", a_device, "up")
    b.ip("link", "set", b_device, "up")
