"""Strategies for the data of commands that manage rooms, roles, people and preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from perchat.model.addin import AddIn
from perchat.model.category import CategorySummary
from perchat.model.changes import Changes
from perchat.model.chatroom import Behavior, Permission, Privacy, Role
from perchat.model.explanation import Answer, AppliedRule, Explanation, Need, RoomAction
from perchat.model.invitation import Invitations, InviteSetting
from perchat.model.preference import Preference
from perchat.model.principal import (
    DirectoryUser,
    Group,
    Principal,
    PrincipalType,
    RoleEntry,
    UserMatches,
)
from perchat.model.roomdetails import (
    RoleChange,
    RoleOperation,
    RoomDetails,
    RoomSettings,
    RoomUpdate,
)
from perchat.xccos.managing import (
    AddIns,
    AssociationQuery,
    Categories,
    ExplanationQuery,
    PreferenceQuery,
    PreferenceReply,
    PreferenceVersion,
    PrincipalLookup,
    PrincipalQuery,
    Principals,
    RoleAssignment,
    RoleList,
    RoleLists,
    RoleQuery,
    RoomLookup,
    RoomPermissions,
    UserQuery,
)
from tests.xccos.basics import (
    CATEGORIES,
    GUIDS,
    LEGAL,
    MASKS,
    NUMBERS,
    ROOM_URIS,
    TIMES,
    USERS,
    maybe,
    tuples,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from perchat.xccos.blocks import Data

LIMITS = st.integers(-1, 1000)
FLAGS = st.booleans()
ROLES = st.sampled_from(Role)
NAMES = LEGAL.filter(bool)
GROUPS = st.builds("ma-grp:{}@u.g".format, GUIDS)
OTHERS = st.one_of(GROUPS, st.builds("domain:{}".format, GUIDS))
URIS = st.one_of(USERS.map(str), OTHERS)
CHANGES = st.builds(Changes, maybe(USERS), maybe(TIMES), maybe(USERS), maybe(TIMES))
ADD_INS = st.builds(AddIn, GUIDS, LEGAL, LEGAL)
INVITE_SETTINGS = st.sampled_from(InviteSetting)
CATEGORY_ROWS = st.builds(CategorySummary, CATEGORIES, LEGAL, LEGAL, FLAGS, FLAGS, FLAGS)
PRINCIPALS = st.builds(Principal, URIS, LEGAL, LEGAL, st.sampled_from(PrincipalType), LEGAL, LEGAL)
ENTRIES = st.builds(RoleEntry, PRINCIPALS, CHANGES)
PRINCIPAL_URIS = st.lists(URIS, max_size=4, unique=True).map(tuple)
ROLE_CHANGES = st.builds(RoleChange, ROLES, st.sampled_from(RoleOperation), PRINCIPAL_URIS)
PREFERENCES = st.builds(Preference, NAMES, NUMBERS, LEGAL)
PRIVACIES = st.sampled_from(Privacy)
BEHAVIORS = st.sampled_from(Behavior)


@st.composite
def details(draw: st.DrawFn) -> RoomDetails:
    """A room whose invitations are inherited from its category."""
    category = draw(maybe(CATEGORY_ROWS))
    local = draw(INVITE_SETTINGS)
    inherited = category.invitations if category else local is InviteSetting.INHERIT
    return RoomDetails(
        draw(ROOM_URIS),
        draw(LEGAL),
        draw(LEGAL),
        category=category,
        privacy=draw(PRIVACIES),
        behavior=draw(BEHAVIORS),
        disabled=draw(FLAGS),
        participants=draw(NUMBERS),
        add_in=draw(maybe(ADD_INS)),
        file_store=draw(LEGAL),
        invitations=Invitations(local, inherited),
        changes=draw(CHANGES),
    )


@st.composite
def categories(draw: st.DrawFn) -> Categories:
    rows = draw(tuples(CATEGORY_ROWS))
    return Categories(rows, draw(maybe(CATEGORIES)) if rows else None)


MANAGED: dict[type[Data], SearchStrategy[Data]] = {
    AssociationQuery: st.builds(
        AssociationQuery, st.sampled_from([Role.MEMBER, Role.MANAGER]), st.just("d"), LIMITS
    ),
    RoomLookup: st.one_of(st.builds(RoomLookup, ROOM_URIS), st.builds(RoomLookup, name=NAMES)),
    RoomDetails: details(),
    RoomSettings: st.builds(
        RoomSettings,
        LEGAL,
        CATEGORIES,
        LEGAL,
        PRIVACIES,
        BEHAVIORS,
        FLAGS,
        INVITE_SETTINGS,
        st.one_of(st.just(""), GUIDS),
        PRINCIPAL_URIS,
        PRINCIPAL_URIS,
        PRINCIPAL_URIS,
    ),
    RoomUpdate: st.builds(
        RoomUpdate,
        ROOM_URIS,
        maybe(LEGAL),
        maybe(LEGAL),
        maybe(CATEGORIES),
        maybe(PRIVACIES),
        maybe(BEHAVIORS),
        maybe(FLAGS),
        maybe(INVITE_SETTINGS),
        maybe(st.one_of(st.just(""), GUIDS)),
        tuples(ROLE_CHANGES),
        maybe(TIMES),
    ),
    RoomPermissions: st.builds(RoomPermissions, ROOM_URIS, USERS, MASKS),
    ExplanationQuery: st.builds(ExplanationQuery, USERS, ROOM_URIS),
    Explanation: st.builds(
        Explanation,
        USERS,
        ROOM_URIS,
        LEGAL,
        st.integers(0, 63).map(Permission),
        tuples(st.builds(AppliedRule, st.sampled_from(["member", "denied"]), FLAGS, LEGAL)),
        tuples(
            st.builds(Answer, st.sampled_from(RoomAction), FLAGS, tuples(st.sampled_from(Need)))
        ),
    ),
    Categories: categories(),
    AddIns: st.builds(AddIns, tuples(ADD_INS)),
    RoleQuery: st.builds(RoleQuery, ROOM_URIS, ROLES),
    RoleLists: st.builds(RoleLists, tuples(st.builds(RoleList, ROLES, tuples(ENTRIES)))),
    RoleAssignment: st.builds(RoleAssignment, ROOM_URIS, tuples(ROLE_CHANGES, 1)),
    PrincipalQuery: st.one_of(
        st.builds(PrincipalQuery, LEGAL, ROOM_URIS, ROLES, st.none(), LIMITS),
        st.builds(PrincipalQuery, LEGAL, category=CATEGORIES, max_results=LIMITS),
    ),
    Principals: st.builds(Principals, tuples(PRINCIPALS)),
    UserQuery: st.builds(UserQuery, LEGAL, LEGAL, LEGAL, LIMITS),
    UserMatches: st.builds(UserMatches, tuples(PRINCIPALS), FLAGS),
    PrincipalLookup: st.builds(PrincipalLookup, URIS),
    DirectoryUser: st.builds(
        DirectoryUser,
        USERS.map(str),
        LEGAL,
        LEGAL,
        st.just(PrincipalType.USER),
        LEGAL,
        LEGAL,
        LEGAL,
        LEGAL,
        FLAGS,
        tuples(PRINCIPALS),
        CHANGES,
    ),
    Group: st.builds(
        Group,
        OTHERS,
        LEGAL,
        LEGAL,
        st.sampled_from([PrincipalType.GROUP, PrincipalType.FOLDER, PrincipalType.DOMAIN]),
        LEGAL,
        LEGAL,
        tuples(PRINCIPALS),
        CHANGES,
    ),
    PreferenceQuery: st.builds(PreferenceQuery, NAMES, st.integers(-1, 1000), FLAGS),
    PreferenceReply: st.builds(PreferenceReply, maybe(PREFERENCES)),
    Preference: PREFERENCES,
    PreferenceVersion: st.builds(PreferenceVersion, NAMES, NUMBERS),
}
