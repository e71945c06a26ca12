"""Rosters and notices as strangers write them."""

from __future__ import annotations

from perchat.markup import read
from perchat.model.chatroom import RoomSnapshot
from perchat.model.participant import Participant
from perchat.model.uri import RoomUri, SipUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    Departure,
    Departures,
    Joined,
    JoinedRoom,
    RosterEntry,
)
from perchat.xccos.codec import SIPE
from perchat.xccos.roster import ARRIVALS, DEPARTURES, JOINED

ROOM = RoomUri("ma-chan://d/g")
OTHER = RoomUri("ma-chan://d/h")
A, B = SipUri("sip:a@d"), SipUri("sip:b@d")


def joined(text: str) -> Joined:
    return JOINED.read(read(f"<data>{text}</data>".encode()))


def test_a_user_under_two_masks_has_the_rights_of_both_and_is_listed_once() -> None:
    (room,) = joined(
        '<uib id="0" uri="sip:a@d"/><uib id="1" uri="sip:b@d"/><chanib uri="ma-chan://d/g">'
        '<aib key="3984" value="0,1"/><aib key="12276" value="0"/></chanib>'
    ).rooms
    assert room.participants == (
        RosterEntry(Participant(A, is_manager=True), 12276 | 3984),
        RosterEntry(Participant(B), 3984),
    )


def test_names_come_from_the_best_attribute_there_is() -> None:
    (room,) = joined(
        '<chanib uri="ma-chan://d/g"><aib key="7552" value=" 0, 1 ,x,,2"/></chanib>'
        '<uib id="0" uri="a@d" guid="g" uname="u" disp="d" dispname="n"/>'
        '<uib id=" 1 " uri="sip:b@d" uname="u" disp=""/><uib id="2" uri="?"/><uib/>'
    ).rooms
    assert [entry.participant for entry in room.participants] == [
        Participant(A, "n", "g", is_presenter=True),
        Participant(B, "u", is_presenter=True),
    ]


def test_large_rooms_may_list_nobody_and_masks_may_be_rubbish() -> None:
    empty, odd = joined(
        '<chanib uri="ma-chan://d/g"><aib/></chanib><uib id="0" uri="sip:a@d"/>'
        '<chanib uri="ma-chan://d/h"><aib key="-4" value="0"/></chanib>'
    ).rooms
    assert empty.participants == ()
    assert odd.participants == (RosterEntry(Participant(A), 0),)


def test_one_room_may_fail_while_another_is_joined() -> None:
    outcome = joined(
        '<chanib uri="ma-chan://d/g"/><fib key="OPERATION_FAILED" value="h" domain="d"/><fib/>'
    )
    room = RoomSnapshot(ROOM, "", keeps_history=False)
    assert outcome == Joined((JoinedRoom(room),), (OTHER,))


def test_a_user_in_two_rooms_is_listed_once_and_each_mask_once() -> None:
    rooms = tuple(
        JoinedRoom(
            RoomSnapshot(uri, "n"),
            (RosterEntry(Participant(A), 3456), RosterEntry(Participant(B), 3456)),
        )
        for uri in (ROOM, OTHER)
    )
    data = read(f"<data>{JOINED.write(Joined(rooms), SIPE)}</data>".encode())
    assert [uib.get("id") for uib in data.find_all("uib")] == ["0", "1"]
    for chanib in data.find_all("chanib"):
        assert [aib.get("value") for aib in chanib.find_all("aib")] == ["0,1"]


def test_users_without_address_and_rooms_without_uri_are_passed_over() -> None:
    data = read(
        b'<data><uib/><uib uri="sip:a@d"><aib key="3984" domain="d" value="g"/>'
        b'<aib key="4" domain="d"/>'
        b'<aib key="12276" domain="d" value="h"/></uib></data>'
    )
    arrival = Arrival(Participant(A, is_manager=True), ((ROOM, 3984), (OTHER, 12276)))
    assert ARRIVALS.read(data) == Arrivals((arrival,))


def test_departures_name_several_rooms_and_users() -> None:
    data = read(
        b'<data><chanib uri="ma-chan://d/g"><uib uri="sip:a@d"/><uib uri="b@d"/><uib/></chanib>'
        b'<chanib/><chanib uri="ma-chan://d/h"/></data>'
    )
    assert DEPARTURES.read(data) == Departures((Departure(ROOM, (A, B)), Departure(OTHER, ())))
