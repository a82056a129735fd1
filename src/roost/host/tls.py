"""Certificates by which a hub is known: an own authority, and what it signs (X.509, P-256)."""

import ssl
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from roost.host.errors import ForgedError

NAME = "hub.roost.invalid"
"""The name in every hub's certificate: its authority vouches for nothing else, wherever it is reached."""
SKEW = timedelta(days=2)
"""By so much a clock may be behind and take a new certificate all the same."""
AUTHORITY = timedelta(days=50 * 365)
SERVER = timedelta(days=365)
RENEW = timedelta(days=120)
"""A server's certificate that ends sooner is to be made anew."""


class Signed(NamedTuple):
    """A certificate and its private key (PEM)."""

    certificate: str
    key: str


def new_authority(now: float) -> Signed:
    """A new authority, from a time on (Unix seconds)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("roost fleet")
    built = (
        _begun(now, AUTHORITY)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _signed(built, key)


def new_server(authority: Signed, now: float) -> Signed:
    """A certificate for a hub, signed by the authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signer = load_pem_private_key(authority.key.encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 -- made above
    built = (
        _begun(now, SERVER)
        .subject_name(_name("roost hub"))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _signed(built, key)


def is_due(certificate: str, now: float) -> bool:
    """Whether a server's certificate is to be made anew."""
    ends = x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc
    return ends - datetime.fromtimestamp(now, UTC) < RENEW


def as_der(certificate: str) -> bytes:
    """A certificate in as few bytes as it has."""
    return x509.load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER)


def as_pem(der: bytes) -> str:
    """The certificate of these bytes. Raises ForgedError."""
    try:
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
    except ValueError as error:
        raise ForgedError("it is no certificate") from error


def client_context(authority: str) -> ssl.SSLContext:
    """For connections to the hub that this authority (PEM) vouches for, and to nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=authority)
    return context


def _begun(now: float, lasts: timedelta) -> x509.CertificateBuilder:
    at = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - SKEW)
        .not_valid_after(at + lasts)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Signed:
    return Signed(
        certificate.public_bytes(Encoding.PEM).decode(),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )
