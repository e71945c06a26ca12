"""
Endpoints: who registers from where, and the names the registrar gives them ([MS-SIPREGE]).

A user signs in from several endpoints. Each has an ``epid``, an instance that
follows from it, and a GRUU by which just this endpoint is reached.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.lync.address import address_of
from perchat.lync.diagnostics import Refused
from perchat.sip.grammar import decimal
from perchat.sip.message import Headers, Request

if TYPE_CHECKING:
    from perchat.sip.header import NameAddr
    from perchat.sip.registrar import Binding

__all__ = [
    "ALLOWED_EVENTS",
    "DEREGISTRATION_EVENT",
    "Registration",
    "deregistered",
    "epid",
    "gruu",
    "instance_uuid",
    "registered_headers",
]

_NAMESPACE = "fcacfb03-8a73-46ef-91b1-e5ebeeaba4fe"  # [MS-SIPAE] 3.2.2.1
_GUID = struct.Struct("<IHH8s")
_INSTANCE = re.compile(
    r'"?<?(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})>?"?',
    re.IGNORECASE,
)  # without hyphens in [MS-SIPRE] 4.10
_PRIMARY = 'primary-cluster-type="central";is-connected-to-primary="yes"'  # [MS-SIPREGE] 4.2
_EPID = re.compile(r"[0-9A-Za-z]{1,64}")
DEREGISTRATION_EVENT = "registration-notify"

ALLOWED_EVENTS = (
    "vnd-microsoft-provisioning",
    "vnd-microsoft-roaming-contacts",
    "vnd-microsoft-roaming-ACL",
    "presence",
    "presence.wpending",
    "vnd-microsoft-roaming-self",
    "vnd-microsoft-provisioning-v2",
)


def epid(uri: str, host: str, ip: str) -> str:
    """Name an endpoint: the same user on the same host and address is the same endpoint."""
    text = f"{uri}:{host}:{ip}".encode()
    return hashlib.sha1(text, usedforsecurity=False).digest()[-6:].hex()


def instance_uuid(epid: str) -> str:
    """
    Return the instance that follows from an epid ([MS-SIPAE] 3.2.2.1).

    A version 5 UUID, but over the namespace in the byte order of a GUID, and read back in it.
    """
    digest = hashlib.sha1(_guid_bytes(_NAMESPACE) + epid.encode(), usedforsecurity=False).digest()
    first, second, third, rest = _GUID.unpack(digest[:16])
    third = third & 0x0FFF | 0x5000
    rest = bytes((rest[0] & 0x3F | 0x80,)) + rest[1:]
    return f"{first:08x}-{second:04x}-{third:04x}-{rest[:2].hex()}-{rest[2:].hex()}"


def gruu(uri: str, instance: str) -> str:
    """Return the URI that reaches this instance alone; it is the same at every sign-in."""
    token = base64.urlsafe_b64encode(_guid_bytes(instance) + bytes(2)).decode("ascii")
    return f"{uri};opaque=user:epid:{token};gruu"


@dataclass(frozen=True, slots=True)
class Registration:
    """
    A REGISTER as the registrar understands it.

    Attributes:
        aor: The address-of-record, lower case.
        epid: As sent; empty when the client gave only an instance.
        instance: A UUID as sent, or derived from the epid.
        contact: Where the endpoint is reached; empty in a sign-out that names none.
        expires: Seconds granted; 0 signs out.

    """

    aor: str
    epid: str
    instance: str
    contact: str
    expires: int

    @classmethod
    def parse(
        cls, request: Request, *, default: int = 600, most: int = 7200, strict: bool = False
    ) -> Registration | Refused:
        """
        Read a REGISTER, or say how to refuse it.

        Args:
            request: A sound one.
            default: Seconds granted where the client names none.
            most: Seconds granted where it wants more.
            strict: Refuse an instance that does not follow from its epid, and
                a request without ``Event: registration``.

        Raises:
            RemoteProtocolError: A header cannot be read.

        """
        sender, address = request.from_, address_of(request.to.uri)
        if address_of(sender.uri) != address:
            return Refused(403, 4004)
        contact = request.contact
        name, instance = sender.param("epid") or "", _instance(contact)
        refusal = _refusal(request, name, instance, strict=strict)
        if refusal:
            return refusal
        asked = _expires(request, contact)
        expires = default if asked is None else min(asked, most)
        if expires and contact is None:
            raise RemoteProtocolError("REGISTER without a Contact")
        uri = contact.uri if contact else ""
        return cls(address, name, instance or instance_uuid(name), uri, expires)

    @property
    def gruu(self) -> str:
        """The URI that reaches this endpoint."""
        return gruu(self.aor, self.instance)


def registered_headers(
    registration: Registration,
    *,
    keep_alive: int = 300,
    refreshed: bool = False,
    events: tuple[str, ...] = ALLOWED_EVENTS,
) -> tuple[tuple[str, str], ...]:
    """
    Return the headers of the 200 to a REGISTER ([MS-SIPREGE] 3.1.5).

    Args:
        registration: What is granted.
        keep_alive: Seconds of silence after which the client sends a blank line.
        refreshed: Whether it stood before. A client that refreshes and is told
            ``added`` takes its registration for lost.
        events: What may be subscribed to. Clients split at the comma and do not
            trim, so no blanks follow it.

    """
    if not registration.expires:
        return (("Expires", "0"),)
    action = "refreshed" if refreshed else "added"
    contact = (
        f"<{registration.contact}>;expires={registration.expires}"
        f';+sip.instance="<urn:uuid:{registration.instance}>";gruu="{registration.gruu}"'
    )
    return (
        ("ms-keep-alive", f"UAS; tcp=no; hop-hop=yes; end-end=no; timeout={keep_alive}"),
        ("Contact", contact),
        ("Expires", str(registration.expires)),
        ("presence-state", f'register-action="{action}";{_PRIMARY}'),
        ("Allow-Events", ",".join(events)),
        ("Supported", "adhoclist"),
        ("Server", "RTC/5.0"),
        ("Supported", "msrtc-event-categories"),  # on a line of its own: compared as a whole
    )


def deregistered(binding: Binding, *headers: tuple[str, str]) -> Request:
    """
    Return the notice that the registrar ended a registration ([MS-SIPREGE]).

    Clients show the reason in ms-diagnostics, which is for the caller to add.
    """
    return Request(
        "NOTIFY",
        binding.contact,
        Headers(
            (
                ("From", f"<{binding.aor}>"),
                ("To", f"<{binding.aor}>"),
                ("Call-ID", binding.call_id),
                ("Event", DEREGISTRATION_EVENT),
                ("subscription-state", "terminated;expires=0"),
                ("Content-Type", "text/registration-event"),
                *headers,
            )
        ),
        b"deregistered;event=rejected",
    )


def _refusal(request: Request, name: str, instance: str, *, strict: bool) -> Refused | None:
    event = request.headers.get("Event")
    supported = {option.lower() for option in request.options("Supported")}
    if (event or ("" if strict else "registration")).strip().lower() != "registration":
        return Refused(489, 4055)
    if "msrtc-event-categories" in supported and "gruu-10" not in supported:
        return Refused(421, 2057, extra=(("Require", "gruu-10"),))
    if not name and not instance:
        return Refused(400, 4010)
    if name and not _EPID.fullmatch(name):
        return Refused(400, 4012, "The epid parameter is too long or malformed")
    if strict and name and instance and _digits(instance) != _digits(instance_uuid(name)):
        return Refused(400, 4010, "The instance does not follow from the epid")
    return None


def _instance(contact: NameAddr | None) -> str:
    value = contact.param("+sip.instance") if contact else None
    match = _INSTANCE.fullmatch(value) if value else None
    return match[1] if match else ""


def _expires(request: Request, contact: NameAddr | None) -> int | None:
    """Return the seconds asked for, of this contact or of all (RFC 3261 §10.2.1.1)."""
    own = contact.param("expires") if contact else None
    return decimal(own, "expires") if own else request.expires


def _digits(instance: str) -> str:
    return instance.replace("-", "").lower()


def _guid_bytes(text: str) -> bytes:
    first, second, third, rest = struct.unpack(">IHH8s", bytes.fromhex(_digits(text)))
    return _GUID.pack(first, second, third, rest)
