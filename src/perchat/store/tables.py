"""What the journal adds up to, in dictionaries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from perchat.errors import CommandFailed, ErrorCode, StorageError
from perchat.model.changes import Changes
from perchat.model.journal import (
    AddInChanged,
    AddInRemoved,
    Administered,
    AdministratorGranted,
    AdministratorRevoked,
    ApplicationChanged,
    ApplicationRemoved,
    CategoryChanged,
    CategoryRemoved,
    Fact,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    JournalEntry,
    MessagePosted,
    MessagesModerated,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    RoomRemoved,
    SignInUnlocked,
    UserChanged,
    UserRemoved,
    UsersInvited,
)
from perchat.model.message import ModeratedMessage
from perchat.model.name import fold, name_key
from perchat.model.uri import GroupUri
from perchat.store.base import GivenInvitation, Snapshot
from perchat.store.decisions import (
    after_moderation,
    check_cycle,
    check_empty,
    decided_room,
    name_taken,
    nothing_there,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perchat.model.addin import AddIn
    from perchat.model.administration import AdministrativeRole, AdministratorGrant
    from perchat.model.application import RegisteredApplication
    from perchat.model.category import Category
    from perchat.model.chatroom import Role, Room
    from perchat.model.message import Message
    from perchat.model.preference import Preference
    from perchat.model.principal import Group, User
    from perchat.model.uri import CategoryUri, RoomUri, SipUri

__all__ = ["Post", "Tables", "post_of"]

_EPOCH = datetime.fromtimestamp(0, UTC)
_NOBODY: frozenset[str] = frozenset()

Post: TypeAlias = tuple[str, str, str]
"""What names a post that may be sent again: author, room, the author's id."""


def post_of(fact: Fact) -> Post | None:
    """Return what names a post, None for anything else."""
    if not isinstance(fact, MessagePosted) or not fact.message.client_id:
        return None
    return fact.message.author, fact.message.room_uri, fact.message.client_id


