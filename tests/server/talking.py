"""Users of a sample server, and bystanders who must not notice anything."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING

import perchat
from tests.server.harness import DOMAIN, PASSWORD, Sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.session import ChatRoomSession

_numbers = itertools.count(1)


def connect(
    sample: Sample,
    name: str,
    *,
    password: str = PASSWORD,
    tcp: bool = True,
    options: perchat.EndpointOptions | None = None,
    domain: str = DOMAIN,
) -> contextlib.AbstractAsyncContextManager[PersistentChatEndpoint]:
    host, port = sample.tcp if tcp else sample.tls
    return perchat.connect_user(
        f"sip:{name}@{domain}",
        server=host,
        port=port,
        ca=sample.ca,
        credential=perchat.PasswordCredential(f"{name}@{domain}", password),
        transport=perchat.Transport.TCP if tcp else perchat.Transport.TLS,
        options=options,
    )


class Bystanders:
    """Two users in one room who go on talking whatever happens to others."""

    def __init__(self, speaker: ChatRoomSession, listener: ChatRoomSession) -> None:
        self.speaker = speaker
        self.listener = listener
        self._heard = listener.messages()

    async def still_talk(self) -> None:
        text = f"all is well, {next(_numbers)}"
        async with asyncio.timeout(5):
            await self.speaker.post(text)
            while (await anext(self._heard)).text != text:
                pass


@contextlib.asynccontextmanager
async def bystanders(sample: Sample, room: str = "General") -> AsyncIterator[Bystanders]:
    async with (
        connect(sample, "alice") as first,
        connect(sample, "bob", tcp=False) as second,
        first.join(room) as speaker,
        second.join(room) as listener,
    ):
        pair = Bystanders(speaker, listener)
        await pair.still_talk()
        yield pair
        await pair.still_talk()
