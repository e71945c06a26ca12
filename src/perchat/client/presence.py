"""Presence: what the user publishes, and what others let see: ``chat.presence``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from perchat.client.failures import presence_failure
from perchat.client.naming import uris_of
from perchat.client.opening import Opening
from perchat.client.presenceview import PresenceView
from perchat.errors import RemoteProtocolError
from perchat.lync.publication import (
    NOTE,
    PUBLISH_TYPE,
    STATE,
    Publication,
    note_content,
    publish_document,
    read_version_fault,
    state_content,
)
from perchat.model.presence import Availability
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from perchat.client.endpoint import LocalEndpoint
    from perchat.client.naming import PrincipalLike
    from perchat.client.signedin import SignedIn
    from perchat.lync.publication import PublicationKey
    from perchat.sip.message import Response

__all__ = ["EndpointPresence", "PresenceServices"]

_Result = TypeVar("_Result")
NOTE_LIMIT = 500
"""Characters a note may have."""

_USER_STATE = 0x20000000  # the instance that all devices of a user share
_STATE_CONTAINERS = (2, 3)
_NOTE_CONTAINERS = (200, 300, 400)  # colleagues, team, friends
_TRIES = 5
_OUTDATED = 409


class PresenceServices(ABC):
    """
    What the user lets others know, and what others let the user know, of being reachable.

    Everything may raise besides what it says:

    * StateError, ConnectionFailure, OperationTimeout: not signed in, or no answer.
    * PublishSubscribeError: The server refused, or has no presence.
    """

    def __init__(self) -> None:
        self._versions: dict[PublicationKey, int] = {}

    async def publish(self, availability: Availability, note: str = "") -> None:
        """
        Let others see how reachable the user is, whichever device they use.

        It holds until it is published anew, from any device, or the last device signs out.

        Args:
            availability: OFFLINE looks as if the user had not signed in.
            note: What the user says about it, up to 500 characters; empty for nothing.

        Raises:
            ValueError: The note is too long, or has control characters.
            TypeError: ``availability`` is something else.

        """
        if not isinstance(availability, Availability):
            raise TypeError(f"not an availability: {availability!r}")
        if any(letter < " " and letter not in "\t\n" for letter in note):
            raise ValueError("a note has no control characters")
        if len(note) > NOTE_LIMIT:
            raise ValueError(f"a note has {NOTE_LIMIT} characters at most, not {len(note)}")
        await self._on(lambda sign_in: self._publish(sign_in, availability, note))

    def subscribe(self, users: PrincipalLike | Iterable[PrincipalLike]) -> Opening[PresenceView]:
        """
        Follow the presence of one or several users: await it, or use ``async with``.

        Args:
            users: By address, or what carries it, such as the participants of a room.

        Raises:
            ValueError: Nobody is named, or somebody who is no user; raised at once.

        """
        wanted = tuple(dict.fromkeys(SipUri(uri).address for uri in uris_of(users)))
        if not wanted:
            raise ValueError("nobody is named")

        async def opened() -> PresenceView:
            view = PresenceView(wanted)
            await self._on(lambda sign_in: self._open(sign_in, view))
            return view

        return Opening(opened, PresenceView.close)

    # --- inside ---

    @abstractmethod
    async def _on(self, work: Callable[[SignedIn], Awaitable[_Result]]) -> _Result:
        """Do something on the connection there is."""

    async def _open(self, sign_in: SignedIn, view: PresenceView) -> None:
        await view._begin(sign_in)

    async def _publish(self, sign_in: SignedIn, availability: Availability, note: str) -> None:
        """Publish with the versions that are known, and again with those that are current."""
        wanted = _publications(availability, note)
        for _ in range(_TRIES):
            versions = self._versions
            sent = [replace(one, version=versions.get(one.key, 0)) for one in wanted]
            request = sign_in.request(
                "SERVICE",
                sign_in.target.uri,
                ("Content-Type", PUBLISH_TYPE),
                body=publish_document(sign_in.target.uri, sent),
            )
            response = await sign_in.link.exchange(request, sign_in.target.timers.request)
            if response.status != _OUTDATED:
                break
            self._correct(sent, response)
        if response.status != 200:
            raise presence_failure(response, "publishing presence", "SERVICE")
        for one in sent:
            versions[one.key] = one.version + 1 if one.content is not None else 0

    def _correct(self, sent: list[Publication], response: Response) -> None:
        try:
            current = read_version_fault(response.body)
        except RemoteProtocolError as error:
            raise presence_failure(response, "publishing presence", "SERVICE") from error
        for number, version in current.items():
            if 1 <= number <= len(sent):
                self._versions[sent[number - 1].key] = version


class EndpointPresence(PresenceServices):
    """The presence of the user of a local endpoint."""

    def __init__(self, endpoint: LocalEndpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    async def _on(self, work: Callable[[SignedIn], Awaitable[_Result]]) -> _Result:
        return await work(self._endpoint._signed_in)


def _publications(availability: Availability, note: str) -> list[Publication]:
    state = state_content("userState", availability.value, manual=True)
    content = note_content(note) if note else None
    return [
        *(Publication(STATE, _USER_STATE, one, 0, "static", 0, state) for one in _STATE_CONTAINERS),
        *(Publication(NOTE, 0, one, 0, "static", 0, content) for one in _NOTE_CONTAINERS),
    ]
