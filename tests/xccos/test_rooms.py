"""Rooms as strangers describe them."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.addin import AddIn
from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.blocks import RoomIds, RoomUris
from perchat.xccos.codec import CLIENT
from perchat.xccos.rooms import (
    ROOM_IDS,
    ROOM_URIS,
    ROOMS,
    read_room,
)

ROOM = RoomUri("ma-chan://d/g")


def room(attributes: str = "", inner: str = "") -> RoomSnapshot:
    return read_room(read(f'<chanib uri="ma-chan://d/g" {attributes}>{inner}</chanib>'.encode()))


def test_a_room_needs_no_more_than_its_uri() -> None:
    assert room() == RoomSnapshot(ROOM, "", keeps_history=False)
    with pytest.raises(ValueError, match="without uri"):
        read_room(read(b"<chanib name='x'/>"))


@pytest.mark.parametrize(
    ("word", "privacy"),
    [
        ("OPEN", Privacy.OPEN),
        ("open", Privacy.OPEN),
        ("SCOPED", Privacy.CLOSED),
        ("scope", Privacy.CLOSED),
        ("Private", Privacy.SECRET),
        ("something", Privacy.CLOSED),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        'visibility="{}"',
        '><info id="urn:parlano:ma:info:visibilty">{}</info><x',
        '><info id="URN:parlano:ma:info:Visibility"> {} </info><x',
    ],
)
def test_visibility_is_found_wherever_it_is(form: str, word: str, privacy: Privacy) -> None:
    text = f'<d><chanib uri="ma-chan://d/g" {form.format(word)}/>'
    text += "</chanib></d>" if "<x" in form else "</d>"
    (found,) = ROOMS.read(read(text.encode())).rooms
    assert found.privacy is privacy


def test_values_are_read_without_case_and_rubbish_is_passed_over() -> None:
    found = room(
        'behavior="Auditorium" DISABLED="True" parent="ma-cat://D/C" new="1"',
        '<info id="urn:parlano:ma:info:ucnt"> 12 </info><prop>x</prop><new/>'
        '<prop id="urn:parlano:ma:prop:invite">True</prop>'
        '<prop id="urn:parlano:ma:prop:logged">1</prop>'
        '<prop id="urn:parlano:ma:prop:filepost">no</prop>',
    )
    assert found == RoomSnapshot(
        ROOM,
        "",
        category=CategoryUri("ma-cat://d/c"),
        behavior=Behavior.AUDITORIUM,
        disabled=True,
        participants=12,
        invites=True,
    )
    assert room('parent="root" behavior="?"', "<info id='urn:parlano:ma:info:ucnt'>?</info>") == (
        room()
    )


def test_one_bad_room_in_a_list_does_not_lose_the_others() -> None:
    data = read(b"<data><chanib/><chanib uri='x'/><chanib uri='ma-chan://d/g'/><other/></data>")
    assert [found.uri for found in ROOMS.read(data).rooms] == [ROOM]


def test_room_ids_are_uris_in_parts() -> None:
    data = read(b'<data><chanid key="0" domain="contoso.com" value="abc"/></data>')
    ids = RoomIds((RoomUri("ma-chan://contoso.com/abc"),))
    assert ROOM_IDS.read(data) == ids
    assert f"<data>{ROOM_IDS.write(ids, CLIENT)}</data>".encode() == (
        b'<data><chanid key="0" domain="contoso.com" value="abc"/></data>'
    )


def test_a_room_asked_for_twice_is_asked_for_once() -> None:
    data = read(b'<data><chanid domain="D" value="G"/><chanid domain="d" value="g"/></data>')
    assert ROOM_IDS.read(data) == RoomIds((ROOM,))
    data = read(b'<data><chanib uri="ma-chan://D/g"/><chanib uri="ma-chan://d/g"/></data>')
    assert ROOM_URIS.read(data) == RoomUris((ROOM,))


def test_an_add_in_comes_with_its_room() -> None:
    found = room('siopid=" ABC " siopname="Clock" siopURL="https://x"')
    assert found.add_in == AddIn("abc", "Clock", "https://x")
    assert room('siopid="" siopname="Clock"').add_in is None
