"""Strategies for the data of moderation and administration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from perchat.model.administration import (
    AdministrativeRole,
    AdministratorGrant,
    GroupEntry,
    RoomEntry,
)
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Room
from perchat.model.journal import MessagesModerated
from perchat.model.message import ModeratedMessage
from perchat.model.principal import Group, PrincipalType, User
from perchat.xccos.administrative import (
    AdministrativeReply,
    AdministrativeRequest,
    ModerationAction,
    ModerationReply,
    ModerationRequest,
    Values,
)
from tests.xccos.basics import CATEGORIES, LEGAL, ROOM_URIS, TIMES, USERS, maybe, tuples

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from perchat.model.history import HistoryQuery
    from perchat.model.message import Message
    from perchat.xccos.blocks import Data

__all__ = ["administered"]

NAMES = LEGAL.filter(bool)
FLAGS = st.booleans()
IDS = tuples(st.integers(1, 10**17))
PRINCIPALS = USERS.map(str)
CATEGORY = st.builds(
    Category,
    CATEGORIES,
    LEGAL,
    LEGAL,
    FLAGS,
    FLAGS,
    FLAGS,
    *(tuples(PRINCIPALS).map(frozenset),) * 3,
)
ROOM = st.builds(
    Room,
    ROOM_URIS,
    LEGAL,
    LEGAL,
    maybe(CATEGORIES),
    st.sampled_from(Privacy),
    st.sampled_from(Behavior),
    FLAGS,
    FLAGS,
    LEGAL,
)
ENTRY = st.builds(RoomEntry, ROOM, LEGAL, *(tuples(PRINCIPALS),) * 3)
USER = st.builds(User, USERS, LEGAL, LEGAL, LEGAL, FLAGS, FLAGS, FLAGS, *(LEGAL,) * 4)
GROUP = st.builds(
    GroupEntry,
    st.builds(
        Group,
        st.just("ma-grp:1@u.g"),
        LEGAL,
        LEGAL,
        st.sampled_from([PrincipalType.GROUP, PrincipalType.FOLDER]),
        LEGAL,
    ),
    tuples(PRINCIPALS),
)
GRANT = st.builds(
    AdministratorGrant,
    USERS,
    st.sampled_from(AdministrativeRole),
    maybe(tuples(CATEGORIES).map(frozenset)),
)


def administered(
    queries: SearchStrategy[HistoryQuery], messages: SearchStrategy[Message]
) -> dict[type, SearchStrategy[Data]]:
    """Return a strategy for each kind of data, given those for questions and messages."""
    return {
        AdministrativeRequest: st.builds(
            AdministrativeRequest,
            NAMES,
            st.builds(Values, tuples(st.tuples(NAMES, LEGAL))),
            maybe(st.text(st.characters(codec="utf-8"), max_size=20)),
        ),
        AdministrativeReply: st.builds(
            AdministrativeReply,
            tuples(st.one_of(CATEGORY, ENTRY, USER, GROUP, GRANT)),
            tuples(PRINCIPALS),
            FLAGS,
            LEGAL,
        ),
        ModerationRequest: st.builds(
            ModerationRequest,
            st.one_of(ROOM_URIS.map(str), NAMES),
            st.sampled_from(ModerationAction),
            queries,
            IDS,
            maybe(LEGAL),
            st.integers(0, 10**17),
        ),
        ModerationReply: st.builds(
            ModerationReply,
            IDS,
            st.just(()),
            tuples(st.builds(ModeratedMessage, messages, TIMES, maybe(LEGAL))),
            maybe(st.integers(0, 10**17)),
            LEGAL,
        ),
        MessagesModerated: st.builds(MessagesModerated, ROOM_URIS, IDS, maybe(LEGAL)),
    }
