"""Which addresses an agency may be at: those that anybody on the internet reaches, and nothing of our own inside.

After the registries of special-purpose addresses (RFC 6890, as IANA keeps them), written out: `ipaddress.is_global`
of Python 3.11 takes multicast, 6to4, IPv4-compatible and site-local addresses, and both prefixes of NAT64, for global.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_V4: Final = {
    ipaddress.IPv4Network(network): name
    for network, name in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "private",
        "100.64.0.0/10": "shared by a provider",
        "127.0.0.0/8": "loopback",
        "168.63.129.16/32": "a cloud's own services",  # public by number, and answered by the machine's own host
        "169.254.0.0/16": "link-local",
        "172.16.0.0/12": "private",
        "192.0.0.0/24": "protocol assignments",
        "192.0.2.0/24": "documentation",
        "192.31.196.0/24": "AS112",
        "192.52.193.0/24": "AMT",
        "192.88.99.0/24": "6to4 relay",
        "192.168.0.0/16": "private",
        "192.175.48.0/24": "AS112",
        "198.18.0.0/15": "benchmarking",
        "198.51.100.0/24": "documentation",
        "203.0.113.0/24": "documentation",
        "224.0.0.0/4": "multicast",
        "240.0.0.0/4": "reserved",
    }.items()
}
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is given out as global unicast (RFC 4291 §2.4). Loopback, mapped and compatible addresses, unique local,
link-local, site-local, multicast, segment routing and the local prefix of NAT64 lie outside."""
_V6: Final = {
    ipaddress.IPv6Network(network): name
    for network, name in {
        "2001::/23": "protocol assignments, Teredo among them",
        "2001:db8::/32": "documentation",
        "2002::/16": "6to4",
        "2620:4f:8000::/48": "AS112",
        "3fff::/20": "documentation",
    }.items()
}
_LOOPBACK_V4: Final = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK_V6: Final = ipaddress.IPv6Address("::1")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: how a network that speaks IPv6 alone reaches IPv4. It is as good as the IPv4 address in it."""


def parsed(text: str) -> Address | None:
    """An address in its usual spelling; None for any other spelling, and for one with a zone."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None else address


def is_loopback(address: Address) -> bool:
    """127.0.0.0/8 and ::1; not ::ffff:127.0.0.1, which newer versions of `is_loopback` would take for it."""
    return address in _LOOPBACK_V4 if isinstance(address, ipaddress.IPv4Address) else address == _LOOPBACK_V6


def refusal_of(address: Address, *, loopback: bool) -> str | None:
    """What kind of address it is that no agency may be at; None for one that may be connected to."""
    if loopback and is_loopback(address):
        return None
    if isinstance(address, ipaddress.IPv6Address) and address in _NAT64:
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if isinstance(address, ipaddress.IPv4Address):
        return _named(address, _V4)
    if address not in _GLOBAL_V6:
        return "loopback" if is_loopback(address) else "not global unicast"
    return _named(address, _V6)


def _named(address: Address, table: Mapping[Any, str]) -> str | None:
    found = next((name for network, name in table.items() if address in network), None)
    return found or (None if address.is_global else "not global")