class Tables:
    """Changes fact by fact; values within are replaced, never changed, so that copies are cheap."""

    def __init__(self) -> None:
        self.users: dict[SipUri, User] = {}
        self.groups: dict[GroupUri, Group] = {}
        self.members: dict[GroupUri, frozenset[str]] = {}
        self.add_ins: dict[str, AddIn] = {}
        self.categories: dict[CategoryUri, Category] = {}
        self.rooms: dict[RoomUri, Room] = {}
        self.names: dict[str, str] = {}
        self.roles: dict[tuple[RoomUri, Role], dict[str, Changes]] = {}
        self.present: dict[tuple[RoomUri, SipUri, str], ParticipantJoined] = {}
        self.messages: dict[RoomUri, list[Message]] = {}
        self.originals: dict[RoomUri, dict[int, ModeratedMessage]] = {}
        self.last_ids: dict[RoomUri, int] = {}
        self.receipts: dict[Post, JournalEntry] = {}
        self.applications: dict[str, RegisteredApplication] = {}
        self.administrators: dict[tuple[SipUri, AdministrativeRole], AdministratorGrant] = {}
        self.invitations: dict[SipUri, tuple[GivenInvitation, ...]] = {}
        self.invited: dict[SipUri, int] = {}
        self.preferences: dict[tuple[SipUri, str], Preference] = {}

    def copy(self) -> Tables:
        """Return tables that change apart from these."""
        other = Tables()
        for name, table in vars(self).items():
            setattr(other, name, dict(table))
        other.messages = {room: list(messages) for room, messages in self.messages.items()}
        return other

    def take(self, fact: Fact, micros: int) -> Fact:
        """Change the tables by one fact; return the fact as it was decided."""
        decide = self._DECIDE.get(type(fact))
        if decide is not None:
            return decide(self, fact, _EPOCH + timedelta(microseconds=micros))
        self._TAKE[type(fact)](self, fact)
        return fact

    # messages and attendance

    def _post(self, fact: MessagePosted, at: datetime) -> MessagePosted:
        room = self._room(fact.message.room_uri)
        message = replace(
            fact.message,
            id=self.last_ids.get(room.uri, 0) + 1,
            timestamp=at,
            room_name=room.name,
        )
        self.last_ids[room.uri] = message.id
        if fact.kept:
            self.messages.setdefault(room.uri, []).append(message)
        return MessagePosted(message, fact.kept)

    def _moderate(self, fact: MessagesModerated, at: datetime) -> MessagesModerated:
        room, meant = self._room(fact.room).uri, set(fact.messages)
        said = self.messages.get(room, [])
        found = {one.id: one for one in said if one.id in meant}
        kept = dict(self.originals.get(room, {}))
        for number, message in found.items():
            first = kept[number].original if number in kept else message
            kept[number] = ModeratedMessage(first, at, fact.text)
        if not fact.originals:
            kept = {number: one for number, one in kept.items() if number not in meant}
        self.originals[room] = kept
        changed = (
            after_moderation(one, fact.text) if one.id in found else one
            for one in said
            if fact.text is not None or one.id not in found
        )
        self.messages[room] = list(changed)
        return replace(fact, messages=tuple(sorted(found)))

    def _room(self, uri: RoomUri) -> Room:
        room = self.rooms.get(uri)
        if room is None:
            raise nothing_there("room", uri)
        return room

    def _join(self, fact: ParticipantJoined) -> None:
        self._room(fact.room)
        self.present[fact.room, fact.user, fact.session] = fact

    def _part(self, fact: ParticipantParted) -> None:
        self.present.pop((fact.room, fact.user, fact.session), None)

    def _start(self, fact: NodeStarted) -> None:
        self.present = {k: v for k, v in self.present.items() if v.node != fact.node}

    # rooms and categories

    def _change_room(self, fact: RoomChanged, at: datetime) -> RoomChanged:
        uri = fact.room.uri
        fact = decided_room(fact, self.rooms.get(uri), at)
        if fact.room.category not in self.categories:
            raise nothing_there("category", str(fact.room.category))
        self._name(fact.room.name, uri)
        self.rooms[uri] = fact.room
        return fact

    def _remove_room(self, fact: RoomRemoved) -> None:
        uri = self._room(fact.room).uri
        del self.rooms[uri]
        self.names = {k: v for k, v in self.names.items() if v != uri}
        self.roles = {k: v for k, v in self.roles.items() if k[0] != uri}
        self.present = {k: v for k, v in self.present.items() if k[0] != uri}
        self.receipts = {k: v for k, v in self.receipts.items() if k[1] != uri}
        self.invitations = {
            user: tuple(one for one in given if one.room != uri)
            for user, given in self.invitations.items()
        }
        self.messages.pop(uri, None)
        self.originals.pop(uri, None)
        self.last_ids.pop(uri, None)

    def _change_category(self, fact: CategoryChanged) -> None:
        self._name(fact.category.name, fact.category.uri)
        self.categories[fact.category.uri] = fact.category

    def _remove_category(self, fact: CategoryRemoved) -> None:
        uri = fact.category
        check_empty(uri, sum(room.category == uri for room in self.rooms.values()))
        self.categories.pop(uri, None)
        self.names = {k: v for k, v in self.names.items() if v != uri}

    def _name(self, name: str, uri: str) -> None:
        key = name_key(name)
        if self.names.get(key, uri) != uri:
            raise name_taken(name)
        self.names = {k: v for k, v in self.names.items() if v != uri} | {key: uri}

    def _grant(self, fact: RolesGranted, at: datetime) -> RolesGranted:
        self._room(fact.room)
        changes = Changes(fact.by, at, fact.by, at)
        held = self.roles.get((fact.room, fact.role), {})
        self.roles[fact.room, fact.role] = dict.fromkeys(fact.principals, changes) | held
        return fact

    def _revoke(self, fact: RolesRevoked) -> None:
        self._room(fact.room)
        gone = set(fact.principals)
        held = self.roles.get((fact.room, fact.role), {})
        self.roles[fact.room, fact.role] = {k: v for k, v in held.items() if k not in gone}

    def _invite(self, fact: UsersInvited, at: datetime) -> UsersInvited:
        self._room(fact.room)
        given: dict[SipUri, int] = {}
        for user in dict.fromkeys(fact.users):
            known = self.invitations.get(user, ())
            if user not in self.users or any(one.room == fact.room for one in known):
                continue
            given[user] = self.invited[user] = self.invited.get(user, 0) + 1
            self.invitations[user] = (*known, GivenInvitation(given[user], at, fact.room))
        return UsersInvited(fact.room, tuple(given), tuple(given.values()))

    # the directory

    def _change_user(self, fact: UserChanged) -> None:
        known = self.users.get(fact.user.uri)
        if known and known.guid != fact.user.guid:
            raise StorageError(f"{fact.user.uri} exists already, with another GUID")
        self.users[fact.user.uri] = fact.user

    def _remove_user(self, fact: UserRemoved) -> None:
        user = fact.user
        self.users.pop(user, None)
        self.invitations.pop(user, None)
        self.invited.pop(user, None)
        self.preferences = {k: v for k, v in self.preferences.items() if k[0] != user}
        self.administrators = {k: v for k, v in self.administrators.items() if k[0] != user}
        self._forget(user)

    def _forget(self, principal: str) -> None:
        self.roles = {
            key: {one: changes for one, changes in held.items() if one != principal}
            for key, held in self.roles.items()
        }
        self.members = {group: held - {principal} for group, held in self.members.items()}

    def _change_group(self, fact: GroupChanged) -> None:
        self.groups[GroupUri(fact.group.uri)] = fact.group

    def _remove_group(self, fact: GroupRemoved) -> None:
        self.groups.pop(fact.group, None)
        self.members.pop(fact.group, None)
        self._forget(fact.group)

    def _add_members(self, fact: GroupMembersAdded) -> None:
        if fact.group not in self.groups:
            raise nothing_there("group", fact.group)
        check_cycle(fact.group, self._above(fact.group), fact.members)
        self.members[fact.group] = self.members.get(fact.group, _NOBODY) | set(fact.members)

    def groups_of(self, principal: str) -> list[str]:
        """Return the groups that hold a principal directly."""
        return sorted(group for group, held in self.members.items() if principal in held)

    def held_by(self, principals: Iterable[str]) -> list[str]:
        """Return principals and all that they hold, each once."""
        found = dict.fromkeys(principals)
        new = list(found)
        while new:
            held = self.members.get(new.pop(), _NOBODY)  # type: ignore[call-overload]
            more = [one for one in held if one not in found]
            found.update(dict.fromkeys(more))
            new += more
        return list(found)

    def _above(self, group: str) -> set[str]:
        found, new = {group}, {group}
        while new:
            holders = (g for g, held in self.members.items() if not held.isdisjoint(new))
            new = set[str](holders) - found
            found |= new
        return found

    def _remove_members(self, fact: GroupMembersRemoved) -> None:
        self.members[fact.group] = self.members.get(fact.group, _NOBODY) - set(fact.members)

    def _change_add_in(self, fact: AddInChanged) -> None:
        key = fold(fact.add_in.name)
        if any(fold(one.name) == key for one in self.add_ins.values() if one.id != fact.add_in.id):
            raise CommandFailed.of(
                ErrorCode.DUPLICATE_ADDIN_NAME, f"the name is taken: {fact.add_in.name}"
            )
        self.add_ins[fact.add_in.id] = fact.add_in

    def _remove_add_in(self, fact: AddInRemoved) -> None:
        self.add_ins.pop(fact.id, None)

    def _change_application(self, fact: ApplicationChanged) -> None:
        self.applications[fold(fact.application.name)] = fact.application

    def _remove_application(self, fact: ApplicationRemoved) -> None:
        self.applications.pop(fold(fact.name), None)

    def _grant_administrator(self, fact: AdministratorGranted) -> None:
        grant = fact.grant
        if grant.user not in self.users:
            raise nothing_there("user", grant.user)
        self.administrators[grant.user, grant.role] = grant

    def _revoke_administrator(self, fact: AdministratorRevoked) -> None:
        self.administrators.pop((fact.user, fact.role), None)

    def _note(self, _fact: Administered) -> None:
        """Change nothing: it stands in the journal."""

    def snapshot(self, position: int, database: str) -> Snapshot:
        """Return all of it as values."""
        return Snapshot(
            position,
            database,
            users=tuple(self.users[key] for key in sorted(self.users)),
            categories=tuple(self.categories[key] for key in sorted(self.categories)),
            rooms=tuple(self.rooms[key] for key in sorted(self.rooms)),
            roles=tuple(
                RolesGranted(room, role, tuple(sorted(held)))
                for (room, role), held in sorted(
                    self.roles.items(), key=lambda item: (item[0][0], item[0][1].value)
                )
                if held
            ),
            participants=tuple(self.present[key] for key in sorted(self.present)),
            applications=tuple(self.applications[key] for key in sorted(self.applications)),
            groups=tuple(self.groups[key] for key in sorted(self.groups)),
            memberships=tuple(
                GroupMembersAdded(group, inner)
                for group, held in sorted(self.members.items())
                if (inner := tuple(sorted(one for one in held if not one.startswith("sip:"))))
            ),
            add_ins=tuple(self.add_ins[key] for key in sorted(self.add_ins)),
            administrators=tuple(
                grant
                for _, grant in sorted(
                    self.administrators.items(), key=lambda item: (item[0][0], item[0][1].value)
                )
            ),
        )

    _DECIDE: ClassVar[dict[type, Callable[..., Fact]]] = {
        MessagePosted: _post,
        MessagesModerated: _moderate,
        RoomChanged: _change_room,
        RolesGranted: _grant,
        UsersInvited: _invite,
    }
    """Facts that the store completes."""

    _TAKE: ClassVar[dict[type, Callable[..., None]]] = {
        ParticipantJoined: _join,
        ParticipantParted: _part,
        NodeStarted: _start,
        RoomRemoved: _remove_room,
        CategoryChanged: _change_category,
        CategoryRemoved: _remove_category,
        RolesRevoked: _revoke,
        UserChanged: _change_user,
        UserRemoved: _remove_user,
        GroupChanged: _change_group,
        GroupRemoved: _remove_group,
        GroupMembersAdded: _add_members,
        GroupMembersRemoved: _remove_members,
        AddInChanged: _change_add_in,
        AddInRemoved: _remove_add_in,
        ApplicationChanged: _change_application,
        ApplicationRemoved: _remove_application,
        SignInUnlocked: lambda *_: None,
        AdministratorGranted: _grant_administrator,
        AdministratorRevoked: _revoke_administrator,
        Administered: _note,
    }
