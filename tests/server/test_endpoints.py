"""Endpoints: who is signed in where, and what becomes of the connection before."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from tests.server.harness import DOMAIN, PASSWORD, Sample, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server")
    async with running(config) as server:
        yield server


def endpoint(sample: Sample, platform: perchat.CollaborationPlatform) -> perchat.UserEndpoint:
    host, port = sample.tcp
    return perchat.UserEndpoint(
        platform,
        f"sip:carol@{DOMAIN}",
        server=host,
        port=port,
        credential=perchat.PasswordCredential(f"carol@{DOMAIN}", PASSWORD),
        endpoint_id="0123456789ab",
    )


async def test_an_endpoint_that_signs_in_anew_closes_its_older_connection(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    platform = perchat.CollaborationPlatform.client("test", transport=perchat.Transport.TCP)
    async with (
        platform,
        connect(sample, "alice") as chat,
        chat.join("General") as room,
        asyncio.timeout(10),
    ):
        events = room.events()
        first, second = endpoint(sample, platform), endpoint(sample, platform)
        await first.establish()
        lost = first.state_changes()
        async with (
            perchat.PersistentChatEndpoint(f"sip:perchat@{DOMAIN}", first) as ghost,
            ghost.join("General"),
        ):
            await second.establish()
            while (await anext(lost)).state is not perchat.EndpointState.TERMINATED:
                pass
        attendance: list[bool] = []
        while len(attendance) < 2:
            event = await anext(events)
            if isinstance(event, perchat.AttendanceChanged):
                attendance.append(event.active)
        assert attendance == [True, False]
        assert second.state is perchat.EndpointState.ESTABLISHED
        await second.terminate()
    assert "its older connection is closed" in caplog.text


async def test_too_many_endpoints_of_one_user_are_refused_with_a_reason(sample: Sample) -> None:
    platform = perchat.CollaborationPlatform.client("test", transport=perchat.Transport.TCP)
    host, port = sample.tcp
    async with platform, asyncio.timeout(30):
        endpoints = [
            perchat.UserEndpoint(
                platform,
                f"sip:carol@{DOMAIN}",
                server=host,
                port=port,
                credential=perchat.PasswordCredential(f"carol@{DOMAIN}", PASSWORD),
            )
            for _ in range(33)
        ]
        for one in endpoints[:32]:
            await one.establish()
        with pytest.raises(perchat.RegisterError, match="too many endpoints") as caught:
            await endpoints[32].establish()
        assert caught.value.status == 403
        await endpoints[0].terminate()
        late = endpoint(sample, platform)
        await late.establish()  # one went, one may come


async def test_a_registration_that_is_not_refreshed_ends_the_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("perchat.server.app._EXPIRY_CHECK", 0.05)
    config = await make_sample(tmp_path / "server")
    brief = msgspec.structs.replace(config.sign_in, registration_expires=1)
    platform = perchat.CollaborationPlatform.client("test", transport=perchat.Transport.TCP)
    async with (
        running(msgspec.structs.replace(config, sign_in=brief)) as sample,
        platform,
        asyncio.timeout(10),
    ):
        silent = endpoint(sample, platform)
        await silent.establish()
        monkeypatch.setattr(silent._signed_in.link, "exchange", _never)
        changes = silent.state_changes()
        while (await anext(changes)).state is not perchat.EndpointState.TERMINATED:
            pass
    assert "registration of sip:carol@example.com expired" in caplog.text


async def _never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()
