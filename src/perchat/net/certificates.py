"""
A certificate of ours with its key: found by subject, checked for its use, and loaded.

``Certificate.find`` is what a search of an X.509 store by subject name is elsewhere:
any part of the subject, in any case. What would have matched but cannot be used is
named, so that an expired certificate is not reported as a missing one.
"""

from __future__ import annotations

import logging
import secrets
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from cryptography.hazmat.primitives import hashes, serialization

from perchat.errors import CertificateNotFound, ConfigurationError, TlsFailure, TlsFailureReason
from perchat.net.leaves import (
    chain_above,
    is_authority,
    issued_as,
    matches,
    misused,
    out_of_time,
    raw_names,
    title,
)
from perchat.net.names import host_name
from perchat.net.stores import open_certificate_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from perchat.net.contents import CertificateStore

__all__ = ["Certificate"]

_log = logging.getLogger("perchat.net")


@dataclass(frozen=True, slots=True)
class _Query:
    matches: Callable[[x509.Certificate], bool]
    wanted: str
    valid_only: bool
    at: datetime | None

    def why_not(self, leaf: x509.Certificate, private: PrivateKeyTypes | None) -> str:
        """Tell why a certificate that matches cannot be used; nothing when it can."""
        if private is None:
            return "has no private key there"
        if is_authority(leaf):
            return "is an authority's, not a host's"
        return out_of_time(leaf, self.at or datetime.now(UTC)) if self.valid_only else ""


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """
    A certificate, the chain above it and its private key.

    Attributes:
        leaf: The certificate itself.
        chain: Those of its authorities that are sent with it, the root not among them.
        place: Where it was found, for messages.

    """

    leaf: x509.Certificate
    _key: PrivateKeyTypes = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()
    place: str = ""

    @classmethod
    def find(
        cls,
        *,
        subject: str,
        store: Path | str | CertificateStore | None = None,
        valid_only: bool = True,
        at: datetime | None = None,
        password: str | bytes | None = None,
        ambiguous: Literal["latest", "error"] = "latest",
    ) -> Self:
        """
        Return the certificate whose subject or DNS name contains ``subject``, in any case.

        Of several, the one that expires last; the choice is logged.

        Args:
            subject: A part of it is enough, as with ``X509FindType.FindBySubjectName``.
            store: A PEM or PFX file, a folder of them, or a store; the machine's own
                without it: ``LocalMachine/My`` on Windows, elsewhere the folder that
                ``PERCHAT_CERTIFICATES`` names, or ``~/.config/perchat/certificates``.
            valid_only: Skip those that have expired or are not valid yet. Whether others
                trust the authority is for them to say; it is not checked.
            at: The time to be valid at; now without it.
            password: Opens locked files.
            ambiguous: ``error`` refuses to choose among several.

        Raises:
            CertificateNotFound: There is none; what was skipped is named, and why.
            TlsFailure: Several match and ``ambiguous`` is ``error``.
            ValueError: ``subject`` is empty.

        """
        if not subject.strip():
            raise ValueError("which certificate: the subject is empty")
        found = cls._search(
            _Query(lambda leaf: matches(leaf, subject), repr(subject), valid_only, at),
            store,
            password,
        )
        return cls._choose(found, repr(subject), ambiguous)

    @classmethod
    def find_or_none(
        cls,
        *,
        subject: str,
        store: Path | str | CertificateStore | None = None,
        valid_only: bool = True,
        at: datetime | None = None,
        password: str | bytes | None = None,
        ambiguous: Literal["latest", "error"] = "latest",
    ) -> Self | None:
        """Do as ``find`` does, and return None where there is no such certificate."""
        try:
            return cls.find(
                subject=subject,
                store=store,
                valid_only=valid_only,
                at=at,
                password=password,
                ambiguous=ambiguous,
            )
        except CertificateNotFound:
            return None

    @classmethod
    def find_by_serial(
        cls,
        *,
        issuer: str,
        serial_number: int,
        store: Path | str | CertificateStore | None = None,
        valid_only: bool = True,
        at: datetime | None = None,
        password: str | bytes | None = None,
    ) -> Self:
        """
        Return the certificate that ``issuer`` gave ``serial_number``; the rest as with ``find``.

        Args:
            issuer: Any part of the issuer's name, in any case.
            serial_number: As its issuer counts.
            store: See ``find``.
            valid_only: See ``find``.
            at: See ``find``.
            password: See ``find``.

        Raises:
            CertificateNotFound: There is none; what was skipped is named, and why.

        """
        wanted = f"serial {serial_number:x} of {issuer!r}"
        query = _Query(lambda c: issued_as(c, issuer, serial_number), wanted, valid_only, at)
        return cls._choose(cls._search(query, store, password), wanted, "latest")

    @classmethod
    def from_files(
        cls,
        certificate: Path | str,
        key: Path | str | None = None,
        *,
        password: str | bytes | None = None,
    ) -> Self:
        """
        Return the first certificate of a PEM or PFX file, with its key from there or ``key``.

        Raises:
            ConfigurationError: A file cannot be read, or holds no certificate.
            TlsFailure: The key is missing or belongs to another certificate.

        """
        contents = open_certificate_store(certificate).read(_encoded(password))
        if key is not None:
            more = open_certificate_store(key).read(_encoded(password))
            contents.keys |= more.keys
            contents.unreadable += more.unreadable
        if contents.unreadable:
            raise ConfigurationError(f"cannot read {'; '.join(contents.unreadable)}")
        if not contents.certificates:
            raise ConfigurationError(f"there is no certificate in {certificate}")
        leaf, place = contents.certificates[0]
        if (private := contents.key_of(leaf)) is None:
            raise _unusable(f"no private key for {title(leaf)} in {key or certificate}")
        return cls(leaf, private, chain_above(leaf, contents.plain()), place)

    @property
    def subject(self) -> str:
        """The subject in full, for example ``CN=app.contoso.com,O=Contoso`` (RFC 4514)."""
        return self.leaf.subject.rfc4514_string()

    @property
    def issuer(self) -> str:
        """Who issued it, written as the subject is."""
        return self.leaf.issuer.rfc4514_string()

    @property
    def names(self) -> frozenset[str]:
        """Common name and DNS names, lower case, wildcards left out."""
        return frozenset(name for text in raw_names(self.leaf) if (name := host_name(text)))

    @property
    def not_before(self) -> datetime:
        """When it begins to be valid, UTC."""
        return self.leaf.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """When it ends to be valid, UTC."""
        return self.leaf.not_valid_after_utc

    @property
    def serial_number(self) -> int:
        """The number that its issuer gave it."""
        return self.leaf.serial_number

    @property
    def thumbprint(self) -> str:
        """SHA-1 over the whole, upper-case hex: a handle that Windows shows, and no security."""
        return self.leaf.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - see above

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the whole, lower-case hex."""
        return self.leaf.fingerprint(hashes.SHA256()).hex()

    def usable_as(self, fqdn: str, *, at: datetime | None = None) -> None:
        """
        Check that a host named ``fqdn`` can show it both as server and as client.

        Raises:
            TlsFailure: It carries another name, is out of its time, or was issued for
                another use; with ``LOCAL_CERTIFICATE_UNUSABLE``.

        """
        if host_name(fqdn) not in self.names:
            known = ", ".join(sorted(self.names)) or "no host"
            raise _unusable(
                f"{title(self.leaf)} is for {known}, not for {fqdn};"
                " issue one with this name (wildcards are not accepted, RFC 5922)"
            )
        if why := out_of_time(self.leaf, at or datetime.now(UTC)):
            raise _unusable(f"{title(self.leaf)} {why}; renew it, or set this machine's clock")
        if why := misused(self.leaf):
            raise _unusable(f"{title(self.leaf)} {why}")

    def load_into(self, context: ssl.SSLContext) -> None:
        """
        Have ``context`` show this certificate with its chain.

        The ssl module reads files only: for a moment there is one, for this user's eyes,
        with the key locked by a password that nobody keeps.

        Raises:
            TlsFailure: OpenSSL does not take it.

        """
        password = secrets.token_hex(32)
        with tempfile.TemporaryDirectory(prefix="perchat-") as folder:
            file = Path(folder) / "certificate.pem"
            file.touch(mode=0o600)
            file.write_bytes(self._pem(password.encode()))
            try:
                context.load_cert_chain(file, password=password)
            except ssl.SSLError as error:
                raise _unusable(f"{title(self.leaf)}: OpenSSL refuses it: {error}") from error

    def __repr__(self) -> str:
        return f"Certificate({self.subject!r}, until {self.not_after:%Y-%m-%d})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.leaf == other.leaf

    def __hash__(self) -> int:
        return hash(self.leaf)

    # --- inside ---

    @classmethod
    def _search(
        cls,
        query: _Query,
        store: Path | str | CertificateStore | None,
        password: str | bytes | None,
    ) -> list[Self]:
        where = open_certificate_store(store)
        try:
            contents = where.read(_encoded(password))
        except ConfigurationError as error:
            raise CertificateNotFound(_not_found(query.wanted, where, [str(error)])) from error
        found: dict[x509.Certificate, Self] = {}
        skipped: list[str] = []
        for leaf, place in contents.certificates:
            if not query.matches(leaf) or leaf in found:
                continue
            private = contents.key_of(leaf)
            if why := query.why_not(leaf, private):
                skipped.append(f"{title(leaf)} in {place} {why}")
            elif private is not None:
                found[leaf] = cls(leaf, private, chain_above(leaf, contents.plain()), place)
        if not found:
            skipped += contents.unreadable
            raise CertificateNotFound(_not_found(query.wanted, where, skipped))
        return list(found.values())

    @classmethod
    def _choose(cls, found: list[Self], wanted: str, ambiguous: str) -> Self:
        best = max(found, key=lambda one: (one.not_after, one.not_before, one.fingerprint))
        if len(found) == 1:
            return best
        if ambiguous == "error":
            listed = "; ".join(f"{title(c.leaf)} in {c.place}" for c in found)
            raise _unusable(
                f"{len(found)} certificates match {wanted}: {listed};"
                " give more of the subject, or remove those that are not wanted"
            )
        _log.info(
            "%d certificates match %s: taking %s in %s, which expires last",
            len(found),
            wanted,
            title(best.leaf),
            best.place,
        )
        return best

    def _pem(self, password: bytes) -> bytes:
        encoding = serialization.Encoding.PEM
        key = self._key.private_bytes(
            encoding,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password),
        )
        return key + b"".join(one.public_bytes(encoding) for one in (self.leaf, *self.chain))


def _encoded(password: str | bytes | None) -> bytes | None:
    return password.encode() if isinstance(password, str) else password


def _not_found(wanted: str, place: CertificateStore, skipped: list[str]) -> str:
    text = f"no usable certificate for {wanted} in {place}"
    return f"{text}; skipped: {'; '.join(skipped)}" if skipped else text


def _unusable(message: str) -> TlsFailure:
    return TlsFailure(
        f"certificate unusable: {message}", reason=TlsFailureReason.LOCAL_CERTIFICATE_UNUSABLE
    )
