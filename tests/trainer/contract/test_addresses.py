"""Which hosts a generator may be at: those that the settings name, and nothing that only this server can reach."""

import socket

import pytest

from trainer.contract import addresses
from trainer.contract import generators as said
from trainer.contract.addresses import addresses_of, hosts_of, place_of
from trainer.contract.generators import EndpointError


@pytest.mark.parametrize(
    ("url", "hosts", "text"),
    [
        ("https://api.example.com/v1", "", said.NOT_LISTED),
        ("https://api.example.com/v1", "example.com other.net", said.NOT_LISTED),
        ("https://api.example.com:444/v1", "api.example.com:443", said.NOT_LISTED),
        ("http://api.example.com/v1", "*", said.NOT_SECURE),
        ("api.example.com/v1", "*", said.NO_ADDRESS),
        ("file:///etc/passwd", "*", said.NO_ADDRESS),
        ("gopher://api.example.com:70/", "*", said.NO_ADDRESS),
        ("https://me:secret@api.example.com/v1", "*", said.NO_ADDRESS),
        ("https://api.example.com/v1?key=secret", "*", said.NO_ADDRESS),
        ("https://api.example.com/v1#there", "*", said.NO_ADDRESS),
        ("https://api.example.com:99999/v1", "*", said.NO_ADDRESS),
        ("https://api.example.com\\@evil.net/ v1", "*", said.NO_ADDRESS),
        ("https:///v1", "*", said.NO_ADDRESS),
        ("", "*", said.NO_ADDRESS),
    ],
)
def test_what_may_not_be_asked(url, hosts, text):
    with pytest.raises(EndpointError) as error:
        place_of(url, hosts_of(hosts))
    assert error.value.text == text
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "hosts", "listed"),
    [
        ("https://API.example.com/v1", "api.example.com", True),
        ("http://gpu-1:8000/v1", "api.example.com, GPU-1:8000", True),
        ("http://[::1]:8000/v1", "[::1]:8000", True),
        ("https://api.example.com/v1", "*", False),
    ],
)
def test_what_may_be_asked(url, hosts, listed):
    assert place_of(url, hosts_of(hosts)).listed == listed


@pytest.mark.parametrize(
    ("address", "when_listed", "otherwise"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1::1", True, True),
        ("10.1.2.3", True, False),
        ("127.0.0.1", True, False),
        ("::1", True, False),
        ("fd12::1", True, False),
        ("100.64.0.1", True, False),
        ("169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("fd00:ec2::254", False, False),
        ("168.63.129.16", False, False),
        ("100.100.100.200", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("224.0.0.1", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("::ffff:10.1.2.3", True, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("2002:a9fe:a9fe::1", False, False),
        ("::169.254.169.254", False, False),
    ],
)
def test_where_a_name_may_lead(monkeypatch, address, when_listed, otherwise):
    def lookup(_host, port, **_):
        return [(None, None, None, "", (each, port)) for each in ("93.184.216.34", address)]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", lookup)
    for listed, fine in ((True, when_listed), (False, otherwise)):
        place = addresses.Place("name.example.com", 443, listed)
        if fine:
            assert addresses_of(place)[-1] == address
        else:
            with pytest.raises(EndpointError, match="where no generator may be"):
                addresses_of(place)


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "0177.0.0.1"])
def test_other_spellings_of_an_address_are_that_address(host):
    with pytest.raises(EndpointError, match=r"where no generator may be|is not known"):
        addresses_of(addresses.Place(host, 443, listed=False))


def test_a_name_that_nobody_knows_may_be_known_later(monkeypatch):
    def lookup(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", lookup)
    with pytest.raises(EndpointError) as error:
        addresses_of(addresses.Place("nobody.example.com", 443, listed=False))
    assert error.value.scope == "again"
