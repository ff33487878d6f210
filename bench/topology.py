"""The place where everything is measured: two namespaces and one cable.

    core 0                                       core 1
    [ server 10.99.0.1, fd99::1 ] ──── veth ──── [ client 10.99.0.2, fd99::2 ]

Receive packet steering is off, so what a server sends is received at its own core's cost, in
softirq, up to the client's socket. `tx-udp-segmentation` is off unless asked for: then a run of
datagrams is cut up by the kernel of the sender, as with a network card that can't do it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from bench import ethtool
from bench.errors import BenchError
from netlab.namespaces import LabError, Namespace, connect, require_privilege

SERVER_CORE = 0
CLIENT_CORE = 1
SERVER_V4 = "10.99.0.1"
CLIENT_V4 = "10.99.0.2"
SERVER_V6 = "fd99::1"
CLIENT_V6 = "fd99::2"
DEVICE = "veth0"
SOCKET_BUFFER = 16 << 20
"""Bytes that a socket may ask for: none of the servers is to lose packets for want of them."""
BUFFER_LIMITS = [Path("/proc/sys/net/core") / name for name in ("rmem_max", "wmem_max")]
DESCRIPTORS = 8192
"""Open files for two thousand transports, on either side."""
CLONE_NEWNET = 0x40000000

T = TypeVar("T")


def require_machine() -> None:
    """Return if this machine can run the benchmark, or raise BenchError with what to do."""
    cores = os.cpu_count() or 1
    if cores < 2:
        raise BenchError(f"the benchmark needs 2 cores, one for the server; here is {cores}")
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        raise BenchError("the benchmark needs cores 0 and 1: start it without taskset")
    try:
        require_privilege()
    except LabError as error:
        raise BenchError(str(error).replace("the lab", "the benchmark")) from error


class Topology:
    """Two hosts with a cable between them. Use it in a `with` statement; it always cleans up."""

    def __init__(self, name: str, *, segmentation: bool = False) -> None:
        self._name = name
        self._segmentation = segmentation
        self._kept = contextlib.ExitStack()
        self._namespaces: list[Namespace] = []
        self._folder = tempfile.TemporaryDirectory(prefix="roomline-bench-")
        self.folder = Path(self._folder.name)

    def __enter__(self) -> Self:
        try:
            self._build()
        except LabError as error:
            self.close()
            raise BenchError(str(error)) from error
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _build(self) -> None:
        raise_descriptors()
        self._kept.enter_context(socket_buffers())
        self.server = self._namespace("s")
        self.client = self._namespace("c")
        connect(self.server, DEVICE, self.client, DEVICE)
        for host, v4, v6 in (
            (self.server, SERVER_V4, SERVER_V6),
            (self.client, CLIENT_V4, CLIENT_V6),
        ):
            host.ip("addr", "add", f"{v4}/24", "dev", DEVICE)
            host.ip("addr", "add", f"{v6}/64", "dev", DEVICE, "nodad")
            # Thousands of sockets and long queues: a lost packet is to be the server's doing.
            host.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
            inside(host, self._set_up_device)

    def _set_up_device(self) -> None:
        for cpus in Path(f"/sys/class/net/{DEVICE}/queues").glob("rx-*/rps_cpus"):
            # As it is with a new device; only the machine's own root may change it.
            if cpus.read_text().strip("0,\n"):
                cpus.write_text("0")
        ethtool.set_feature(DEVICE, "tx-udp-segmentation", on=self._segmentation)
        ethtool.set_feature(DEVICE, "rx-gro", on=False)

    def _namespace(self, suffix: str) -> Namespace:
        made = Namespace.create(f"{self._name}{suffix}", self.folder)
        self._namespaces.append(made)
        return made

    def close(self) -> None:
        """End the programs inside and remove the namespaces; what fails doesn't stop the rest."""
        problems = []
        while self._namespaces:
            try:
                self._namespaces.pop().close()
            except LabError as error:
                problems.append(str(error))
        self._folder.cleanup()
        self._kept.close()
        if problems:
            raise BenchError("; ".join(problems))

    def buffers(self) -> dict[str, int]:
        """The most that a socket may ask for, in bytes."""
        return {path.name: int(path.read_text()) for path in BUFFER_LIMITS}

    def features(self) -> dict[str, bool]:
        """Those of the server's device that decide about runs of datagrams."""
        told = inside(self.server, lambda: ethtool.features(DEVICE))
        wanted = ("tx-udp-segmentation", "tx-tcp-segmentation", "rx-gro", "tx-generic-segmentation")
        return {name: told[name] for name in wanted if name in told}


def inside(host: Namespace, work: Callable[[], T]) -> T:
    """Do `work` in a thread that is in the network (and sees the /sys) of `host`."""
    results: list[T] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            enter_network(host)
            _mount_sys()
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


@contextlib.contextmanager
def network_of(host: Namespace) -> Iterator[None]:
    """Be in the network of `host` with the calling thread, and with what it starts."""
    with Path("/proc/thread-self/ns/net").open() as home:
        enter_network(host)
        try:
            yield
        finally:
            _call("setns", home.fileno(), CLONE_NEWNET)


def enter_network(host: Namespace) -> None:
    """Move the calling thread into the network of `host`."""
    with host.path.open() as file:
        _call("setns", file.fileno(), CLONE_NEWNET)


def _mount_sys() -> None:
    """Show the thread the /sys of its own network, in a mount namespace of its own."""
    new_mounts, new_files, private, recursive = 0x00020000, 0x00000200, 1 << 18, 0x4000
    _call("unshare", new_mounts | new_files)
    _call("mount", b"none", b"/", None, private | recursive, None)
    _call("mount", b"sysfs", b"/sys", b"sysfs", 0, None)


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _write_if_there(path: Path, value: str) -> None:
    """Write a kernel setting. A kernel without packet steering has none to turn off."""
    try:
        path.write_text(value)
    except FileNotFoundError:
        return


def raise_descriptors() -> None:
    """Let this process and its children open a socket for each of thousands of transports."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < DESCRIPTORS:
        raise BenchError(f"the benchmark needs {DESCRIPTORS} open files: ulimit -Hn {DESCRIPTORS}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def client_core(nice: int = 0) -> Iterator[None]:
    """Keep this process and what it starts on the client's core; servers are put on their own.

    A negative `nice` lets all of them go before what else runs on the machine.
    """
    cores, priority = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    # Where the scheduler groups by session, a nice value counts within the session only.
    group = Path("/proc/self/autogroup")
    try:
        if nice:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            _write_if_there(group, str(nice))
    except PermissionError as error:
        raise BenchError("going before others takes root") from error
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        if nice:
            os.setpriority(os.PRIO_PROCESS, 0, priority)
            _write_if_there(group, "0")


@contextlib.contextmanager
def socket_buffers() -> Iterator[None]:
    """Let sockets have buffers for a burst to everybody. The limits are the whole machine's.

    Where they can't be changed they stay as they are, which results tell.
    """
    before = {path: path.read_text() for path in BUFFER_LIMITS}
    changed = []
    try:
        for path, value in before.items():
            if int(value) < SOCKET_BUFFER and os.access(path, os.W_OK):
                path.write_text(str(SOCKET_BUFFER))
                changed.append(path)
        yield
    finally:
        for path in changed:
            path.write_text(before[path])
