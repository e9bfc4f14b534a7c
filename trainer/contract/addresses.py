"""The one door to other machines: which hosts may be asked, and at which network addresses.

Whoever may name an address could otherwise have this server ask what only it can reach: its neighbours, or the address
at which a cloud hands out the machine's own credentials. So a host must be on a list; the list may say ``*``, any
public host over https. What a name leads to is checked whenever a connection is made, which then goes to just that.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from trainer.contract.generators import (
    FORBIDDEN,
    NO_ADDRESS,
    NOT_LISTED,
    NOT_SECURE,
    UNKNOWN_HOST,
    EndpointError,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

ANY_PUBLIC = "*"
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        # Beside the link-local ones: Azure, Alibaba, Oracle, AWS by IPv6.
        ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Place:
    """A host that may be asked; ``listed`` where the settings name it, and not just ``*``."""

    host: str
    port: int
    listed: bool


def hosts_of(setting: str) -> tuple[str, ...]:
    """The hosts of a setting, with commas or blanks between: ``host``, ``host:port`` or ``*``."""
    return tuple(re.findall(r"[^\s,]+", setting.lower()))


def place_of(url: str, hosts: Sequence[str]) -> Place:
    """The host of an address, if it may be asked.

    Raises:
        EndpointError: it is no address, or its host is not on the list.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = "", 0
    readable = bool(host and port) and url.isprintable() and " " not in url
    if not readable or parts.scheme not in _PORTS or parts.query or parts.fragment:
        raise EndpointError(NO_ADDRESS, "all", url=re.split(r"[?#]", url)[0][:200])
    if parts.username is not None or parts.password is not None:  # where they would be seen and logged
        raise EndpointError(NO_ADDRESS, "all", url=f"{parts.scheme}://…@{host}")
    bare = f"[{host}]" if ":" in host else host
    listed = bool({host, bare, f"{bare}:{port}"}.intersection(hosts))
    if not listed and ANY_PUBLIC not in hosts:
        raise EndpointError(NOT_LISTED, "all", host=host)
    if not listed and parts.scheme != "https":
        raise EndpointError(NOT_SECURE, "all", host=host)
    return Place(host, port, listed)


def addresses_of(place: Place) -> list[str]:
    """The network addresses that a name leads to now, all of them fit to be asked.

    Raises:
        EndpointError: the name is not known, or one of its addresses is not fit.
    """
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise EndpointError(UNKNOWN_HOST, "again", host=place.host, reason=reason) from None
    addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    for address in addresses:
        if not all(_fit(one, listed=place.listed) for one in _meant(ipaddress.ip_address(address))):
            raise EndpointError(FORBIDDEN, "all", host=place.host, address=address)
    return addresses


def _fit(address: Address, *, listed: bool) -> bool:
    """Whether a generator may be there. A host that the settings name may be at home, but no host a cloud's own."""
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA:
        return False
    return listed or address.is_global


def _meant(address: Address) -> list[Address]:
    """An address, and the one of IPv4 that it wraps, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:  # the same, written otherwise
        return [address.ipv4_mapped]
    inner = [address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [address, *(one for one in inner if one is not None)]
