"""What unfinished uploads may take: who is refused, who is ended, and who notices nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import CommandFailed, ErrorCode
from perchat.model.uri import RoomUri, SipUri
from perchat.server.config import FilesConfig
from perchat.server.filequota import UploadQuota
from perchat.server.filetokens import Transfer

ROOM = RoomUri("ma-chan://example.com/0f1e2d3c-0000-4000-8000-000000000001")
KILOBYTE = 1024
STALLED = 120


def quota(per_user: int = 10, in_all: int = 25, largest: int = 1) -> UploadQuota:
    """Return a quota; sizes in kilobytes."""
    return UploadQuota(
        msgspec.structs.replace(
            FilesConfig(),
            file_kilobytes=largest,
            unfinished_kilobytes_per_user=per_user,
            unfinished_kilobytes=in_all,
            stalled_seconds=STALLED,
        )
    )


def upload(user: str = "alice") -> Transfer:
    return Transfer(
        token="t", user=SipUri(f"sip:{user}@example.com"), room=ROOM, sends=True, expires_at=1e9
    )


def begun(held: UploadQuota, user: str, kilobytes: int, now: float = 0.0) -> Transfer:
    transfer = upload(user)
    assert held.begin(transfer, kilobytes * KILOBYTE, now) == []
    return transfer


def test_a_user_with_too_much_unfinished_is_refused_and_others_are_not() -> None:
    held = quota()
    begun(held, "alice", 6)
    with pytest.raises(CommandFailed, match="your unfinished uploads have 6144 of 10240") as found:
        held.begin(upload("alice"), 5 * KILOBYTE, 1.0)
    assert found.value.code is ErrorCode.LIMIT_EXCEEDED
    begun(held, "bob", 10)
    assert (held.held, held.refused) == (16 * KILOBYTE, 1)


def test_all_together_have_a_bound_too() -> None:
    held = quota()
    begun(held, "alice", 10)
    begun(held, "bob", 10)
    with pytest.raises(CommandFailed, match="all unfinished uploads have 20480 of 25600"):
        held.begin(upload("carol"), 6 * KILOBYTE, 1.0)
    begun(held, "carol", 5)


def test_what_is_finished_takes_nothing() -> None:
    held = quota()
    held.end(begun(held, "alice", 10))
    begun(held, "alice", 10)
    assert held.held == 10 * KILOBYTE


def test_ones_own_stalled_upload_gives_way_the_oldest_first() -> None:
    held = quota()
    first, second = (begun(held, "alice", 5, now) for now in (0.0, 1.0))
    others = begun(held, "bob", 5, 0.0)
    new = upload("alice")
    assert held.begin(new, 5 * KILOBYTE, STALLED) == [first]
    assert held.begin(second, 5 * KILOBYTE, STALLED) == []  # goes on
    assert held.begin(others, 5 * KILOBYTE, STALLED) == []
    assert held.ended == 1


def test_an_upload_that_moves_is_not_ended() -> None:
    held = quota()
    moving = begun(held, "alice", 10)
    held.begin(moving, 10 * KILOBYTE, 100.0)
    with pytest.raises(CommandFailed):
        held.begin(upload("alice"), KILOBYTE, STALLED + 1.0)


def test_anybodys_stalled_upload_gives_way_when_all_is_full() -> None:
    held = quota()
    stalled = begun(held, "alice", 10)
    begun(held, "bob", 10, 100.0)
    assert held.begin(upload("carol"), 10 * KILOBYTE, STALLED) == [stalled]


def test_nobody_is_ended_for_one_that_is_refused_all_the_same() -> None:
    held = quota(per_user=20)
    begun(held, "alice", 5)
    begun(held, "bob", 20, 100.0)
    with pytest.raises(CommandFailed, match="all unfinished"):
        held.begin(upload("carol"), 10 * KILOBYTE, STALLED)
    assert (held.held, held.ended) == (25 * KILOBYTE, 0)


def test_one_file_of_the_largest_size_has_room_whatever_is_set() -> None:
    begun(quota(per_user=1, in_all=1, largest=50), "alice", 50)


def test_refusals_are_said_in_the_log_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    held = quota()
    for _ in range(20):
        with pytest.raises(CommandFailed):
            held.begin(upload(), 11 * KILOBYTE, 0.0)
    assert len(caplog.records) == 5
    assert caplog.records[0].message.startswith("an upload of sip:alice@example.com refused: ")


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 12), st.integers(0, 200)),
        max_size=40,
    )
)
def test_the_bounds_hold_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    held, now = quota(), 0.0
    sizes: dict[Transfer, int] = {}
    for user, kilobytes, passed in steps:
        now += passed
        new = upload(user)
        try:
            for ended in held.begin(new, kilobytes * KILOBYTE, now):
                del sizes[ended]
        except CommandFailed:
            continue
        sizes[new] = kilobytes
        assert held.held == sum(sizes.values()) * KILOBYTE <= 25 * KILOBYTE
        own = sum(size for one, size in sizes.items() if one.user == new.user)
        assert own <= 10
    for one in sizes:
        held.end(one)
    assert held.held == 0
