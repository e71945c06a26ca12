"""Session-Expires and the clock behind it."""

from __future__ import annotations

import pytest

from perchat.errors import RemoteProtocolError
from perchat.sip.session_timer import SessionExpires, SessionTimer


def test_the_header_is_read_as_written() -> None:
    assert SessionExpires.parse("1800 ;Refresher=UAC") == SessionExpires(1800, "uac")
    for text in ("1800;refresher=uas", "90"):
        assert str(SessionExpires.parse(text)) == text
    with pytest.raises(RemoteProtocolError):
        SessionExpires.parse("soon")


def test_only_a_refresh_moves_the_next_one_but_any_sign_of_life_the_end() -> None:
    timer = SessionTimer.begin(100.0, 0.0, ours=True)
    assert timer.deadline() == 50.0
    timer.alive(30.0)
    assert (timer.refresh_at, timer.expires_at) == (50.0, 130.0)
    timer.refreshed(60.0)
    assert (timer.refresh_at, timer.expires_at) == (110.0, 160.0)
    assert SessionTimer.begin(100.0, 0.0, ours=False).deadline() == 100.0
