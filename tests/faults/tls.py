"""Certificates of all kinds, and servers' TLS contexts; made when first asked for."""

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
    """Return the context of a server that is what it says it is."""
    return serving(authority().issue_cert(*HOSTS))


def of_unknown_authority() -> ssl.SSLContext:
    """Sign by an authority that nobody trusts."""
    return serving(trustme.CA().issue_cert(*HOSTS))


def self_signed() -> ssl.SSLContext:
    """Serve an authority's own certificate."""
    stranger = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with stranger.cert_pem.tempfile() as cert, stranger.private_key_pem.tempfile() as key:
        context.load_cert_chain(cert, key)
    return context


def of_same_name() -> ssl.SSLContext:
    """Sign by an authority that only bears the name of the trusted one."""
    return serving(trustme.CA(organization_name="Trusted by the tests").issue_cert(*HOSTS))


def for_other_host() -> ssl.SSLContext:
    """Serve a good certificate of somebody else."""
    return serving(authority().issue_cert("elsewhere.example"))


def for_other_address() -> ssl.SSLContext:
    """Serve a certificate for an address where a name is asked for."""
    return serving(authority().issue_cert("127.0.0.1"))


def for_sub_domain() -> ssl.SSLContext:
    """Serve a wildcard that does not cover the name itself."""
    return serving(authority().issue_cert("*.localhost"))


def without_name() -> ssl.SSLContext:
    """Name the host as was done before 2000: in the common name only."""
    return serving(authority().issue_cert("elsewhere.example", common_name="localhost"))


def expired() -> ssl.SSLContext:
    """Serve a certificate of the day before yesterday."""
    return serving(
        authority().issue_cert(*HOSTS, not_before=_NOW - 9 * _DAY, not_after=_NOW - 2 * _DAY)
    )


def not_yet_valid() -> ssl.SSLContext:
    """Serve a certificate of tomorrow."""
    return serving(
        authority().issue_cert(*HOSTS, not_before=_NOW + _DAY, not_after=_NOW + 9 * _DAY)
    )


def without_intermediate() -> ssl.SSLContext:
    """Leave out the certificate between one's own and the authority's."""
    leaf = authority().create_child_ca().issue_cert(*HOSTS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with leaf.cert_chain_pems[0].tempfile() as cert, leaf.private_key_pem.tempfile() as key:
        context.load_cert_chain(cert, key)
    return context


def wanting_certificate() -> ssl.SSLContext:
    """Ask the client for a certificate, which it has not."""
    context = serving(authority().issue_cert(*HOSTS))
    context.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(context)
    return context


def of_old_version() -> ssl.SSLContext:
    """Speak nothing newer than TLS 1.1."""
    context = serving(authority().issue_cert(*HOSTS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def of_no_shared_cipher() -> ssl.SSLContext:
    """Offer one cipher of TLS 1.2, for keys of another kind."""
    context = serving(authority().issue_cert(*HOSTS))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")
    return context


def speaking_http_2() -> ssl.SSLContext:
    """Prefer HTTP/2, which the client does not speak."""
    context = serving(authority().issue_cert(*HOSTS))
    context.set_alpn_protocols(["h2"])
    return context


def handshake(share: float, each: Callable[[Peer, bytes], None]) -> Callable[[Peer], None]:
    """Return a script that sends a share of a server's first flight, and then nothing more."""

    def script(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        side = valid().wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(peer.receive())
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
        flight = outgoing.read()
        each(peer, flight[: int(len(flight) * share)])
        peer.stall()

    return script
