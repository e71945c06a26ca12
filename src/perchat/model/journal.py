"""
The journal: what is true, in the order in which it became true.

A fact is true once the store has given it a position; whatever a participant
sees is read back from here, on every node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.addin import AddIn
    from perchat.model.administration import AdministrativeRole, AdministratorGrant
    from perchat.model.application import RegisteredApplication
    from perchat.model.category import Category
    from perchat.model.chatroom import Role, Room
    from perchat.model.message import Message
    from perchat.model.principal import Group, User
    from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri

__all__ = [
    "AddInChanged",
    "AddInRemoved",
    "Administered",
    "AdministratorGranted",
    "AdministratorRevoked",
    "ApplicationChanged",
    "ApplicationRemoved",
    "CategoryChanged",
    "CategoryRemoved",
    "Fact",
    "GroupChanged",
    "GroupMembersAdded",
    "GroupMembersRemoved",
    "GroupRemoved",
    "JournalEntry",
    "MessagePosted",
    "MessagesModerated",
    "NodeStarted",
    "ParticipantJoined",
    "ParticipantParted",
    "RolesGranted",
    "RolesRevoked",
    "RoomChanged",
    "RoomRemoved",
    "SignInUnlocked",
    "UserChanged",
    "UserRemoved",
    "UsersInvited",
]


@dataclass(frozen=True, slots=True)
class MessagePosted:
    """
    A message; before it is appended its id is 0 and its timestamp a placeholder.

    Attributes:
        kept: Whether it goes into history; without, it is only told.

    """

    message: Message
    kept: bool = True


@dataclass(frozen=True, slots=True)
class MessagesModerated:
    """
    An administrator replaced messages of a room or took them away; they say so from here on.

    Attributes:
        messages: Their ids; the store leaves out those that are not there.
        text: What they say instead; None takes them away.
        originals: Whether the store keeps what they said first; without, it forgets that too.

    """

    room: RoomUri
    messages: tuple[int, ...]
    text: str | None = None
    originals: bool = True


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """A session of a user is in a room from here on."""

    room: RoomUri
    user: SipUri
    session: str
    node: str


@dataclass(frozen=True, slots=True)
class ParticipantParted:
    """A session of a user is out of a room from here on."""

    room: RoomUri
    user: SipUri
    session: str
    node: str


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node begins with no session; what it had before is gone."""

    node: str


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """
    A room was made or changed; this is how it is now.

    Attributes:
        room: Of its changes ``updated_by`` says who did it, the store decides the rest.
        expected: When it was last changed as far as the writer knows: if it was changed
            since, the store refuses. None for whatever there is. Not part of the journal.

    """

    room: Room
    expected: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RoomRemoved:
    """A room is no more, nor what was said in it."""

    room: RoomUri


@dataclass(frozen=True, slots=True)
class CategoryChanged:
    """A category was made or changed; this is how it is now."""

    category: Category


@dataclass(frozen=True, slots=True)
class CategoryRemoved:
    """A category, which held no room, is no more."""

    category: CategoryUri


@dataclass(frozen=True, slots=True)
class RolesGranted:
    """
    Principals hold a role in a room from here on.

    Attributes:
        by: The user who did it; None for an administrator.

    """

    room: RoomUri
    role: Role
    principals: tuple[str, ...]
    by: SipUri | None = None


@dataclass(frozen=True, slots=True)
class RolesRevoked:
    """Principals do not hold a role in a room any more."""

    room: RoomUri
    role: Role
    principals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A user was made or changed; this is how the user is now."""

    user: User


@dataclass(frozen=True, slots=True)
class UserRemoved:
    """A user is no more, nor any role or membership of that address."""

    user: SipUri


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A group was made or changed, its members apart; this is how it is now."""

    group: Group


@dataclass(frozen=True, slots=True)
class GroupRemoved:
    """A group is no more, nor any role or membership of it."""

    group: GroupUri


@dataclass(frozen=True, slots=True)
class GroupMembersAdded:
    """A group holds principals from here on."""

    group: GroupUri
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupMembersRemoved:
    """A group does not hold principals any more."""

    group: GroupUri
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddInChanged:
    """An add-in was registered or changed; this is how it is now."""

    add_in: AddIn


@dataclass(frozen=True, slots=True)
class AddInRemoved:
    """An add-in is registered no more."""

    id: str


@dataclass(frozen=True, slots=True)
class UsersInvited:
    """
    Users are asked into a room, each once for ever.

    Attributes:
        users: Before it is appended, whoever may have been invited before as well.
        ids: Beside each user, counting up within the user; the store gives them.

    """

    room: RoomUri
    users: tuple[SipUri, ...]
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationChanged:
    """A trusted application was registered or changed; this is how it is now."""

    application: RegisteredApplication


@dataclass(frozen=True, slots=True)
class ApplicationRemoved:
    """The application of that name is trusted no more."""

    name: str


@dataclass(frozen=True, slots=True)
class SignInUnlocked:
    """
    Wrong passwords from before are forgotten, on all nodes.

    Attributes:
        user: Those for that account; None for all.

    """

    user: SipUri | None = None


@dataclass(frozen=True, slots=True)
class AdministratorGranted:
    """A user holds an administrative role from here on, as the grant says and no wider."""

    grant: AdministratorGrant


@dataclass(frozen=True, slots=True)
class AdministratorRevoked:
    """A user does not hold an administrative role any more."""

    user: SipUri
    role: AdministrativeRole


@dataclass(frozen=True, slots=True)
class Administered:
    """
    Who brought about the entries before this one, for whoever has to answer for it later.

    Attributes:
        by: A user's address, or ``local:`` and the login of the operator at the server.
        operation: As the command line calls it, for example ``room add``.
        subject: The address of what it was done to.
        facts: How many entries before this one it is about; all became true together.

    """

    by: str
    operation: str
    subject: str
    facts: int = 0


Fact = (
    MessagePosted
    | MessagesModerated
    | ParticipantJoined
    | ParticipantParted
    | NodeStarted
    | RoomChanged
    | RoomRemoved
    | CategoryChanged
    | CategoryRemoved
    | RolesGranted
    | RolesRevoked
    | UserChanged
    | UserRemoved
    | GroupChanged
    | GroupRemoved
    | GroupMembersAdded
    | GroupMembersRemoved
    | AddInChanged
    | AddInRemoved
    | UsersInvited
    | ApplicationChanged
    | ApplicationRemoved
    | SignInUnlocked
    | AdministratorGranted
    | AdministratorRevoked
    | Administered
)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """
    A fact with its place in the order.

    Attributes:
        position: Starts at 1, without gaps, over all rooms.
        at: Seconds since the epoch, as the store's clock read it.

    """

    position: int
    at: float
    fact: Fact
