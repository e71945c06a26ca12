"""What a certificate store holds, once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["CertificateStore", "Contents"]


@dataclass(slots=True)
class Contents:
    """
    What a store holds.

    Attributes:
        certificates: In the order of the files, with the place each was found.
        keys: By their public half, DER.
        unreadable: ``place: why``, one for each file or entry.

    """

    certificates: list[tuple[x509.Certificate, str]] = field(default_factory=list)
    keys: dict[bytes, PrivateKeyTypes] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    def plain(self) -> list[x509.Certificate]:
        """Return the certificates without their places."""
        return [certificate for certificate, _ in self.certificates]

    def add(self, certificate: x509.Certificate, place: str) -> None:
        """Keep a certificate; ValueError and the like when a part of it cannot be read."""
        _spki(certificate.public_key())
        _ = (certificate.extensions, certificate.subject.rfc4514_string())  # parsed only now
        self.certificates.append((certificate, place))

    def add_key(self, key: PrivateKeyTypes) -> None:
        """Keep a key, to be found by its certificate."""
        self.keys[_spki(key.public_key())] = key

    def key_of(self, certificate: x509.Certificate) -> PrivateKeyTypes | None:
        """Return the key that belongs to a certificate."""
        return self.keys.get(_spki(certificate.public_key()))

    def add_pfx(self, data: bytes, place: str, password: bytes | None) -> None:
        """Add what a PKCS #12 file holds; ValueError when it is none or locked."""
        found = _opened(data, password)
        if found.key is not None:
            self.add_key(found.key)
        for entry in [*([found.cert] if found.cert else []), *found.additional_certs]:
            self.add(entry.certificate, place)


class CertificateStore(Protocol):
    """A place that holds certificates; ``str()`` names it in messages."""

    def read(self, password: bytes | None) -> Contents:
        """
        Return all that is in it.

        Raises:
            ConfigurationError: The place itself cannot be read.

        """


def _opened(data: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates:
    try:
        return pkcs12.load_pkcs12(data, password)
    except ValueError:
        if password is None:
            raise
    try:
        return pkcs12.load_pkcs12(data, None)  # the password is for other files
    except ValueError as error:
        raise ValueError("the password does not open it, or it is damaged") from error


def _spki(public_key: object) -> bytes:
    """Return a public key as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), DER."""
    encode = getattr(public_key, "public_bytes", None)
    if encode is None:
        raise TypeError(f"not a public key: {type(public_key).__name__}")
    encoded: bytes = encode(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
