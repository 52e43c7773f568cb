"""What may be registered as an address to come back to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from identity.provider.redirects import check_registrable


@pytest.mark.parametrize(
    "uri",
    [
        "https://shop.example/callback",
        "https://shop.example",
        "https://shop.example:8443/a/b?tenant=one",
        "https://[2001:db8::1]/cb",
    ],
)
@pytest.mark.parametrize("public", [True, False])
def test_https_is_for_everybody(uri: str, public: bool) -> None:
    check_registrable(uri, public=public)


@pytest.mark.parametrize("uri", ["th.go.example.app:/callback", "com.example.app:/", "com.example.my-app:/a?b=c"])
def test_a_private_scheme_is_for_public_clients(uri: str) -> None:
    check_registrable(uri, public=True)
    with pytest.raises(BadInput):
        check_registrable(uri, public=False)


@pytest.mark.parametrize("uri", ["http://localhost:3000/callback", "http://127.0.0.1/cb", "http://[::1]:1/cb"])
def test_a_developers_own_machine_is_for_development(uri: str) -> None:
    check_registrable(uri, public=True, development=True)
    with pytest.raises(BadInput):
        check_registrable(uri, public=True)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "shop.example/callback",
        "//shop.example/callback",
        "https:///callback",
        "https://",
        "http://shop.example/callback",
        "https://shop.example/callback#fragment",
        "https://shop.example/callback#",
        "https://*.shop.example/callback",
        "https://shop.example/*",
        "https://user@shop.example/",
        "https://user:secret@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example/ callback",
        "https://shop.example/\ncallback",
        "https://shop.example:99999/",
        "https://shop.example/ก",
        "https://shop.example/{issuer}",
        "https://[::1/",
        "myapp:/callback",
        "com.example.app://host/callback",
        "com.example.app:callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "com.example..app:/x",
        "https://shop.example/" + "x" * 500,
    ],
)
def test_all_else_is_refused_whoever_asks(uri: str) -> None:
    for public in (True, False):
        for development in (True, False):
            with pytest.raises(BadInput):
                check_registrable(uri, public=public, development=development)


@given(st.text(max_size=60))
def test_any_text_is_taken_or_refused_and_nothing_else(text: str) -> None:
    try:
        check_registrable(text, public=True, development=True)
    except BadInput:
        return
    assert text.isascii()
    assert not set(text) & set('#*\\ \n{}<>"')
