"""What a host process may do: set by the process itself, before it runs any code of the package.

Limits of the kernel (setrlimit(2)), death with the server (prctl(2)), and, where the kernel has it, Landlock
(landlock(7)): the process then reads the Python that it runs and its own folder, writes in its own folder, starts no
other program, signals nobody, and connects to the ports of its agency and of name servers alone. It can neither
read the server's settings, keys and database, nor look into the server.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from services.plugins.hosting.handover import HostLimits

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_BY_PATH, _BY_PORT = 1, 2
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_OF_FILES: Final = 0b1100_0000_0000_0111
"""Execute, write, read, truncate, ioctl: what can be granted on something that is no folder."""
_TO_EXECUTE: Final = 1 << 0
_RIGHTS_BY_VERSION: Final = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}
_RIGHTS: Final = 0xFFFF
_CONNECT_AND_BIND: Final = 0b11
_CONNECT: Final = 0b10
_SCOPES: Final = 0b11
"""Abstract sockets and signals stay among ourselves."""
_SYSTEM: Final = (
    *("/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/usr/share/ca-certificates", "/lib", "/lib64"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf"),
    *("/etc/nsswitch.conf", "/etc/gai.conf", "/etc/localtime", "/etc/ld.so.cache", "/dev/urandom"),
    *("/usr/local/lib", "/usr/local/share/ca-certificates"),
)
"""What Python needs of the system: libraries, time zones, certificates, and how names become addresses."""


_PR_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FLAGS_AT = 0, 4, 16
"""In `struct seccomp_data`; of the first argument, the lower half (both machines are little-endian)."""
_CLONE_THREAD: Final = 0x10000
_OF_X32: Final = 0x40000000
_CLONE3: Final = 435
_ALLOWED: Final = 0x7FFF0000
_ERROR: Final = 0x00050000
_MACHINES: Final = {"x86_64": (0xC000003E, 56, (57, 58)), "aarch64": (0xC00000B7, 220, ())}
"""Of each machine its name for the kernel (AUDIT_ARCH), its number of `clone`, and those of `fork` and `vfork`."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Port(ctypes.Structure):
    _fields_ = (("rights", ctypes.c_uint64), ("port", ctypes.c_uint64))


def die_with(parent: int) -> None:
    """Has the kernel kill this process when the thread that started it ends. Leaves at once when it has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def limit(limits: HostLimits) -> None:
    """No dumps, which would hold people's data; so much memory, so many files, files so large; after us in the queue.

    There is no limit on processor time: it counts a life, and would end an honest process in the end. One that does
    not stop computing does not answer, and is replaced for that.
    """
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, limits.address_bytes_max),
        (resource.RLIMIT_NOFILE, limits.files_max),
        (resource.RLIMIT_FSIZE, limits.file_bytes_max),
    ):
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))
    os.umask(0o077)
    os.nice(limits.niceness)


def landlock_version() -> int:
    """Of this kernel; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, 0, 1)))


def confine(*, reads: Iterable[Path], lists: Iterable[Path], writes: Path, connects: Iterable[int]) -> int:
    """Shuts the process in, and answers the version of Landlock; 0 where the kernel has none, and nothing is shut.

    `lists` are folders of which the names may be read and nothing else. Must run before any thread is started.
    Raises OSError.
    """
    version = landlock_version()
    if version == 0:
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    rights = _RIGHTS_BY_VERSION.get(version, _RIGHTS)
    ruleset = _Ruleset(rights, _CONNECT_AND_BIND if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _called(libc.syscall(_CREATE, ctypes.byref(ruleset), size, 0))
    readable = rights & (_READ_FILE | _READ_DIR)
    for path in (*(Path(each) for each in _SYSTEM), *reads):
        _allow(libc, rules, path, readable)
    for path in lists:
        _allow(libc, rules, path, _READ_DIR)
    _allow(libc, rules, Path(os.devnull), readable | rights & 0b10)
    _allow(libc, rules, writes, rights & ~_TO_EXECUTE)
    if version >= 4:
        for port in connects:
            _called(libc.syscall(_ADD, rules, _BY_PORT, ctypes.byref(_Port(_CONNECT, port)), 0))
    _called(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _called(libc.syscall(_RESTRICT, rules, 0))
    os.close(rules)
    return version


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def stay_alone() -> bool:
    """From now on the process can start threads and no processes (seccomp(2)): one that begins a session of its own
    would outlive the host and the server, and no limit of memory would count it. Whether that is so: not on another
    machine than x86-64 and ARM64 with Linux, nor where the kernel has no filters."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    arch, clone, forks = machine
    # The C library asks for `clone3`, whose flags a filter cannot see, and takes `clone` where there is none.
    ends = [(_RETURN, 0, 0, value) for value in (_ALLOWED, _ERROR | errno.EPERM, _ERROR | errno.ENOSYS)]
    tests = [(_IF_AT_LEAST, _OF_X32, "refused"), *((_IF_EQUAL, number, "refused") for number in forks)]
    tests += [(_IF_EQUAL, _CLONE3, "absent"), (_IF_EQUAL, clone, "flags")]
    flags_at = 3 + len(tests) + 1
    allowed = flags_at + 2
    to = {"refused": allowed + 1, "absent": allowed + 2, "flags": flags_at}
    written = [(_LOAD, 0, 0, _MACHINE_AT), (_IF_EQUAL, 0, allowed + 1 - 2, arch), (_LOAD, 0, 0, _NUMBER_AT)]
    for place, (code, value, where) in enumerate(tests, start=3):
        written.append((code, to[where] - place - 1, 0, value))
    written += [(_RETURN, 0, 0, _ALLOWED), (_LOAD, 0, 0, _FLAGS_AT), (_IF_SET, 0, 1, _CLONE_THREAD), *ends]
    program = (_Instruction * len(written))(*(_Instruction(*one) for one in written))
    libc = ctypes.CDLL(None, use_errno=True)
    _called(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(written), program)), 0, 0) == 0)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        granted = rights if path.is_dir() else rights & _OF_FILES
        _called(libc.syscall(_ADD, rules, _BY_PATH, ctypes.byref(_Beneath(granted, place)), 0))
    finally:
        os.close(place)


def _called(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
