"""
Settings in the band: what a server tells a client once it has signed in ([MS-SIPREGE] 2.2.2.5).

The client asks for groups of settings in a SUBSCRIBE; the answer comes in the
200 or in a notification. One group says where persistent chat is. The request
says provision*ing*Group, the answer provisionGroup: two vocabularies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perchat.errors import (
    ChatServerNotConfigured,
    PersistentChatDisabled,
    ProvisioningError,
    RemoteProtocolError,
)
from perchat.markup import Element, read, write
from perchat.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "PROVISIONING_EVENT",
    "PROVISIONING_TYPE",
    "ChatProvisioning",
    "Provisioning",
    "provisioning_answer",
    "provisioning_request",
    "requested_groups",
]

PROVISIONING_EVENT = "vnd-microsoft-provisioning-v2"
PROVISIONING_TYPE = "application/vnd-microsoft-roaming-provisioning-v2+xml"

SERVER_GROUP = "ServerConfiguration"
CHAT_GROUP = "persistentChatConfiguration"
REQUESTED = (SERVER_GROUP, "meetingPolicy", CHAT_GROUP, "ucPolicy")

_REQUEST_NAMESPACE = "http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist"
_ANSWER_NAMESPACE = "http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"
_ENABLED = "EnablePersistentChat"
_DEFAULT_URI = "DefaultPersistentChatPoolUri"
_URIS = "PersistentChatPoolUris"


@dataclass(frozen=True, slots=True)
class ChatProvisioning:
    """
    What a server says of persistent chat.

    Attributes:
        enabled: Whether policy lets this user use it. A server that does not
            say so does not forbid it.
        default_uri: Of the pool to use; empty when none is provisioned. It is
            the text as it came: see :meth:`require_uri`.
        uris: Of all pools.
        properties: The whole group by name, those above included.

    """

    enabled: bool = True
    default_uri: str = ""
    uris: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, properties: Mapping[str, str]) -> ChatProvisioning:
        """Read the properties of the group."""
        return cls(
            properties.get(_ENABLED, "true").strip().lower() == "true",
            properties.get(_DEFAULT_URI, "").strip(),
            tuple(properties.get(_URIS, "").split()),
            properties,
        )

    def require_uri(self) -> str:
        """
        Return the URI of the pool.

        Raises:
            PersistentChatDisabled: Policy forbids persistent chat.
            ChatServerNotConfigured: No pool is provisioned.
            ProvisioningError: What is provisioned is no SIP address.

        """
        if not self.enabled:
            raise PersistentChatDisabled("the server's policy disables persistent chat")
        if not self.default_uri:
            raise ChatServerNotConfigured(
                "the server provisions no persistent chat address; give one, or ask for the"
                " legacy address sip:ocschat@<domain>"
            )
        if not _is_address(self.default_uri):
            raise ProvisioningError(f"{_DEFAULT_URI} is not a SIP address: {self.default_uri!r}")
        return self.default_uri

    def listed(self) -> Iterable[tuple[str, str]]:
        """Yield names and texts in the order they are written."""
        yield _ENABLED, "true" if self.enabled else "false"
        if self.default_uri:
            yield _DEFAULT_URI, self.default_uri
        if self.uris:
            yield _URIS, " ".join(self.uris)
        known = (_ENABLED, _DEFAULT_URI, _URIS)
        yield from ((name, text) for name, text in self.properties.items() if name not in known)


@dataclass(frozen=True, slots=True)
class Provisioning:
    """All settings a server sent, by group and name; the groups' own spelling."""

    chat: ChatProvisioning
    raw: Mapping[str, Mapping[str, str]]

    @classmethod
    def parse(cls, body: bytes) -> Provisioning:
        """
        Read the document a server sent; whatever it does not hold is absent.

        Raises:
            ProvisioningError: It is not such a document.

        """
        try:
            root = read(body)
        except RemoteProtocolError as error:
            raise ProvisioningError(f"unreadable provisioning document: {error}") from error
        if root.name != "provisionGroupList":
            raise ProvisioningError(f"not a provisioning document: {root.name!r}")
        raw = {group.get("name"): _properties(group) for group in root.find_all("provisionGroup")}
        return cls(ChatProvisioning.of(raw.get(CHAT_GROUP, {})), raw)


def provisioning_request(groups: Collection[str] = REQUESTED) -> bytes:
    """Build the body of the SUBSCRIBE that asks for ``groups``."""
    wanted = tuple(Element("provisioningGroup", {"name": name}) for name in groups)
    return _document("provisioningGroupList", _REQUEST_NAMESPACE, wanted)


def requested_groups(body: bytes) -> tuple[str, ...]:
    """
    Return the names of the groups a client asks for.

    Raises:
        RemoteProtocolError: The body is no such request.

    """
    root = read(body)
    if root.name != "provisioningGroupList":
        raise RemoteProtocolError(f"not a provisioning request: {root.name!r}")
    return tuple(group.get("name") for group in root.find_all("provisioningGroup"))


def provisioning_answer(
    chat: ChatProvisioning, groups: Collection[str] = (SERVER_GROUP, CHAT_GROUP)
) -> bytes:
    """
    Build the document that answers a request for ``groups``.

    Groups this server has nothing to say about are left out.
    """
    properties = tuple(
        Element("property", {"name": name}, (), text) for name, text in chat.listed()
    )
    known = {SERVER_GROUP: (), CHAT_GROUP: (Element("propertyEntryList", {}, properties),)}
    answered = tuple(
        Element("provisionGroup", {"name": name}, content)
        for name, content in known.items()
        if name in groups
    )
    return _document("provisionGroupList", _ANSWER_NAMESPACE, answered)


def _document(name: str, namespace: str, children: tuple[Element, ...]) -> bytes:
    return write(Element(name, {"xmlns": namespace}, children)).encode()


def _properties(group: Element) -> dict[str, str]:
    return {
        entry.get("name"): entry.text
        for entries in group.find_all("propertyEntryList")
        for entry in entries.find_all("property")
    }


def _is_address(text: str) -> bool:
    try:
        uri = parse_uri(text)
    except RemoteProtocolError:
        return False
    return uri.is_sip and bool(uri.user)
