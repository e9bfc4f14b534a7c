"""A connection goes to the address that was checked, under the name's certificate, and to nothing else."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.completions import KEY, MODEL, completions
from trainer.contract import endpoint
from trainer.contract import generators as said
from trainer.contract.endpoint import Client, Question
from trainer.contract.generators import EndpointError, Generator
from trainer.contract.records import Message

NAME = "gpu.example.test"
QUESTION = Question([Message(role="user", content="Hello?")], 8, 1.0, 1.0, 7)


def asked(url, times=1, **more):
    """The answer to the last of some questions of one client."""

    async def ask():
        client = Client(Generator(**{"name": "lab", "url": url, "model": MODEL, "hosts": (NAME,)} | more), KEY)
        try:
            return [(await client.ask(QUESTION)).text for _ in range(times)][-1]
        finally:
            await client.close()

    return asyncio.run(ask())


@pytest.fixture
def leads(monkeypatch):
    """Where the name leads, one address after the other; numbers stay what they are."""
    answers, real = [], socket.getaddrinfo

    def lookup(host, port, *rest, **more):
        if host in (NAME, NAME.encode()):
            return real(answers.pop(0), port, *rest, **more)
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
        return real(host, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return answers


def test_a_name_is_looked_up_once_and_the_connection_goes_there(leads):
    leads += ["127.0.0.1"]
    with completions() as server:
        assert asked(f"http://{NAME}:{server.server_port}/v1", times=2) == "Hello? 7"
        assert server.hosts == {f"{NAME}:{server.server_port}"}
    assert not leads


def test_a_name_that_leads_elsewhere_by_now_is_checked_again(leads, monkeypatch):
    leads += ["127.0.0.1", "169.254.169.254"]
    monkeypatch.setattr(endpoint, "KNOWN_FOR_SECONDS", -1)
    with completions() as server, pytest.raises(EndpointError) as error:
        asked(f"http://{NAME}:{server.server_port}/v1", times=2)
    assert (error.value.text, error.value.values["address"]) == (said.FORBIDDEN, "169.254.169.254")
    assert len(server.answered) == 1


def test_no_redirect_is_followed_and_no_proxy_asked(leads, monkeypatch):
    leads += ["127.0.0.1"] * 2
    with completions() as other, completions() as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{other.server_port}")
        url = f"http://{NAME}:{server.server_port}/v1"
        assert asked(url) == "Hello? 7"
        server.say = lambda _asked: (307, b"", {"location": f"{other.url}/chat/completions"})
        with pytest.raises(EndpointError) as error:
            asked(url)
        assert error.value.text == said.MOVED
        assert not other.asked


@pytest.fixture
def certificate(tmp_path):
    """A certificate for a name, which this machine trusts."""

    def made(name):
        key = ec.generate_private_key(ec.SECP256R1())
        called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        built = (
            x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / "certificate.pem"
        kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        file.write_bytes(built.public_bytes(kind[0]) + key.private_bytes(*kind))
        return file

    return made


@pytest.mark.parametrize(("name", "fine"), [(NAME, True), ("other.example.test", False)])
def test_the_certificate_is_for_the_name_though_the_connection_goes_to_a_number(
    leads, certificate, monkeypatch, name, fine
):
    file = certificate(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    leads += ["127.0.0.1"]
    with completions(tls=context) as server:
        url = f"https://{NAME}:{server.server_port}/v1"
        if fine:
            assert asked(url) == "Hello? 7"
        else:
            with pytest.raises(EndpointError, match="cannot be reached"):
                asked(url)
            assert not server.asked


def test_a_server_that_trickles_is_not_waited_for_longer_than_was_said(leads):
    def slow(_asked):
        time.sleep(0.5)

    leads += ["127.0.0.1"]
    with completions(say=slow) as server, pytest.raises(EndpointError) as error:
        asked(f"http://{NAME}:{server.server_port}/v1", timeout_seconds=0.1)
    assert (error.value.text, error.value.scope) == (said.TOO_SLOW, "again")


def test_an_answer_without_end_is_left(leads, monkeypatch):
    monkeypatch.setattr(endpoint, "LARGEST_MB", 0.001)
    leads += ["127.0.0.1"]
    with completions(say=lambda _asked: (200, b"x" * 2000)) as server, pytest.raises(EndpointError) as error:
        asked(f"http://{NAME}:{server.server_port}/v1")
    assert error.value.text == said.TOO_LARGE
