"""Where a request comes from: the address that limits count by.

A header names an address only as far as a proxy of ours wrote it. Read from the right, each hop was added by the one
before it in our direction; the first that is not a proxy of ours is the caller, and all to its left is the caller's to
invent (RFC 7239 §8.1).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

UNKNOWN: Final = "unknown"
"""Callers whose address nobody tells, as behind a Unix socket; they are counted as one."""
ADDRESS: Final = "sitthi.address"
"""Where the edge leaves what it found, in the scope of a request."""
_HOPS_MAX: Final = 20
_HEADER_BYTES_MAX: Final = 4_096
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: IPv4 callers of a network that speaks IPv6 alone. By /64, all of them would be one."""
_PORT: Final = re.compile(r":[0-9]{1,5}\Z", re.ASCII)
_FOR: Final = re.compile(r"""(?:\A|;)\s*for\s*=\s*(?:"([^"\\]*)"|([^";,\s]+))\s*(?=;|\Z)""", re.ASCII | re.IGNORECASE)


def networks(text: str) -> Sequence[Network]:
    """Of `10.0.0.0/8, 192.0.2.7, 2001:db8::/32`. Raises ValueError, also for one that holds everybody."""
    found = [ipaddress.ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip()]
    if any(one.prefixlen == 0 for one in found):
        raise ValueError("a network that holds every address")
    return found


class Addresses:
    """Tells the address of a request. `trusted` are our own proxies: nobody else's headers are read."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def of(self, scope: Any) -> str:
        """Of an ASGI scope; IPv4 whole, IPv6 by its /64, which is the least that one household or phone is given."""
        client = scope.get("client")
        peer = parsed(client[0]) if client else None
        if peer is None:
            return UNKNOWN
        if self._trusted and self._is_ours(peer):
            peer = self._behind(peer, scope["headers"])
        return counted_as(peer)

    def _behind(self, proxy: Address, headers: Iterable[tuple[bytes, bytes]]) -> Address:
        """The last hop that is not ours, or that cannot be read: then whoever passed it on answers for it.

        A proxy writes one of the two headers and hands the other through as the caller sent it. So where both are
        there and disagree, neither is believed.
        """
        lists = [[value for name, value in headers if name == wanted] for wanted in (b"x-forwarded-for", b"forwarded")]
        found = {
            self._caller(proxy, hops(values))
            for hops, values in zip((_of_x_forwarded_for, _of_forwarded), lists, strict=True)
            if values
        }
        return found.pop() if len(found) == 1 else proxy

    def _caller(self, proxy: Address, hops: Sequence[str]) -> Address:
        last = proxy
        for hop in reversed(hops[-_HOPS_MAX:]):
            address = parsed(hop)
            if address is None:
                return last
            last = address
            if not self._is_ours(address):
                return address
        return last

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def address_of(scope: Any) -> str:
    """What the edge found for this request; where no edge stands before, its peer."""
    found = scope.get(ADDRESS)
    return str(found) if found else Addresses().of(scope)


@lru_cache(maxsize=4_096)
def parsed(text: str) -> Address | None:
    """An address as headers write it, with or without a port; None when it is none. IPv4 inside IPv6 is IPv4."""
    if text.startswith("["):
        inside, closed, port = text[1:].partition("]")
        if not closed or (port and not _PORT.match(port)):
            return None
        text = inside
    elif text.count(":") == 1:
        text = _PORT.sub("", text)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address
    return address


@lru_cache(maxsize=4_096)
def counted_as(address: Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)


def network_of(address: str) -> str:
    """Of what :meth:`Addresses.of` told: the network of which one party easily has all, IPv4 by its /24, IPv6 by its
    /48 (RFC 6177)."""
    try:
        network = ipaddress.ip_network(address)
    except ValueError:
        return address
    length = 24 if network.version == 4 else 48
    return str(network.supernet(new_prefix=length)) if network.prefixlen > length else address


def _of_x_forwarded_for(values: Sequence[bytes]) -> Sequence[str]:
    return [one.strip() for one in _joined(values).split(",")]


def _of_forwarded(values: Sequence[bytes]) -> Sequence[str]:
    """The `for` of each element (RFC 7239 §4); an element without one is a hop that cannot be read."""
    found = []
    for element in _joined(values).split(","):
        match = _FOR.search(element.strip())
        found.append((match[1] if match[1] is not None else match[2]) if match else "")
    return found


def _joined(values: Sequence[bytes]) -> str:
    """Repeated headers are one list (RFC 9110 §5.3); of an overlong one, the end, which is what our proxies wrote."""
    return b",".join(values)[-_HEADER_BYTES_MAX:].decode("latin-1")
