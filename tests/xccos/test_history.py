"""Questions about the past as strangers put them, and what they make of the answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perchat.markup import read
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import RecentQuery
from perchat.xccos.history import HISTORIES, HISTORY, HISTORY_SEARCH, RECENT_QUERY

ROOM = RoomUri("ma-chan://d/g")
ADDRESSED = 'chanUri="ma-chan://D/g" author="sip:A@d"'


def query(bcq: str) -> HistoryQuery:
    data = read(f'<data><chanib uri="ma-chan://d/g"/><bcq>{bcq}</bcq></data>'.encode())
    search = HISTORY_SEARCH.read(data)
    assert search.rooms == (ROOM,)
    return search.query


def test_the_past_is_read_without_what_is_no_chat() -> None:
    data = read(
        f'<data><chanib uri="ma-chan://d/g" name="Ops"><msg id="grpchat" {ADDRESSED}>'
        f'<chat>one</chat></msg><msg id="other" {ADDRESSED}/><msg id="grpchat"/>'
        f"<msg {ADDRESSED}><chat>two</chat></msg></chanib></data>".encode()
    )
    history = HISTORY.read(data)
    assert [message.text for message in history.messages] == ["one", "two"]
    assert {message.room_name for message in history.messages} == {"Ops"}


def test_history_without_room_is_of_no_use() -> None:
    for data in (b"<data/>", b"<data><chanib/></data>"):
        with pytest.raises(ValueError, match="chanib"):
            HISTORY.read(read(data))


@pytest.mark.parametrize(
    ("bcq", "count"),
    [
        ('<bcq><last cnt="25"/></bcq>', 25),
        ('<bcq><last cnt="-5"/></bcq>', 0),
        ('<bcq><last cnt="all"/></bcq>', 30),
        ("<bcq/>", 30),
        ("", 30),
    ],
)
def test_how_many_messages_may_be_left_open(bcq: str, count: int) -> None:
    data = read(f'<data><chanib uri="ma-chan://d/g"/>{bcq}</data>'.encode())
    assert RECENT_QUERY.read(data) == RecentQuery(ROOM, count)


@pytest.mark.parametrize(
    ("bcq", "expected"),
    [
        ("", HistoryQuery()),
        ('<text mt="PP">disk full</text>', HistoryQuery("disk full")),
        (
            "<text>x</text><matchexactphrase>True</matchexactphrase><matchall>true</matchall>",
            HistoryQuery("x", match=Match.PHRASE),
        ),
        (
            "<text>x</text><matchall>1</matchall><matchcase>1</matchcase>",
            HistoryQuery("x", match=Match.ALL, case_sensitive=True),
        ),
        (
            '<msgid>41</msgid><limit cnt="100"/><searchbkwds>false</searchbkwds>',
            HistoryQuery(after_id=41, limit=100),
        ),
        ("<msgid> 41 </msgid><text>x</text>", HistoryQuery("x", after_id=41)),
        ('<msgid>-7</msgid><limit cnt="-5"/>', HistoryQuery(after_id=0)),
        ("<msgid>last</msgid>", HistoryQuery(after_id=0)),
        ('<last cnt="5"/>', HistoryQuery(limit=5, search_newest_first=True)),
        ("<date><from></from></date><msgid>0</msgid>", HistoryQuery()),
        (
            "<date><from>2013-01-01T00:00:00</from></date>",
            HistoryQuery(since=datetime(2013, 1, 1, tzinfo=UTC)),
        ),
        (
            "<date><to>2013-01-01T02:00:00+02:00</to></date><sortbkwds>true</sortbkwds>",
            HistoryQuery(until=datetime(2013, 1, 1, tzinfo=UTC), newest_first=True),
        ),
        (
            '<author uri="Bob@d"/><author uri="sip:carol@d"/><new/>',
            HistoryQuery(authors=("sip:bob@d", "sip:carol@d")),
        ),
    ],
)
def test_a_question_has_many_forms(bcq: str, expected: HistoryQuery) -> None:
    assert query(bcq) == expected


@pytest.mark.parametrize(
    "inner",
    [
        "<bcq/>",
        '<chanib uri="ma-chan://d/g"/>',
        '<chanib/><chanib uri="ma-chan://d/g"/><bcq/>',
        '<chanib uri="ma-chan://d/g"/><bcq><author uri="nobody"/></bcq>',
        '<chanib uri="ma-chan://d/g"/><bcq><date><from>yesterday</from></date></bcq>',
        '<chanib uri="ma-chan://d/g"/><bcq><date><from>2013-02-01T00:00:00Z</from>'  # noqa: ISC004
        "<to>2013-01-01T00:00:00Z</to></date></bcq>",
    ],
)
def test_a_question_that_would_find_more_than_was_meant_is_refused(inner: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        HISTORY_SEARCH.read(read(f"<data>{inner}</data>".encode()))


def test_answers_may_leave_their_counters_out() -> None:
    data = read(
        b"<data><chanib/><chanib uri='ma-chan://d/g' name='n'/><chanib uri='ma-chan://d/h'>"
        b"<info id='URN:parlano:ma:info:resultCnt'>7</info>"
        b"<info id='urn:parlano:ma:info:exceeded'>True</info></chanib></data>"
    )
    assert HISTORIES.read(data).results == (
        HistoryResult(ROOM, "n"),
        HistoryResult(RoomUri("ma-chan://d/h"), total=7, truncated=True),
    )
