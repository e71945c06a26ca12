"""Lines of chat as strangers write them."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.uri import RoomUri, SipUri
from perchat.xccos.blocks import MessageQuery, RecentQuery
from perchat.xccos.chat import HISTORY, MESSAGE_QUERY, RECENT_QUERY, escape_lines, read_chat
from perchat.xccos.codec import EPOCH
from perchat.xccos.primitives import Chat

ROOM = RoomUri("ma-chan://d/g")
ALICE = SipUri("sip:a@d")
ADDRESSED = 'chanUri="ma-chan://D/g" author="sip:A@d"'


def line(attributes: str, inner: str) -> Chat:
    return read_chat(read(f"<grpchat {attributes}>{inner}</grpchat>".encode()))


def test_room_and_author_are_enough() -> None:
    assert line(ADDRESSED, "") == Chat(ROOM, ALICE, "", EPOCH)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "&#10;", "&#13;", "&#13;&#10;"])
def test_every_line_end_is_one(end: str) -> None:
    assert line(ADDRESSED, f"<chat>a{end}b</chat>").text == "a\nb"


def test_line_ends_are_written_as_cr_lf() -> None:
    assert escape_lines("a\nb\r\nc\rd&#13;\n") == "a\r\nb\r\nc\r\nd&amp;#13;\r\n"


def test_names_of_attributes_may_differ_in_case() -> None:
    chat = line(f'{ADDRESSED} CHATID="7" Alert="True" authDisp="A"', "<chat>x</chat><rtf/>")
    assert (chat.id, chat.alert, chat.author_name, chat.rtf) == (7, True, "A", "")


def test_blanks_around_text_are_text() -> None:
    assert line(ADDRESSED, "<chat>  x \n</chat>").text == "  x \n"


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
    ("bcq", "after", "limit"),
    [
        ('<msgid>41</msgid><limit cnt="100"/><searchbkwds>false</searchbkwds>', 41, 100),
        ("<msgid>41</msgid><text>ignored</text>", 41, 0),
        ('<msgid>-7</msgid><limit cnt="-5"/>', 0, 0),
        ("<msgid>last</msgid>", 0, 0),
    ],
)
def test_what_follows_a_message_is_asked_for_in_several_ways(
    bcq: str, after: int, limit: int
) -> None:
    data = read(f'<data><chanib uri="ma-chan://d/g"/><bcq>{bcq}</bcq></data>'.encode())
    assert MESSAGE_QUERY.read(data) == MessageQuery(ROOM, after, limit)


@pytest.mark.parametrize(
    "inner",
    [
        '<chanib uri="ma-chan://d/g"/>',
        '<chanib uri="ma-chan://d/g"/><bcq/>',
        "<bcq><msgid>1</msgid></bcq>",
        '<chanib uri="ma-chan://d/g"/><bcq><msgid>1</msgid><searchbkwds>true</searchbkwds></bcq>',
    ],
)
def test_other_questions_about_messages_are_of_no_use(inner: str) -> None:
    with pytest.raises(ValueError, match=r"bcq|follow"):
        MESSAGE_QUERY.read(read(f"<data>{inner}</data>".encode()))


def test_the_posters_own_id_comes_along() -> None:
    assert line(f'{ADDRESSED} clientId="5f3c"', "<chat>x</chat>").client_id == "5f3c"
