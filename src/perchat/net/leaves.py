"""What can be read off a certificate: names, times, uses, and who stands above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = [
    "chain_above",
    "is_authority",
    "issued_as",
    "matches",
    "misused",
    "out_of_time",
    "raw_names",
    "title",
]

_LONGEST_CHAIN = 8
_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "server authentication",
    ExtendedKeyUsageOID.CLIENT_AUTH: "client authentication",
}
_E = TypeVar("_E", bound=x509.ExtensionType)


def title(leaf: x509.Certificate) -> str:
    """Return what tells a certificate from others, for messages."""
    return (
        f"{leaf.subject.rfc4514_string() or 'a certificate without subject'}"
        f" (until {leaf.not_valid_after_utc:%Y-%m-%d}, serial {leaf.serial_number:x})"
    )


def raw_names(leaf: x509.Certificate) -> list[str]:
    """Return common names and DNS names as they are written."""
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    alternatives = _extension(leaf, x509.SubjectAlternativeName)
    dns = alternatives.get_values_for_type(x509.DNSName) if alternatives else []
    return [*(str(attribute.value) for attribute in common), *dns]


def matches(leaf: x509.Certificate, subject: str) -> bool:
    """Tell whether any part of the subject, or a DNS name, contains ``subject``; in any case."""
    wanted = subject.strip().lower()
    values = [str(attribute.value) for attribute in leaf.subject]
    return any(wanted in text.lower() for text in [*values, *raw_names(leaf)])


def issued_as(leaf: x509.Certificate, issuer: str, serial_number: int) -> bool:
    """Tell whether an issuer whose name contains ``issuer`` gave it that number."""
    names = (str(attribute.value).lower() for attribute in leaf.issuer)
    wanted = issuer.strip().lower()
    return leaf.serial_number == serial_number and any(wanted in name for name in names)


def is_authority(leaf: x509.Certificate) -> bool:
    """Tell whether it is there to issue others (RFC 5280 §4.2.1.9)."""
    constraints = _extension(leaf, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def out_of_time(leaf: x509.Certificate, when: datetime) -> str:
    """Tell why it is not valid at ``when``; nothing when it is."""
    if when < leaf.not_valid_before_utc:
        return f"is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if when > leaf.not_valid_after_utc:
        return f"has expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    return ""


def misused(leaf: x509.Certificate) -> str:
    """Tell what it was not issued for; one that names no use may be used for all."""
    usage = _extension(leaf, x509.ExtendedKeyUsage)
    if usage is None or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage:
        return ""
    missing = [words for purpose, words in _PURPOSES.items() if purpose not in usage]
    return f"was not issued for {' and '.join(missing)}" if missing else ""


def chain_above(
    leaf: x509.Certificate, at_hand: Iterable[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """Return the authorities above ``leaf`` that are at hand, nearest first, without a root."""
    pool = [one for one in at_hand if is_authority(one) and one.subject != one.issuer]
    chain = [leaf]
    while len(chain) <= _LONGEST_CHAIN:
        above = next((one for one in pool if _issued(one, chain[-1])), None)
        if above is None or above in chain:
            break
        chain.append(above)
    return tuple(chain[1:])


def _issued(authority: x509.Certificate, other: x509.Certificate) -> bool:
    try:  # two authorities of one name differ by their keys
        other.verify_directly_issued_by(authority)
    except Exception:  # of several unrelated types
        return False
    return True


def _extension(leaf: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
