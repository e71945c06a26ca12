"""Searches for rooms as strangers put them."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.xccos.blocks import RoomQuery
from perchat.xccos.managing import AssociationQuery
from perchat.xccos.searches import ASSOCIATION_QUERY, ROOM_QUERY


def test_queries_are_read_in_either_case_of_names() -> None:
    query = ROOM_QUERY.read(
        read(
            b'<data><qib qtype="byName" criteria="a b" extended="True" matchall="1"'
            b' MatchExactPhrase="true" maxresults="5" disabled="maybe" visibility="private"'
            b' behavior="normal" invites="false" searchInvites="TRUE" extra="1"/></data>'
        )
    )
    assert query == RoomQuery(
        "a b",
        extended=True,
        match_all=True,
        match_exact_phrase=True,
        max_results=5,
        privacy=Privacy.SECRET,
        behavior=Behavior.NORMAL,
        search_invites=True,
        invites=False,
    )


def test_a_search_without_criteria_finds_all() -> None:
    assert ROOM_QUERY.read(read(b"<data/>")) == RoomQuery()
    assert ROOM_QUERY.read(read(b"<data><qib maxResults='many'/></data>")) == RoomQuery()


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("", AssociationQuery()),
        ("<new/>", AssociationQuery()),
        (
            '<association domain="d" type="Member" maxresults="500"/>',
            AssociationQuery(domain="d", max_results=500),
        ),
        ('<association type="MANAGER"/>', AssociationQuery(Role.MANAGER)),
        ('<assoc role=" manager "/><association type="MEMBER"/>', AssociationQuery(Role.MANAGER)),
    ],
)
def test_the_role_is_found_wherever_it_is(inner: str, expected: AssociationQuery) -> None:
    assert ASSOCIATION_QUERY.read(read(f"<data>{inner}</data>".encode())) == expected
