"""What is printed: a line a message for people, JSON for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from perchat import Message, RoomUri, SipUri
from perchat.cli.output import print_message, show

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)


def message(text: str, **more: object) -> Message:
    return Message(
        7,
        AT,
        SipUri("sip:alice@example.com"),
        RoomUri("ma-chan://example.com/b2f5ab30-9a6c-4b4b-8e3a-0a4a51c4f6d3"),
        text,
        author_name=str(more.get("author_name", "Alice")),
        room_name="General",
        is_alert=bool(more.get("alert")),
    )


def printed(capsys: pytest.CaptureFixture[str], *, as_json: bool = False, **more: object) -> str:
    print_message(message(str(more.pop("text")), **more), as_json=as_json)
    return capsys.readouterr().out


def test_people_get_a_line_with_their_own_time(capsys: pytest.CaptureFixture[str]) -> None:
    local = f"{AT.astimezone():%Y-%m-%d %H:%M:%S}"
    assert printed(capsys, text="Hello") == f"{local} Alice: Hello\n"
    assert printed(capsys, text="Fire", alert=True) == f"{local} Alice: ! Fire\n"
    assert printed(capsys, text="Hi", author_name="").startswith(f"{local} sip:alice@example.com: ")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
def test_no_further_line_can_pose_as_a_message(
    capsys: pytest.CaptureFixture[str], end: str
) -> None:
    first, second = printed(capsys, text=f"a{end}2026-01-02 03:04:05 Bob: b").splitlines()
    assert first.endswith("Alice: a")
    assert second == "    2026-01-02 03:04:05 Bob: b"


def test_nobody_steers_the_terminal_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in printed(capsys, text="\x1b[2J", author_name="\x1b[31mBob")


def test_programs_get_everything_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    line = printed(capsys, text="漢字\n\x9b 😀", as_json=True)
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "id": 7,
        "timestamp": "2026-01-02T03:04:05.678000+00:00",
        "author": "sip:alice@example.com",
        "author_name": "Alice",
        "room": "General",
        "room_uri": "ma-chan://example.com/b2f5ab30-9a6c-4b4b-8e3a-0a4a51c4f6d3",
        "text": "漢字\n\x9b 😀",
        "alert": False,
    }


def test_columns_are_kept_apart_by_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    show(False, "General", "3", "all staff", name="General")
    show(True, "General", "3", "all staff", name="General", participants=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["General\t3\tall staff", '{"name": "General", "participants": 3}']
