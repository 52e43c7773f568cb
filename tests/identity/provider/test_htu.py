"""One address has many spellings; here it has one."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.provider.htu import normalised

URL = "https://sitthi.example/oauth/token"


@pytest.mark.parametrize(
    "same",
    [
        "HTTPS://SITTHI.EXAMPLE/oauth/token",
        "https://sitthi.example:443/oauth/token",
        "https://sitthi.example/oauth/token?code=1",
        "https://sitthi.example/oauth/token#here",
        "https://sitthi.example/oauth/./token",
        "https://sitthi.example/oauth/x/../token",
        "https://sitthi.example/%6fauth/to%6Ben",
        "https://sitthi.example:/oauth/token",
    ],
)
def test_spellings_of_one_address_are_equal(same: str) -> None:
    assert normalised(same) == URL


@pytest.mark.parametrize(
    "other",
    [
        "http://sitthi.example/oauth/token",
        "https://sitthi.example:8443/oauth/token",
        "https://sitthi.example/oauth/token/",
        "https://sitthi.example//oauth/token",
        "https://sitthi.example/oauth/Token",
        "https://sitthi.example/oauth%2Ftoken",
        "https://sitthi.example./oauth/token",
        "https://sitthi.example.evil.example/oauth/token",
        "https://sitthi.example/oauth/token/../authorize",
        "https://sitthi.example",
    ],
)
def test_other_addresses_stay_others(other: str) -> None:
    assert normalised(other) != URL


@pytest.mark.parametrize(
    "no_address",
    [
        "",
        "/oauth/token",
        "sitthi.example/oauth/token",
        "//sitthi.example/oauth/token",
        "ws://sitthi.example/oauth/token",
        "https:///oauth/token",
        "https://sitthi.example@evil.example/oauth/token",
        "https://sitthi.example:port/oauth/token",
        "https://sitthi.example:65536/oauth/token",
        "https://[::1/oauth/token",
        "https://sitthi%2Eexample/oauth/token",
        "https://sitthi.example/oauth/%zz",
        "https://sitthi.example/oauth/%6",
        "https://sitthi.example\\oauth/token",
        "https://sitthi.example/oauth /token",
        "https://sitthi.example/oauth/tokén",
        "https://sitthi.example/oauth/token\n",
    ],
)
def test_what_is_no_http_address_is_refused(no_address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        normalised(no_address)


segments = st.text("abc.%42fFéZ/ ~-_", max_size=12)
ports = st.sampled_from(["", ":443", ":80", ":8443"])


@given(
    scheme=st.sampled_from(["http", "HTTPS", "https"]), port=ports, path=segments, rest=st.text("?#a=&é", max_size=5)
)
def test_the_normal_form_is_its_own_and_keeps_the_origin(scheme: str, port: str, path: str, rest: str) -> None:
    with contextlib.suppress(ValueError):
        once = normalised(f"{scheme}://Host.Example{port}/{path}{rest}")
        assert normalised(once) == once
        assert once.startswith(f"{scheme.lower()}://host.example")
        assert not set("?#") & set(once)
        assert "/../" not in once


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert normalised(text).startswith("http")
