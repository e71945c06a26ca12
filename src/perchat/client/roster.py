"""What a joined session knows: the room, who is in it, and what we may do there."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from perchat.client.events import Change
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.chatroom import Behavior, Permission, Privacy
from perchat.xccos.blocks import Joined
from perchat.xccos.masks import permission_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.model.addin import AddIn
    from perchat.model.chatroom import RoomSnapshot
    from perchat.model.participant import Participant
    from perchat.model.roomdetails import RoomDetails
    from perchat.model.uri import CategoryUri, RoomUri, SipUri
    from perchat.xccos.blocks import Data, JoinedRoom

__all__ = ["JoinedRoomView", "JoinedState", "changes_between", "properties"]

_PROPERTIES = (  # what RoomChanged tells of
    "name",
    "description",
    "category",
    "privacy",
    "is_secret",
    "is_auditorium",
    "can_post",
    "can_post_files",
    "invites",
    "keeps_history",
    "add_in",
)

_POSTING = {  # what it takes to post
    Behavior.NORMAL: Permission.POST,
    Behavior.AUDITORIUM: Permission.POST_IN_AUDITORIUM,
}


class JoinedState:
    """The room and its participants since we joined."""

    def __init__(self, joined: JoinedRoom, owner: SipUri) -> None:
        self.room: RoomSnapshot = joined.room
        self._owner = owner
        self._present: dict[SipUri, Participant] = {}
        self._permission: Permission | None = None
        for entry in joined.participants:
            self.put(entry.participant, entry.mask)

    @classmethod
    def of(cls, data: Data, uri: RoomUri, owner: SipUri) -> Self:
        """Read the reply to a join; CommandFailed when the room is not in it."""
        if isinstance(data, Joined):
            for joined in data.rooms:
                if joined.room.uri == uri:
                    return cls(joined, owner)
        raise CommandFailed.of(
            ErrorCode.COMMAND_FAILED, f"the service did not let us into {uri}", request="join"
        )

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who is there, in the order in which we learnt of them."""
        return tuple(self._present.values())

    @property
    def can_post(self) -> bool:
        """Whether our mask lets us post; yes where the service shows us none."""
        needed = _POSTING[self.room.behavior]
        return self._permission is None or needed in self._permission

    @property
    def can_manage(self) -> bool:
        """Whether our mask lets us manage."""
        return self._permission is not None and Permission.MANAGE in self._permission

    def find(self, user: SipUri) -> Participant | None:
        """Return the participant with that address."""
        return self._present.get(user.address)

    def put(self, participant: Participant, mask: int) -> None:
        """Note that somebody is there, with these rights."""
        key = participant.uri.address
        self._present[key] = participant
        if key == self._owner:
            self._permission = permission_of(mask)

    def update(self, room: RoomDetails) -> None:
        """Note what the room is now."""
        self.room = replace(room.snapshot, participants=self.room.participants)

    def remove(self, user: SipUri) -> Participant | None:
        """Note that somebody is gone; None when that is no news."""
        return self._present.pop(user.address, None)


class JoinedRoomView:
    """What a session shows of the room it is in; nothing of it is true outside."""

    def __init__(self) -> None:
        self._joined: JoinedState | None = None

    @property
    def room(self) -> RoomSnapshot | None:
        """The room, with the count of participants when it was joined; None when not joined."""
        return self._joined.room if self._joined else None

    @property
    def uri(self) -> RoomUri | None:
        """The room's address; None when not joined."""
        return self._joined.room.uri if self._joined else None

    @property
    def name(self) -> str:
        """The room's name; empty when not joined."""
        return self._joined.room.name if self._joined else ""

    @property
    def description(self) -> str:
        """What the room is for; empty when not joined."""
        return self._joined.room.description if self._joined else ""

    @property
    def category(self) -> CategoryUri | None:
        """Where the room lives; None when not joined or not told."""
        return self._joined.room.category if self._joined else None

    @property
    def add_in(self) -> AddIn | None:
        """The web page shown beside the room; None when not joined, too."""
        return self._joined.room.add_in if self._joined else None

    @property
    def privacy(self) -> Privacy | None:
        """Who sees the room and may join it; None when not joined."""
        return self._joined.room.privacy if self._joined else None

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who is in the room now; large rooms tell of nobody but ourselves."""
        return self._joined.participants if self._joined else ()

    @property
    def can_post(self) -> bool:
        """Whether we may post here; the service has the last word."""
        return self._joined is not None and self._joined.can_post

    @property
    def can_manage(self) -> bool:
        """Whether we manage the room."""
        return self._joined is not None and self._joined.can_manage

    @property
    def is_auditorium(self) -> bool:
        """Whether only presenters post."""
        return self._joined is not None and self._joined.room.behavior is Behavior.AUDITORIUM

    @property
    def is_secret(self) -> bool:
        """Whether only members see the room."""
        return self._joined is not None and self._joined.room.privacy is Privacy.SECRET

    @property
    def keeps_history(self) -> bool:
        """Whether messages are stored."""
        return self._joined is not None and self._joined.room.keeps_history

    @property
    def invites(self) -> bool:
        """Whether new members are invited."""
        return self._joined is not None and self._joined.room.invites

    @property
    def can_post_files(self) -> bool:
        """Whether files may be posted."""
        return self._joined is not None and self._joined.room.can_post_files


def properties(room: JoinedRoomView) -> dict[str, object]:
    """Return what is shown of a room and may change, by name."""
    return {name: getattr(room, name) for name in _PROPERTIES}


def changes_between(
    before: Mapping[str, object], now: Mapping[str, object]
) -> Mapping[str, Change]:
    """Return which properties are others now, as RoomChanged tells them."""
    changed = (name for name in now if now[name] != before[name])
    return MappingProxyType({name: Change(before[name], now[name]) for name in changed})
