"""Wrong passwords: who guesses has to wait, and nobody else; an administrator can end it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.lync.diagnostics import read_diagnostics
from perchat.server.backoff import Attempt, Backoff, BackoffSettings
from tests.server.harness import PASSWORD, Sample, make_sample, raw, running
from tests.server.signing import Signer
from tests.server.talking import bystanders, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.sip.message import Response

ALICE = "sip:alice@example.com"
HOME, OFFICE = "192.0.2.1", "198.51.100.7"
LAPTOP = "cf0b98dadeb9"


def failed(backoff: Backoff, attempt: Attempt, times: int, now: float = 0.0) -> list[float]:
    return [backoff.failed(attempt, now) for _ in range(times)]


# --- the counts ---


def test_the_wait_begins_after_some_failures_and_doubles() -> None:
    backoff = Backoff(BackoffSettings(failures=3, longest=10.0))
    guess = Attempt(ALICE, HOME)
    assert failed(backoff, guess, 8) == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert backoff.wait(guess, 4.0) == 6.0
    assert backoff.wait(guess, 10.0) == 0.0
    assert (backoff.failed_total, backoff.held_off_total) == (8, 1)


def test_alice_is_not_held_off_by_who_guesses_elsewhere() -> None:
    backoff = Backoff()
    failed(backoff, Attempt(ALICE, OFFICE), 20)
    assert backoff.wait(Attempt(ALICE, OFFICE), 0.0) > 0.0
    assert backoff.wait(Attempt(ALICE, HOME), 0.0) == 0.0


def test_others_behind_the_address_of_who_guesses_are_not_held_off() -> None:
    backoff = Backoff()
    failed(backoff, Attempt(ALICE, OFFICE), 20)
    assert backoff.wait(Attempt("sip:bob@example.com", OFFICE), 0.0) == 0.0


def test_a_device_that_signed_in_before_is_not_held_off_by_its_neighbour() -> None:
    backoff = Backoff()
    laptop = Attempt(ALICE, OFFICE, LAPTOP)
    backoff.succeeded(laptop)
    failed(backoff, Attempt(ALICE, OFFICE, "guess"), 500)
    assert backoff.wait(Attempt(ALICE, OFFICE, "new"), 0.0) > 0.0
    assert backoff.wait(laptop, 0.0) == 0.0
    assert backoff.wait(Attempt(ALICE, HOME, LAPTOP), 0.0) == 0.0
    assert failed(backoff, laptop, 6)[-1] > 0.0, "it has a count of its own"


def test_who_tries_many_accounts_has_to_wait_with_all_of_them() -> None:
    backoff = Backoff()
    for number in range(50):
        backoff.failed(Attempt(f"sip:u{number}@example.com", OFFICE), 0.0)
    assert backoff.wait(Attempt("sip:u99@example.com", OFFICE), 0.0) > 0.0
    assert backoff.wait(Attempt("sip:u99@example.com", HOME), 0.0) == 0.0


def test_behind_such_an_address_those_who_signed_in_from_there_before_do_not_wait() -> None:
    backoff = Backoff()
    backoff.succeeded(Attempt(ALICE, OFFICE))
    for number in range(500):
        backoff.failed(Attempt(f"sip:u{number}@example.com", OFFICE), 0.0)
    assert backoff.wait(Attempt(ALICE, OFFICE), 0.0) == 0.0
    assert backoff.wait(Attempt("sip:bob@example.com", OFFICE), 0.0) <= 60.0


def test_who_comes_from_many_addresses_has_to_wait_and_alice_at_home_does_not() -> None:
    backoff = Backoff()
    backoff.succeeded(Attempt(ALICE, HOME))
    for number in range(300):
        backoff.failed(Attempt(ALICE, f"203.0.113.{number}"), 0.0)
    assert backoff.wait(Attempt(ALICE, "203.0.113.999"), 0.0) > 0.0
    assert backoff.wait(Attempt(ALICE, HOME), 0.0) == 0.0


def test_a_success_forgets_the_failures_before_it() -> None:
    backoff = Backoff()
    guess = Attempt(ALICE, HOME)
    failed(backoff, guess, 4)
    backoff.succeeded(guess)
    assert failed(backoff, guess, 4) == [0.0] * 4


def test_a_failure_of_long_ago_counts_no_more() -> None:
    backoff = Backoff(BackoffSettings(longest=100.0))
    guess = Attempt(ALICE, HOME)
    failed(backoff, guess, 4)
    assert backoff.failed(guess, 101.0) == 0.0


@pytest.mark.parametrize("account", [ALICE, None])
def test_an_administrator_ends_the_wait(account: str | None) -> None:
    backoff = Backoff()
    guess, other = Attempt(ALICE, HOME), Attempt("sip:bob@example.com", OFFICE)
    failed(backoff, guess, 20)
    failed(backoff, other, 20)
    assert backoff.unlock(account)
    assert backoff.wait(guess, 0.0) == 0.0
    assert (backoff.wait(other, 0.0) == 0.0) is (account is None)


@given(st.lists(st.tuples(st.text(max_size=400), st.text(max_size=400)), max_size=50))
def test_names_of_any_length_are_counted(names: list[tuple[str, str]]) -> None:
    backoff = Backoff()
    for account, network in names:
        backoff.failed(Attempt(account, network), 0.0)
    assert len(backoff) <= 3 * len(names)


def test_no_more_counts_are_kept_than_may() -> None:
    backoff = Backoff()
    for number in range(30_000):
        backoff.failed(Attempt(f"sip:u{number}@example.com", f"{number}"), 0.0)
        backoff.succeeded(Attempt(f"sip:u{number}@example.com", f"{number}", "e"))
    assert len(backoff) <= 20_000
    assert len(backoff._known) <= 20_000


# --- a server ---


@pytest.fixture
async def sample(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Sample]:
    caplog.set_level(logging.INFO)
    config = await make_sample(tmp_path / "server")
    sign_in = msgspec.structs.replace(config.sign_in, failures=3, longest_wait=600)
    config = msgspec.structs.replace(config, sign_in=sign_in)
    async with running(config) as server:
        yield server


async def tried(sample: Sample, name: str, password: str, device: str = "guess") -> Response:
    async with raw(sample.tcp) as peer:
        return await Signer(peer, name, password, device).try_to_sign_in()


async def test_guessing_over_new_connections_is_held_off_and_others_notice_nothing(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    async with bystanders(sample) as others:
        for _ in range(3):
            assert (await tried(sample, "carol", "a guess")).status == 401
        told = await tried(sample, "carol", PASSWORD)
        await others.still_talk()
    assert told.status == 503
    assert int(told.headers.get("Retry-After") or 0) == 1
    assert read_diagnostics(told.headers).reason.startswith("Too many wrong passwords")
    assert "from 127.0.0.1: the next attempt has to wait 1 s" in caplog.text
    assert "sip:carol@example.com held off, too many wrong passwords, from 127.0.0.1" in caplog.text
    assert "a guess" not in caplog.text


async def test_a_user_who_was_there_before_signs_in_while_others_guess(sample: Sample) -> None:
    assert (await tried(sample, "carol", PASSWORD, "laptop")).status == 200
    for _ in range(8):
        await tried(sample, "carol", "a guess")
    assert (await tried(sample, "carol", PASSWORD, "phone")).status == 503
    assert (await tried(sample, "carol", PASSWORD, "laptop")).status == 200
    assert (await tried(sample, "bob", PASSWORD)).status == 200


async def test_the_name_that_is_typed_counts_and_not_that_in_from(sample: Sample) -> None:
    async def guess(sender: str) -> Response:
        async with raw(sample.tcp) as peer:
            signer = Signer(peer, "carol", "a guess", "guess")
            signer.name = sender
            return await signer.try_to_sign_in()

    for sender in ("bob", "dave", "alice"):
        assert (await guess(sender)).status == 401
    assert (await guess("carol")).status == 503
    assert (await tried(sample, "bob", PASSWORD)).status == 200


@pytest.mark.parametrize("way", ["unlock", "unlock all", "a new password"])
async def test_an_administrator_lets_a_user_in_again_while_the_server_runs(
    sample: Sample, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    for _ in range(8):
        await tried(sample, "carol", "a guess")
    assert (await tried(sample, "carol", PASSWORD)).status == 503
    async with sample.admin() as admin:
        if way == "a new password":
            await admin.set_user("carol", password=PASSWORD)
        else:
            await admin.unlock("carol" if way == "unlock" else None)
    async with bystanders(sample) as others:
        while "counts of wrong passwords" not in caplog.text:
            await others.still_talk()
    async with connect(sample, "carol"):
        pass
    name = "everybody" if way == "unlock all" else "sip:carol@example.com"
    assert f"unlocked {name}: " in caplog.text
