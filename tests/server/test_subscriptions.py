"""Subscriptions as strangers make them: each is answered and told, and ends when it should."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.server.harness import make_sample, raw, running
from tests.server.signing import Signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.sip.message import Request, Response

SETTINGS = "vnd-microsoft-provisioning-v2"
CONTACTS = "vnd-microsoft-roaming-contacts"
METHODS = {"": "NOTIFY", "ms-benotify": "BENOTIFY"}
both = pytest.mark.parametrize("supported", METHODS, ids=METHODS.values())


class Subscriber(Signer):
    """Alice, who subscribes to her own data and takes what is offered as she likes."""

    async def subscribe(
        self, expires: int | None, supported: str = "", event: str = SETTINGS, to: str = ""
    ) -> Response:
        """Send a SUBSCRIBE, in the dialog of the answer whose To is ``to``; return the answer."""
        said = (("Supported", supported),) if supported else ()
        time = () if expires is None else (("Expires", str(expires)),)
        asked = self.next(
            "SUBSCRIBE", ("Event", event), *said, *time, call_id=event or SETTINGS, to=to
        )
        return await self.exchange(self.initiator.seal(asked))

    async def notified(self, supported: str = "") -> Request:
        """Return the next notification, answered where an answer is wanted."""
        notice = await self.told()
        assert notice.method == METHODS[supported]
        if notice.method == "NOTIFY":
            await self.answer(notice)
        return notice

    async def hears_nothing_more(self) -> None:
        """Everything before the answer to a question has come when that has come."""
        assert (await self.exchange(self.next("OPTIONS"))).status == 200
        assert not self.untold


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Subscriber]:
    async with running(await make_sample(tmp_path / "data")) as sample, raw(sample.tcp) as peer:
        subscriber = Subscriber(peer)
        await subscriber.sign_in()
        yield subscriber
        await subscriber.hears_nothing_more()


def state(message: Request | Response) -> str | None:
    return message.headers.get("Subscription-State")


def address(answer: Response) -> str:
    return answer.headers.get("To") or ""


@both
async def test_a_fetch_is_answered_and_then_told(alice: Subscriber, supported: str) -> None:
    answer = await alice.subscribe(0, supported)
    assert (answer.status, answer.expires, answer.body, state(answer)) == (200, 0, b"", None)
    notice = await alice.notified(supported)
    assert state(notice) == "terminated;expires=0;reason=timeout"
    assert b"sip:perchat@example.com" in notice.body
    assert (notice.call_id, notice.from_.tag) == (SETTINGS, answer.to.tag)
    again = await alice.subscribe(0, supported, to=address(answer))
    assert again.status == 481  # nothing is kept of it


async def test_who_takes_the_first_notification_in_the_answer_is_told_there(
    alice: Subscriber,
) -> None:
    answer = await alice.subscribe(0, "ms-piggyback-first-notify")
    assert state(answer) == "terminated;expires=0"
    assert answer.headers.get("ms-piggyback-cseq") == "1"
    assert b"sip:perchat@example.com" in answer.body
    assert (await alice.subscribe(0, to=address(answer))).status == 481


async def test_settings_are_told_by_the_policy_as_it_is_now(tmp_path: Path) -> None:
    takes = "ms-piggyback-first-notify"
    async with running(await make_sample(tmp_path / "data")) as sample, raw(sample.tcp) as peer:
        alice = Subscriber(peer)
        await alice.sign_in()
        assert b">true<" in (await alice.subscribe(0, takes)).body
        async with sample.admin() as admin:
            await admin.set_user("alice", chat_enabled=False)
        async with asyncio.timeout(10):
            while b">false<" not in (await alice.subscribe(0, takes)).body:
                pass  # until the server has followed


@both
@pytest.mark.parametrize("event", [SETTINGS, CONTACTS, f"{CONTACTS};id=7"])
async def test_a_subscription_is_told_refreshed_and_given_up(
    alice: Subscriber, supported: str, event: str
) -> None:
    answer = await alice.subscribe(600, supported, event)
    assert (answer.status, answer.expires) == (200, 600)
    for expires, ends in ((300, "active;expires=300"), (0, "terminated;expires=0;reason=timeout")):
        told = await alice.notified(supported)
        assert (state(told) or "").startswith("active")
        assert told.headers.get("Event") == event
        answer = await alice.subscribe(expires, supported, event, address(answer))
        assert answer.status == 200
        if not expires:
            last = await alice.notified(supported)
            assert state(last) == ends
            assert last.cseq.number == 3
    assert (await alice.subscribe(600, supported, event, address(answer))).status == 481


async def test_a_refresh_in_the_answer_counts_as_the_next_notification(alice: Subscriber) -> None:
    takes = "ms-piggyback-first-notify, ms-benotify"
    answer = await alice.subscribe(600, takes, CONTACTS)
    again = await alice.subscribe(600, takes, CONTACTS, address(answer))
    assert again.headers.get("ms-piggyback-cseq") == "2"
    plain = await alice.subscribe(0, "", CONTACTS, address(answer))
    assert plain.status == 200
    assert (await alice.notified()).cseq.number == 3


@both
async def test_what_is_not_refreshed_ends_and_says_so(alice: Subscriber, supported: str) -> None:
    answer = await alice.subscribe(1, supported, CONTACTS)
    assert answer.expires == 1
    await alice.notified(supported)
    end = await alice.notified(supported)
    assert (state(end), end.body) == ("terminated;expires=0;reason=timeout", b"")
    assert (await alice.subscribe(600, supported, CONTACTS, address(answer))).status == 481


async def test_a_refresh_puts_the_end_off(alice: Subscriber) -> None:
    answer = await alice.subscribe(1, "", CONTACTS)
    await alice.notified()
    await alice.subscribe(600, "", CONTACTS, address(answer))
    await alice.notified()
    await alice.subscribe(1, "", SETTINGS)
    await alice.notified()
    end = await alice.notified()  # the second one's; the first would have ended before it
    assert end.call_id == SETTINGS


async def test_nobody_gets_more_time_than_there_is(alice: Subscriber) -> None:
    for asked in (None, 99_999_999):
        event = f"{CONTACTS};id={asked}"
        assert (await alice.subscribe(asked, "", event)).expires == 60_000
        await alice.notified()


async def test_a_subscriber_that_disowns_a_notification_loses_its_subscription(
    alice: Subscriber,
) -> None:
    answer = await alice.subscribe(600, "", CONTACTS)
    await alice.answer(await alice.told(), 481)
    assert (await alice.subscribe(600, "", CONTACTS, address(answer))).status == 481


@pytest.mark.parametrize("event", ["presence.wpending", ""])
async def test_what_nobody_serves_is_refused_with_what_is_served(
    alice: Subscriber, event: str
) -> None:
    answer = await alice.subscribe(600, "", event)
    assert answer.status == 489
    assert SETTINGS in (answer.headers.get("Allow-Events") or "")


@pytest.mark.parametrize("event", [SETTINGS, CONTACTS])
async def test_who_accepts_nothing_that_is_written_here_is_told_what_is(
    alice: Subscriber, event: str
) -> None:
    asked = alice.next("SUBSCRIBE", ("Event", event), ("Accept", "application/json, text/*"))
    answer = await alice.exchange(alice.initiator.seal(asked))
    assert answer.status == 406
    assert (answer.headers.get("Accept") or "").startswith("application/vnd-microsoft-roaming-")
    takes = alice.next("SUBSCRIBE", ("Event", event), ("Accept", "text/*, */*;q=0.1"))
    assert (await alice.exchange(alice.initiator.seal(takes))).status == 200
    await alice.notified()


async def test_a_body_that_cannot_be_read_is_refused(alice: Subscriber) -> None:
    asked = alice.next("SUBSCRIBE", ("Event", SETTINGS), body=b"<list")
    assert (await alice.exchange(alice.initiator.seal(asked))).status == 400


async def test_fetches_whose_notifications_nobody_answers_are_bounded(
    alice: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1005):
        event = f"{CONTACTS};id={number}"
        assert (await alice.subscribe(0, "", event)).status == 200
    assert "too many requests wait" in caplog.text
    assert len(alice.untold) == 1000
    alice.untold.clear()
