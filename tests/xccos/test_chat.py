"""Lines of chat as strangers write them."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.uri import RoomUri, SipUri
from perchat.xccos.chat import escape_lines, read_chat
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


def test_the_posters_own_id_comes_along() -> None:
    assert line(f'{ADDRESSED} clientId="5f3c"', "<chat>x</chat>").client_id == "5f3c"
