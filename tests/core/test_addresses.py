"""Whose request it is: the proxies' word is taken where they are ours, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.addresses import ADDRESS, UNKNOWN, Addresses, address_of, networks
from core.settings import Settings

PROXIES = Addresses(networks("10.0.0.0/8, 192.0.2.7, 2001:db8:ff::/48"))


def scope(peer: str | None, *headers: tuple[str, str]) -> dict[str, Any]:
    return {
        "client": None if peer is None else (peer, 4711),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def told(peer: str | None, *headers: tuple[str, str]) -> str:
    return PROXIES.of(scope(peer, *headers))


def forwarded_for(value: str) -> tuple[str, str]:
    return ("x-forwarded-for", value)


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
        ("64:ff9b::198.51.100.9", "198.51.100.9"),
        ("not an address", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_an_ipv4_address_counts_for_itself_and_an_ipv6_address_for_its_network(peer: str | None, counted: str) -> None:
    assert told(peer) == counted


@pytest.mark.parametrize(
    "header", [forwarded_for("203.0.113.5"), ("forwarded", "for=203.0.113.5"), ("x-real-ip", "203.0.113.5")]
)
def test_nobody_but_our_proxies_can_say_that_they_are_somebody_else(header: tuple[str, str]) -> None:
    assert told("198.51.100.9", header) == "198.51.100.9"
    assert Addresses().of(scope("10.0.0.1", header)) == "10.0.0.1"


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:4711", "203.0.113.5"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("192.0.2.1, 203.0.113.5", "203.0.113.5"),  # what the caller sent stands to the left
        ("192.0.2.1, 203.0.113.5, 10.0.0.9, 192.0.2.7", "203.0.113.5"),
        ("10.0.0.9, 10.0.0.8", "10.0.0.9"),  # a caller inside
        ("1.1.1.1," * 5_000 + "203.0.113.5", "203.0.113.5"),
    ],
)
def test_behind_our_proxies_the_last_hop_that_is_not_ours_is_the_caller(value: str, counted: str) -> None:
    assert told("10.0.0.1", forwarded_for(value)) == counted
    assert told("2001:db8:ff::1", forwarded_for(value)) == counted


@pytest.mark.parametrize(
    "value",
    ["", "unknown", "_hidden", "203.0.113.5.6", "fe80::1%eth0", "[2001:db8::1", "[2001:db8::1]x", "203.0.113.5:x", "é",
     "203.0.113.5,", "203.0.113.5, unknown", "01.02.03.04"],
)  # fmt: skip
def test_a_header_that_cannot_be_read_is_the_proxys_own_request(value: str) -> None:
    assert told("10.0.0.1", forwarded_for(value)) == "10.0.0.1"


def test_a_header_that_is_repeated_is_one_list() -> None:
    assert told("10.0.0.1", forwarded_for("192.0.2.1"), forwarded_for("203.0.113.5, 10.0.0.2")) == "203.0.113.5"


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        ("for=203.0.113.5", "203.0.113.5"),
        ('For="[2001:db8:1:2::9]:443";proto=https;by=10.0.0.1', "2001:db8:1:2::/64"),
        ("proto=https;for=203.0.113.5:80", "203.0.113.5"),
        ("for=192.0.2.1, for=203.0.113.5, for=10.0.0.2", "203.0.113.5"),
        ("for=_hidden", "10.0.0.1"),
        ("for=203.0.113.5, proto=https", "10.0.0.1"),
        ('for="203.0.113.5', "10.0.0.1"),
        ("xfor=203.0.113.5", "10.0.0.1"),
    ],
)
def test_the_standard_header_is_read_too(value: str, counted: str) -> None:
    assert told("10.0.0.1", ("forwarded", value)) == counted


def test_where_the_two_headers_disagree_one_was_sent_by_the_caller_and_neither_is_believed() -> None:
    real, forged = forwarded_for("203.0.113.5"), ("forwarded", "for=192.0.2.1")
    assert told("10.0.0.1", real, forged) == "10.0.0.1"
    assert told("10.0.0.1", forged, real) == "10.0.0.1"
    assert told("10.0.0.1", real, ("forwarded", "for=203.0.113.5")) == "203.0.113.5"


@given(st.text(max_size=60), st.sampled_from(["x-forwarded-for", "forwarded"]))
def test_no_header_breaks_the_edge_or_makes_a_caller_of_our_own_choosing(value: str, name: str) -> None:
    headers = [(name.encode(), value.encode("utf-8", "ignore") + b", 10.0.0.3" * (name != "forwarded"))]
    found = PROXIES.of({"client": ("10.0.0.1", 1), "headers": headers})
    assert found
    assert Addresses().of({"client": ("198.51.100.9", 1), "headers": headers}) == "198.51.100.9"


def test_what_the_edge_found_is_what_the_rooms_read() -> None:
    assert address_of({**scope("198.51.100.9"), ADDRESS: "203.0.113.5"}) == "203.0.113.5"
    assert address_of(scope("198.51.100.9", forwarded_for("203.0.113.5"))) == "198.51.100.9"


@pytest.mark.parametrize("value", ["10.0.0.0/33", "proxy.example", "10.0.0.1;10.0.0.2", "0.0.0.0/0", "10.0.0.1, ::/0"])
def test_a_proxy_that_cannot_be_read_is_told_at_the_start(value: str) -> None:
    with pytest.raises(ValueError, match="SITTHI_TRUSTED_PROXIES"):
        Settings(trusted_proxies=value)
