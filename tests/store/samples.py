"""Facts to fill stores with, and a Hypothesis strategy for whole histories."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from perchat.model.addin import AddIn
from perchat.model.administration import AdministrativeRole, AdministratorGrant
from perchat.model.application import RegisteredApplication
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Role, Room
from perchat.model.journal import (
    AddInChanged,
    AddInRemoved,
    Administered,
    AdministratorGranted,
    AdministratorRevoked,
    ApplicationChanged,
    ApplicationRemoved,
    CategoryChanged,
    Fact,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    MessagePosted,
    MessagesModerated,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    SignInUnlocked,
    UserChanged,
    UserRemoved,
    UsersInvited,
)
from perchat.model.message import Message
from perchat.model.principal import Group, User
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

DOMAIN = "contoso.example"
EVERYBODY = frozenset([f"domain:{DOMAIN}"])
GENERAL = CategoryUri.of(DOMAIN, "c0")
OPS, LAB = RoomUri.of(DOMAIN, "a0"), RoomUri.of(DOMAIN, "a1")
ADA, BOB, EVE = (SipUri(f"sip:{name}@{DOMAIN}") for name in ("ada", "bob", "eve"))


TEAM, CREW = GroupUri("ma-grp:team@u.g"), GroupUri("ma-grp:crew@u.g")


def user(uri: SipUri, **changes: object) -> UserChanged:
    given = {"name": uri.user, "display_name": uri.user.title(), "guid": f"guid-{uri.user}"}
    return UserChanged(User(uri, **(given | changes)))  # type: ignore[arg-type]


def category(**changes: object) -> CategoryChanged:
    given: dict[str, object] = {"uri": GENERAL, "name": "General", "allowed": EVERYBODY}
    return CategoryChanged(Category(**(given | changes)))  # type: ignore[arg-type]


def room(uri: RoomUri = OPS, name: str = "Ops", **changes: object) -> RoomChanged:
    given: dict[str, object] = {"category": GENERAL}
    return RoomChanged(Room(uri, name, **(given | changes)))  # type: ignore[arg-type]


def posted(text: str, where: RoomUri = OPS, *, kept: bool = True, **more: object) -> MessagePosted:
    at = datetime.fromtimestamp(0, UTC)
    author = more.pop("author", ADA)
    message = Message(0, at, author, where, text, "Ada", **more)  # type: ignore[arg-type]
    return MessagePosted(message, kept)


def application(
    name: str = "Reporter", *identities: SipUri, port: int = 4585
) -> ApplicationChanged:
    gruu = SipUri(f"sip:app.{DOMAIN}@{DOMAIN};gruu;opaque=srvr:{name}:Ab12")
    names = frozenset([f"app.{DOMAIN}", f"pool.{DOMAIN}"])
    who = frozenset(identities or (ADA,))
    return ApplicationChanged(RegisteredApplication(name, f"app.{DOMAIN}", port, gruu, names, who))


SETTLED: tuple[Fact, ...] = (
    user(ADA),
    user(BOB),
    user(EVE),
    category(),
    room(),
    room(LAB, "Lab", privacy=Privacy.SECRET),
    RolesGranted(OPS, Role.MEMBER, (ADA, BOB)),
    RolesGranted(LAB, Role.MEMBER, (ADA,)),
)
"""Three users and two rooms in a category."""

_rooms = st.sampled_from([OPS, LAB])
_users = st.sampled_from([ADA, BOB, EVE])
_nodes = st.sampled_from(["one", "two"])
_sessions = st.sampled_from(["s1", "s2"])
_roles = st.sampled_from([Role.MEMBER, Role.MANAGER, Role.PRESENTER])
_admin_roles = st.sampled_from(AdministrativeRole)
_names = st.sampled_from(["Reporter", "reporter", "Gate"])
_groups = st.sampled_from([TEAM, CREW])
_held = st.lists(st.sampled_from([ADA, BOB, CREW]).map(str), min_size=1, max_size=2).map(tuple)
_some = st.lists(_users.map(str), min_size=1, max_size=3).map(tuple)
_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def _joined(kind: type[ParticipantJoined | ParticipantParted]) -> SearchStrategy[Fact]:
    # a session is of one user and lives on one node
    return st.builds(
        lambda room, user, session, node: kind(room, user, f"{session}.{user.user}@{node}", node),
        _rooms,
        _users,
        _sessions,
        _nodes,
    )


facts: SearchStrategy[Fact] = st.one_of(
    st.builds(
        posted,
        _text,
        _rooms,
        kept=st.booleans(),
        rtf=st.none() | _text,
        client_id=st.sampled_from(["", "c1", "c2"]),
    ),
    st.builds(
        MessagesModerated,
        _rooms,
        st.lists(st.integers(1, 4), max_size=3).map(tuple),
        st.none() | st.just("moderated by a"),
        st.booleans(),
    ),
    _joined(ParticipantJoined),
    _joined(ParticipantParted),
    st.builds(NodeStarted, _nodes),
    st.builds(SignInUnlocked, st.none() | _users),
    st.builds(RolesGranted, _rooms, _roles, _some),
    st.builds(RolesRevoked, _rooms, _roles, _some),
    st.builds(lambda uri, enabled: user(uri, enabled=enabled), _users, st.booleans()),
    st.builds(UserRemoved, _users),
    st.builds(lambda uri, name: GroupChanged(Group(uri, name)), _groups, _text),
    st.builds(GroupMembersAdded, st.just(TEAM), _held),
    st.builds(GroupMembersAdded, st.just(CREW), st.just((str(TEAM),))),
    st.builds(GroupMembersRemoved, st.just(TEAM), _held),
    st.builds(GroupRemoved, _groups),
    st.builds(RolesGranted, _rooms, _roles, _groups.map(lambda group: (str(group),))),
    st.builds(UsersInvited, _rooms, st.lists(_users, min_size=1, max_size=3).map(tuple)),
    st.builds(lambda name, n: AddInChanged(AddIn(n, name)), _names, st.sampled_from(["1", "2"])),
    st.builds(AddInRemoved, st.sampled_from(["1", "2"])),
    st.builds(application, _names, _users, port=st.integers(1, 65535)),
    st.builds(ApplicationRemoved, _names),
    st.builds(
        lambda user, role, where: AdministratorGranted(AdministratorGrant(user, role, where)),
        _users,
        _admin_roles,
        st.none() | st.just(frozenset([GENERAL])),
    ),
    st.builds(AdministratorRevoked, _users, _admin_roles),
    st.builds(Administered, st.just("local:root"), st.just("room add"), st.just("x")),
    st.builds(lambda denied: category(denied=frozenset(denied)), _some),
    st.builds(
        lambda uri, name, privacy, behavior: room(
            uri, f"{name} {uri.guid}", privacy=privacy, behavior=behavior
        ),
        _rooms,
        st.sampled_from(["Ops", "OPS", "Straße"]),
        st.sampled_from(Privacy),
        st.sampled_from(Behavior),
    ),
)
"""Any fact about the users, rooms and category of ``SETTLED``."""
