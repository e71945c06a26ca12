"""The commands that look after rooms, the roles in them, and what programs keep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.model.chatroom import Role
from perchat.model.preference import ALWAYS, Preference
from perchat.model.roomdetails import RoleOperation, RoomDetails, RoomSettings, RoomUpdate
from perchat.server.rows import Listing, Row, answering
from perchat.xccos.blocks import Joined, JoinedRoom, RoomUris, RosterEntry
from perchat.xccos.managing import (
    ExplanationQuery,
    PreferenceQuery,
    PreferenceReply,
    PreferenceVersion,
    RoleAssignment,
    RoleList,
    RoleLists,
    RoleQuery,
    RoomLookup,
    RoomPermissions,
)
from perchat.xccos.masks import mask_of, participant_mask
from perchat.xccos.primitives import Notice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perchat.model.explanation import Explanation
    from perchat.model.participant import Participant
    from perchat.model.principal import RoleEntry
    from perchat.model.roomdetails import RoleChange
    from perchat.model.uri import RoomUri
    from perchat.server.session import ChatSession

__all__ = ["MANAGING"]

_ONE_ROOM = Refusal(ErrorCode.INVALID_ARGUMENT, "name one room")


# --- rooms ---


async def _chancreate(session: ChatSession, wanted: RoomSettings) -> Refusal | RoomDetails:
    return _with_files(session, await session.services.chat.create_room(session.user.uri, wanted))


async def _chanmodify(session: ChatSession, wanted: RoomUpdate) -> Refusal | RoomDetails:
    return _with_files(session, await session.services.chat.update_room(session.user.uri, wanted))


async def _getchan(session: ChatSession, wanted: RoomLookup) -> Refusal | RoomDetails:
    found = await session.services.chat.room(session.user.uri, wanted.uri or wanted.name)
    return _with_files(session, found)


def _with_files(session: ChatSession, room: Refusal | RoomDetails) -> Refusal | RoomDetails:
    """Say where the file service is; the chat service does not know."""
    files = session.services.files
    if files is None or isinstance(room, Refusal):
        return room
    return replace(room, file_store=files.url(*session.arrival))


async def _getperms(session: ChatSession, asked: RoomUris) -> Refusal | RoomPermissions:
    if len(asked.rooms) != 1:
        return _ONE_ROOM
    (room,), user = asked.rooms, session.user.uri
    found = session.services.chat.permissions(user, room)
    if isinstance(found, Refusal):
        return found
    return RoomPermissions(room, user, mask_of(found))


async def _explain(session: ChatSession, asked: ExplanationQuery) -> Refusal | Explanation:
    return await session.services.chat.explain(session.user.uri, asked.user, asked.room)


async def _gethiddenparts(session: ChatSession, asked: RoomUris) -> Refusal | Listing[Any]:
    if len(asked.rooms) != 1:
        return _ONE_ROOM
    (room,), user, chat = asked.rooms, session.user.uri, session.services.chat
    snapshot, present = chat.snapshot(user, room), chat.hidden_participants(user, session.id, room)
    if isinstance(snapshot, Refusal):
        return snapshot
    if isinstance(present, Refusal):
        return present

    def joined(some: Sequence[Participant], cut: bool) -> Joined:
        roster = tuple(RosterEntry(one, participant_mask(one)) for one in some)
        return Joined((JoinedRoom(snapshot, roster),), truncated=cut)

    return Listing(present, joined)


# --- roles ---


async def _getroles(session: ChatSession, asked: RoleQuery) -> Refusal | Listing[Any]:
    found = await _holders(session, asked.room, asked.role)
    return found if isinstance(found, Refusal) else _lists(((asked.role, found),))


async def _setroles(session: ChatSession, wanted: RoleAssignment) -> Refusal | Listing[Any]:
    """Make one change by itself; several together, all or none."""
    if len(wanted.changes) == 1:
        (change,) = wanted.changes
        found = await _change(session, wanted.room, change)
        return found if isinstance(found, Refusal) else _lists(((change.role, found),))
    update = RoomUpdate(wanted.room, roles=wanted.changes)
    done = await session.services.chat.update_room(session.user.uri, update)
    if isinstance(done, Refusal):
        return done
    return await _all_holders(session, wanted)


async def _change(
    session: ChatSession, room: RoomUri, change: RoleChange
) -> Refusal | list[RoleEntry]:
    chat = session.services.chat
    act = {
        RoleOperation.ADD: chat.grant,
        RoleOperation.REMOVE: chat.revoke,
        RoleOperation.REPLACE: chat.replace_roles,
    }[change.operation]
    return await act(session.user.uri, room, change.role, change.principals)


async def _all_holders(session: ChatSession, wanted: RoleAssignment) -> Refusal | Listing[Any]:
    lists: list[tuple[Role, Sequence[RoleEntry]]] = []
    for role in dict.fromkeys(change.role for change in wanted.changes):
        found = await _holders(session, wanted.room, role)
        if isinstance(found, Refusal):
            return found
        lists.append((role, found))
    return _lists(lists)


async def _holders(session: ChatSession, room: RoomUri, role: Role) -> Refusal | list[RoleEntry]:
    chat = session.services.chat
    ask = {Role.MEMBER: chat.members, Role.MANAGER: chat.managers, Role.PRESENTER: chat.presenters}
    if role not in ask:
        return Refusal(ErrorCode.INVALID_ARGUMENT, "creators belong to categories")
    return await ask[role](session.user.uri, room)


def _lists(lists: Sequence[tuple[Role, Sequence[RoleEntry]]]) -> Listing[Any]:
    roles = tuple(role for role, _ in lists)
    entries = [(role, entry) for role, held in lists for entry in held]

    def made(some: Sequence[tuple[Role, RoleEntry]], cut: bool) -> RoleLists:
        return RoleLists(
            tuple(RoleList(role, tuple(e for r, e in some if r is role)) for role in roles), cut
        )

    return Listing(entries, made)


# --- preferences ---


async def _getpref(session: ChatSession, asked: PreferenceQuery) -> Refusal | PreferenceReply:
    chat, user = session.services.chat, session.user.uri
    found = await chat.get_preference(user, asked.label, asked.known)
    if found is None and asked.default and asked.known != _MADE_UP:
        stored = await chat.get_preference(user, asked.label, _NONE)
        found = Preference(asked.label, _MADE_UP) if stored is None else None
    return found if isinstance(found, Refusal) else PreferenceReply(found)


_NONE = -1
"""The version of nothing: what is stored always differs from it."""

_MADE_UP = 0
"""The version of a bundle that nobody has written."""


async def _setpref(session: ChatSession, wanted: Preference) -> Refusal | PreferenceVersion:
    """
    Keep a bundle unless it comes of an older one; -1 always writes.

    Legacy clients count on by themselves: a greater number than the current one is as good.
    """
    chat, user = session.services.chat, session.user.uri
    current: int | None = None
    if wanted.version != ALWAYS:
        stored = await chat.get_preference(user, wanted.label, _NONE)
        if isinstance(stored, Refusal):
            return stored
        current = stored.version if stored else _MADE_UP
        if wanted.version < current:
            return Refusal(ErrorCode.DATA_COLLISION, "another program wrote since")
    kept = await chat.set_preference(user, wanted.label, wanted.data, expected=current)
    if isinstance(kept, Refusal):
        return kept
    version = PreferenceVersion(kept.label, kept.version)
    session.services.fanout.tell_user(user, Notice("prefmodify", version), but=session)
    return version


MANAGING: Mapping[str, Row] = {
    "chancreate": Row(answering(RoomSettings, _chancreate)),
    "chanmodify": Row(answering(RoomUpdate, _chanmodify)),
    "getchan": Row(answering(RoomLookup, _getchan)),
    "getperms": Row(answering(RoomUris, _getperms)),
    "explain": Row(answering(ExplanationQuery, _explain)),
    "gethiddenparts": Row(answering(RoomUris, _gethiddenparts)),
    "getroles": Row(answering(RoleQuery, _getroles)),
    "setroles": Row(answering(RoleAssignment, _setroles)),
    "getpref": Row(answering(PreferenceQuery, _getpref)),
    "setpref": Row(answering(Preference, _setpref)),
}
