"""Certificates and TLS contexts for servers, created on first use."""

import datetime
import ssl
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import trustme

from .servers import Peer

_NOW = datetime.datetime.now(tz=datetime.UTC)
_DAY = datetime.timedelta(days=1)
HOSTS = ("localhost", "127.0.0.1")


@cache
def authority() -> trustme.CA:
    """Return the authority that clients trust."""
    return trustme.CA(organization_name="Trusted by the tests")


@cache
def trusting() -> ssl.SSLContext:
    """Return a client's context that trusts the tests' authority, and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@cache
def valid() -> ssl.SSLContext:
    """Return a context with a valid certificate."""
    return serving(authority().issue_cert(*HOSTS))


def of_unknown_authority() -> ssl.SSLContext:
    """Return a context with a certificate of an untrusted authority."""
    return serving(trustme.CA().issue_cert(*HOSTS))


def self_signed() -> ssl.SSLContext:
    """Return a context with a self-signed certificate."""
    stranger = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with stranger.cert_pem.tempfile() as cert, stranger.private_key_pem.tempfile() as key:
        context.load_cert_chain(cert, key)
    return context


def of_same_name() -> ssl.SSLContext:
    """Return a context with a certificate of an untrusted authority with the trusted name."""
    return serving(trustme.CA(organization_name="Trusted by the tests").issue_cert(*HOSTS))


def for_other_host() -> ssl.SSLContext:
    """Return a context with a certificate for another host."""
    return serving(authority().issue_cert("elsewhere.example"))


def for_other_address() -> ssl.SSLContext:
    """Return a context with a certificate for an address instead of the host name."""
    return serving(authority().issue_cert("127.0.0.1"))


def for_sub_domain() -> ssl.SSLContext:
    """Return a context with a wildcard certificate that does not include the host name itself."""
    return serving(authority().issue_cert("*.localhost"))


def without_name() -> ssl.SSLContext:
    """Return a context whose certificate has the host only as its common name, as before 2000."""
    return serving(authority().issue_cert("elsewhere.example", common_name="localhost"))


def expired() -> ssl.SSLContext:
    """Return a context with an expired certificate."""
    return serving(
        authority().issue_cert(*HOSTS, not_before=_NOW - 9 * _DAY, not_after=_NOW - 2 * _DAY)
    )


def not_yet_valid() -> ssl.SSLContext:
    """Return a context with a certificate that is valid from tomorrow."""
    return serving(
        authority().issue_cert(*HOSTS, not_before=_NOW + _DAY, not_after=_NOW + 9 * _DAY)
    )


def without_intermediate() -> ssl.SSLContext:
    """Return a context that does not send its intermediate certificate."""
    leaf = authority().create_child_ca().issue_cert(*HOSTS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with leaf.cert_chain_pems[0].tempfile() as cert, leaf.private_key_pem.tempfile() as key:
        context.load_cert_chain(cert, key)
    return context


def requiring_client_certificate() -> ssl.SSLContext:
    """Return a context that requires a client certificate."""
    context = serving(authority().issue_cert(*HOSTS))
    context.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(context)
    return context


def of_old_version() -> ssl.SSLContext:
    """Return a context for TLS 1.1 and older."""
    context = serving(authority().issue_cert(*HOSTS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def of_no_shared_cipher() -> ssl.SSLContext:
    """Return a context with one TLS 1.2 cipher that clients do not offer."""
    context = serving(authority().issue_cert(*HOSTS))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")
    return context


def preferring_http_2() -> ssl.SSLContext:
    """Return a context that prefers HTTP/2, which the client does not support."""
    context = serving(authority().issue_cert(*HOSTS))
    context.set_alpn_protocols(["h2"])
    return context


def partial_handshake(
    share: float, send_part: Callable[[Peer, bytes], None]
) -> Callable[[Peer], None]:
    """Return a script that sends a share of the server's first flight, and then nothing."""

    def script(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        side = valid().wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(peer.receive())
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
        flight = outgoing.read()
        send_part(peer, flight[: int(len(flight) * share)])
        peer.stall()

    return script
