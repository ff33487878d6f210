"""A local certificate authority and the server's certificate under it (RFC 5280).

It lets the first start work without any configuration. Browsers trust it once its file has been
imported; until then TURN over TLS does not work in them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
"""A leaf with less left than this is made anew."""


@dataclass(frozen=True)
class Pair:
    """A certificate chain and its private key, both PEM."""

    certificate: bytes
    key: bytes


def make_ca(now: float) -> Pair:
    """A new authority. `now` is seconds since 1970."""
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = _name(f"Roomline local CA {serial % 0xFFFF:04x}")
    usage = _key_usage(authority=True)
    certificate = (
        _builder(name, name, key, serial, _instant(now), CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(_pem(certificate), _key_pem(key))


def make_leaf(ca: Pair, names: Iterable[str], now: float) -> Pair:
    """A server certificate for DNS names and addresses, followed by its authority's."""
    authority = x509.load_pem_x509_certificate(ca.certificate)
    authority_key = _load_key(ca.key)
    wanted = sorted(set(names))
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(
            _name(wanted[0] if wanted else "localhost"),
            authority.subject,
            key,
            x509.random_serial_number(),
            _instant(now),
            LEAF_LIFETIME,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in wanted]), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return Pair(_pem(certificate) + ca.certificate, _key_pem(key))


def leaf_fits(leaf: Pair, ca: Pair, names: Iterable[str], now: float) -> bool:
    """Whether a leaf is this authority's, carries exactly these names, and lasts long enough."""
    try:
        certificate = x509.load_pem_x509_certificate(leaf.certificate)
        authority = x509.load_pem_x509_certificate(ca.certificate)
        certificate.verify_directly_issued_by(authority)
        if certificate.public_key() != _load_key(leaf.key).public_key():
            return False
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    lasts = certificate.not_valid_after_utc - _instant(now) > RENEW_BEFORE
    return lasts and set(found) == {_general_name(name) for name in names}


def ca_is_usable(ca: Pair, now: float) -> bool:
    """Whether an authority can be read and outlives the leaves it would sign."""
    try:
        certificate = x509.load_pem_x509_certificate(ca.certificate)
        if certificate.public_key() != _load_key(ca.key).public_key():
            return False
    except (ValueError, TypeError):
        return False
    return certificate.not_valid_after_utc - _instant(now) > LEAF_LIFETIME


def expires_at(certificate: bytes) -> float:
    """When the first certificate of a PEM chain ends, in seconds since 1970. Raises ValueError."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp()


def _builder(  # noqa: PLR0917 - they are the fields of a certificate
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    serial: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        # An hour back: the clocks of clients are not exact.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common: str) -> x509.Name:
    # A common name has at most 64 characters; clients look only at the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _instant(now: float) -> datetime:
    return datetime.fromtimestamp(int(now), UTC)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the key is not an elliptic-curve key")
    return key
