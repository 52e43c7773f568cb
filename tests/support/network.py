"""In a test, nothing leaves the machine: a connection or a name look-up beyond loopback is an error that names it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Final

_LOCAL_NAMES: Final = {None, "", "localhost", "localhost.", b"localhost"}


class NetworkClosed(RuntimeError):
    """A test reached out. Give it a sandbox, or hand the client in."""


def is_local(host: object) -> bool:
    """Whether `host` (a name, an address, or nothing) is this machine. Names under `.localhost` are, by RFC 6761."""
    if host in _LOCAL_NAMES:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def close(patch: Callable[[object, str, object], None]) -> None:
    """`patch` is `MonkeyPatch.setattr`. Guards the sockets that Python opens, asyncio's included, except Unix ones."""

    def guarded(name: str, address_at: int) -> None:
        original = getattr(socket.socket, name)

        def guard(self: socket.socket, *arguments: Any) -> Any:
            address = arguments[address_at]
            if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
                raise NetworkClosed(f"a test tried to reach {address[0]}")
            return original(self, *arguments)

        patch(socket.socket, name, guard)

    for name in ("connect", "connect_ex"):
        guarded(name, 0)
    guarded("sendto", -1)

    look_up = socket.getaddrinfo

    def guard_look_up(host: object, *arguments: Any, **options: Any) -> Any:
        if not is_local(host) and host not in ("0.0.0.0", "::"):  # noqa: S104 - listening everywhere leaves nothing
            raise NetworkClosed(f"a test asked for the address of {host!r}")
        return look_up(host, *arguments, **options)  # type: ignore[arg-type]

    patch(socket, "getaddrinfo", guard_look_up)
