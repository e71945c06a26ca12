"""What a server tells of how it does is true, is for this machine, and costs nothing unasked."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from perchat.errors import ConfigurationError, ConnectionFailure
from perchat.loadgen.session import Account, Session
from perchat.loadgen.session import connect as connect_session
from perchat.server.config import HealthConfig, ServerConfig, load_config
from perchat.server.health import Lateness, Reading
from perchat.server.healthpage import metrics
from tests.server.harness import PASSWORD, Sample, free_port, make_sample, raw, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from pathlib import Path


async def told_by(folder: Path, *, log_seconds: int = 0, **limits: float) -> ServerConfig:
    config = await make_sample(folder, **limits)
    health = HealthConfig(listen=f"127.0.0.1:{free_port()}", log_seconds=log_seconds)
    return msgspec.structs.replace(config, health=health)


async def asked(config: ServerConfig, head: str) -> tuple[int, str]:
    port = int(config.health.listen.rpartition(":")[2])
    async with raw(("127.0.0.1", port)) as peer:
        await peer.send(f"{head}\r\n\r\n".encode())
        answer = (await peer.closed()).decode()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


async def status(config: ServerConfig) -> dict[str, Any]:
    code, body = await asked(config, "GET /status HTTP/1.1\r\nHost: 127.0.0.1")
    assert code == 200
    told: dict[str, Any] = json.loads(body)
    return told


async def test_it_tells_who_is_there_and_that_nothing_piles_up(tmp_path: Path) -> None:
    config = await told_by(tmp_path / "s")
    async with (
        running(config) as sample,
        connect(sample, "alice") as alice,
        connect(sample, "bob", tcp=False),
        alice.join("General") as room,
    ):
        await room.post("hello")
        told = await status(config)
    assert (told["connections"], told["sessions"], told["joined"]) == (2, 2, 1)
    assert told["journal_behind"] == told["outbox_waiting"] == told["inbox_waiting"] == 0
    assert told["journal"] > 5
    assert told["signatures_per_second"] > 0


class Deaf(Session):
    """A client that one day does not answer any more."""

    deaf = False
    unheard = b""

    def buffer_updated(self, nbytes: int) -> None:
        if self.deaf:
            self.unheard += bytes(self.get_buffer(-1)[:nbytes])
        else:
            super().buffer_updated(nbytes)


async def deaf_in_general(sample: Sample) -> Deaf:
    account = Account("sip:bob@example.com", "bob@example.com", PASSWORD, "0123456789ab")

    def new() -> Deaf:
        return Deaf(
            account,
            secrets.token_bytes,
            heard=lambda _heard, _now: None,
            lost=lambda _reason: None,
            patience=10.0,
        )

    session = await connect_session(new, *sample.tcp, None, 10.0)
    assert isinstance(session, Deaf)
    await session.sign_in("sip:perchat@example.com")
    async with sample.admin() as admin:
        await session.join([(await admin.room("General")).room.uri])
    session.deaf = True
    return session


async def said_to_the_deaf(config: ServerConfig, posts: int) -> tuple[dict[str, Any], Deaf]:
    """Post to a room with a client in it that does not answer; return what is told then."""
    async with running(config) as sample, connect(sample, "alice") as alice:
        session = await deaf_in_general(sample)
        async with alice.join("General") as room:
            for number in range(posts):
                await room.post(f"number {number}")
            told = await status(config)
        session.close()
    return told, session


async def test_what_waits_for_a_client_that_does_not_answer_is_told(tmp_path: Path) -> None:
    told, _ = await said_to_the_deaf(await told_by(tmp_path / "s", outbox_window=1), 3)
    assert told["outbox_waiting"] == told["outbox_longest"] == 3  # her arrival was sent


async def test_a_client_that_does_not_keep_up_is_hung_up_on_and_counted(tmp_path: Path) -> None:
    config = await told_by(tmp_path / "s", outbox_window=1, outbox=2)
    told, session = await said_to_the_deaf(config, 5)  # the last of them when it has gone
    assert session.unheard.count(b"BYE sip:") == 1
    assert b"number 1" not in session.unheard
    assert (told["overruns_total"], told["sessions"], told["outbox_waiting"]) == (1, 1, 0)


async def test_a_loop_that_is_held_up_is_noticed(tmp_path: Path) -> None:
    config = await told_by(tmp_path / "s")
    async with running(config):
        assert (await status(config))["lag_max_ms"] < 200
        time.sleep(0.35)  # noqa: ASYNC251 - the fault
        await asyncio.sleep(0.11)  # until the next look at the loop
        assert (await status(config))["lag_max_ms"] >= 200


def test_lateness_is_that_of_the_last_minute() -> None:
    lateness = Lateness()
    assert lateness.percentiles(0.5, 1.0) == (0.0, 0.0)
    lateness.add(5.0)
    for _ in range(600):
        lateness.add(0.01)
    lateness.add(0.02)
    assert lateness.percentiles(0.5, 0.99, 1.0) == (10.0, 10.0, 20.0)


async def test_the_log_has_a_reading_when_it_is_wanted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "perchat.server.health")
    config = await told_by(tmp_path / "s", log_seconds=1)
    async with running(config), asyncio.timeout(10):
        while not caplog.messages:
            await asyncio.sleep(0.05)
    assert re.match(r"health: lag_p50_ms=.* journal_behind=0 ", caplog.messages[0])


async def test_unasked_nobody_looks(tmp_path: Path) -> None:
    config = msgspec.structs.replace(
        await make_sample(tmp_path / "s"), health=HealthConfig(socket="")
    )
    async with running(config):
        names = [repr(task.get_coro()) for task in asyncio.all_tasks()]
    assert not [name for name in names if "Health" in name]


def test_every_metric_has_its_meaning() -> None:
    names = [field.name for field in msgspec.structs.fields(Reading)]
    text = metrics(Reading(**dict.fromkeys(names, 7)))
    for name in names:
        assert re.search(rf"^# HELP perchat_{name} [A-Z].*\.$", text, re.MULTILINE), name
        assert f"\nperchat_{name} 7\n" in text


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("GET /metrics HTTP/1.1\r\nHost: localhost:9270", 200),
        ("GET /metrics HTTP/1.1\r\nHost: [::1]:9270", 200),
        ("GET /status HTTP/1.1\r\nHost: evil.example", 403),
        ("GET /status HTTP/1.1", 403),
        ("GET /other HTTP/1.1\r\nHost: localhost", 404),
        ("POST /status HTTP/1.1\r\nHost: localhost", 400),
        ("\x00\x01", 400),
        ("GET /status HTTP/1.1\r\nX: " + "x" * 9000, 400),
    ],
)
async def test_only_sound_questions_of_this_machine_are_answered(
    head: str, code: int, tmp_path: Path
) -> None:
    config = await told_by(tmp_path / "s")
    async with running(config):
        assert (await asked(config, head))[0] == code


async def test_it_cannot_be_asked_from_elsewhere(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "s")
    file = config.folder / "perchat.toml"
    file.write_text(file.read_text() + '\n[health]\nlisten = "0.0.0.0:9270"\n')
    with pytest.raises(ConfigurationError, match="health.listen"):
        load_config(file)


async def test_an_address_that_is_taken_keeps_the_server_from_starting(tmp_path: Path) -> None:
    config = await told_by(tmp_path / "s")
    port = int(config.health.listen.rpartition(":")[2])
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port)
    async with taken:
        with pytest.raises(ExceptionGroup) as failed:
            async with running(config):
                pass
    assert failed.group_contains(ConnectionFailure)
