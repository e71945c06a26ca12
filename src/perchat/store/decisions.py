"""What stores decide the same way about facts, whichever database stands behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from perchat.errors import CommandFailed, ErrorCode, GroupCycle
from perchat.model.changes import Changes
from perchat.model.journal import RoomChanged
from perchat.model.message import Message

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from perchat.model.chatroom import Room
    from perchat.model.preference import Preference

__all__ = [
    "after_moderation",
    "check_cycle",
    "check_empty",
    "check_version",
    "decided_room",
    "name_taken",
    "nothing_there",
]

_TICK = timedelta(microseconds=1)


def decided_room(fact: RoomChanged, before: Room | None, at: datetime) -> RoomChanged:
    """
    Return the fact with what the store says about who and when.

    Raises:
        DataCollision: The room was changed since the writer read it.

    """
    by = fact.room.changes.updated_by
    if before is None:
        return RoomChanged(replace(fact.room, changes=Changes(by, at, by, at)))
    known = before.changes
    if fact.expected is not None and fact.expected != known.updated_on:
        raise CommandFailed.of(
            ErrorCode.DATA_COLLISION, f"{before.name} has been changed since you read it"
        )
    later = max(at, known.updated_on + _TICK) if known.updated_on else at
    changes = Changes(known.created_by, known.created_on, by, later)
    return RoomChanged(replace(fact.room, changes=changes))


def name_taken(name: str) -> CommandFailed:
    """Return what refuses the name of a room or category."""
    return CommandFailed.of(
        ErrorCode.DUPLICATE_ROOM_NAME, f"the name is taken, or looks like one that is: {name}"
    )


def nothing_there(what: str, name: str) -> CommandFailed:
    """Return what refuses a fact about something that does not exist, perhaps no more."""
    return CommandFailed.of(_MISSING[what], f"no such {what}: {name}")


_MISSING = {
    "room": ErrorCode.NO_SUCH_NODE,
    "category": ErrorCode.NO_SUCH_NODE,
    "user": ErrorCode.NO_SUCH_PRINCIPAL,
    "group": ErrorCode.NO_SUCH_PRINCIPAL,
}


def check_empty(category: str, rooms: int) -> None:
    """Refuse to take a category from under its rooms."""
    if rooms:
        raise CommandFailed.of(
            ErrorCode.NODE_HIERARCHY_VIOLATION,
            f"{category} holds {rooms} rooms; move or remove them first",
        )


def check_cycle(group: str, above: Collection[str], members: Iterable[str]) -> None:
    """Refuse members that hold the group themselves; ``above`` is the group and its holders."""
    for member in members:
        if member in above:
            raise GroupCycle(f"{group} cannot hold {member}, which holds it")


def check_version(known: Preference | None, expected: int | None) -> None:
    """Refuse to write over what the writer has not seen; version 0 is nothing at all."""
    version = known.version if known else 0
    if expected is not None and expected != version:
        raise CommandFailed.of(ErrorCode.DATA_COLLISION, f"the version is {version} by now")


def after_moderation(message: Message, text: str | None) -> Message:
    """Return what followers are told of a message that was replaced, or with None removed."""
    if text is not None:
        return replace(message, text=text, rtf=None)
    return Message(
        message.id,
        message.timestamp,
        message.author,
        message.room_uri,
        "",
        room_name=message.room_name,
    )
