"""Users and groups as strangers write them."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.principal import DirectoryUser, Group, Principal, PrincipalType, UserMatches
from perchat.xccos.managing import PrincipalLookup, UserQuery
from perchat.xccos.principals import (
    GROUP,
    GROUP_LOOKUP,
    PRINCIPALS,
    USER,
    USER_LOOKUP,
    USER_QUERY,
    USERS,
)


def principals(inner: str) -> tuple[Principal, ...]:
    return PRINCIPALS.read(read(f"<data>{inner}</data>".encode())).principals


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ('<uib uri="SIP:A@d"/>', Principal("sip:a@d")),
        ('<gib uri="sip:a@d" disp="A" name="a"/>', Principal("sip:a@d", "a", "A")),
        ('<uib uri="sip:a@d" type="4"/>', Principal("sip:a@d", type=PrincipalType.USER)),
        ('<uib guid="7"/>', Principal("ma-grp:7@u.g", type=PrincipalType.GROUP, guid="7")),
        (
            '<uib uri="ma-grp:7@u.g" type="99"/>',
            Principal("ma-grp:7@u.g", type=PrincipalType.GROUP),
        ),
        (
            '<gib uri="ma-grp:7@u.g" type="10" adPath="OU=x"/>',
            Principal("ma-grp:7@u.g", type=PrincipalType.FOLDER, directory_path="OU=x"),
        ),
        ('<gib uri="domain:d"/>', Principal("domain:d", type=PrincipalType.DOMAIN)),
        ('<gib uri="new:d"/>', Principal("new:d", type=PrincipalType.GROUP)),
    ],
)
def test_the_uri_says_what_a_principal_is(block: str, expected: Principal) -> None:
    assert principals(block) == (expected,)


def test_one_bad_principal_does_not_lose_the_others() -> None:
    found = principals('<uib/><uib uri="bob"/><chanib uri="sip:x@d"/><gib uri="sip:a@d"/>')
    assert [principal.uri for principal in found] == ["sip:a@d"]


def test_a_user_comes_with_groups_and_may_lack_all_else() -> None:
    data = read(b'<data><uib uri="sip:a@d" email="m" disabled="True"/><gib guid="7"/></data>')
    group = Principal("ma-grp:7@u.g", type=PrincipalType.GROUP, guid="7")
    assert USER.read(data) == DirectoryUser("sip:a@d", email="m", disabled=True, member_of=(group,))
    with pytest.raises(ValueError, match="no uib"):
        USER.read(read(b"<data/>"))


def test_a_group_may_come_in_either_block() -> None:
    data = read(b'<data><uib uri="ma-grp:7@u.g" uname="n"/></data>')
    assert GROUP.read(data) == Group("ma-grp:7@u.g", "n")
    assert GROUP_LOOKUP.read(data) == USER_LOOKUP.read(data) == PrincipalLookup("ma-grp:7@u.g")


def test_matches_say_whether_there_are_more() -> None:
    more = "<info id='urn:parlano:ma:info:MORE'>True</info>"
    data = read(f"<data>{more}<uib uri='sip:a@d'/></data>".encode())
    assert USERS.read(data) == UserMatches((Principal("sip:a@d"),), more_available=True)
    assert USERS.read(read(b"<data/>")) == UserMatches()


def test_users_are_searched_by_what_is_given() -> None:
    data = read(b'<data><qib LastName="x" maxresults="5"/></data>')
    assert USER_QUERY.read(data) == UserQuery("x", max_results=5)
    with pytest.raises(ValueError, match="no qib"):
        USER_QUERY.read(read(b"<data/>"))
