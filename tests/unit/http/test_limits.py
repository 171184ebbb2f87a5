"""Whose request it is: the address that a limit counts."""

from __future__ import annotations

import pytest

from fhir_server.http.limits import address_of, networks

INSIDE = networks("10.0.0.0/8, ::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "192.0.2.66, 198.51.100.1, 10.2.2.2", "198.51.100.1"),
        ("10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.1.1.1", "198.51.100.1:4711", "198.51.100.1"),
        ("::1", "[2001:db8::7]:4711", "2001:db8::/64"),
        ("10.1.1.1", "unknown, 10.2.2.2", "10.2.2.2"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("2001:db8:0:0:1:2:3:4", "", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::", "", "2001:db8::/64"),
        ("", "", "None"),
    ],
)
def test_an_address_is_the_last_that_no_believed_proxy_has(
    peer: str, forwarded: str, found: str
) -> None:
    environ = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert address_of(environ, INSIDE) == found


def test_without_a_proxy_that_is_believed_the_header_says_nothing() -> None:
    environ = {"REMOTE_ADDR": "10.1.1.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}
    assert address_of(environ, ()) == "10.1.1.1"
