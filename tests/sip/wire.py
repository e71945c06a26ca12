"""Two user agents joined without a socket, through bytes; every byte is written down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from perchat.sip.message import Request, Response
from perchat.sip.parser import StreamParser
from perchat.sip.serializer import serialize
from tests.sip.messages import CLIENT, SERVER, agent

if TYPE_CHECKING:
    from perchat.sip.events import Event
    from perchat.sip.useragent import UserAgentSettings

__all__ = ["Wire", "check_transcript"]

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"


class Wire:
    """A client and a server; ``now`` is the clock."""

    def __init__(
        self, client: UserAgentSettings = CLIENT, server: UserAgentSettings = SERVER
    ) -> None:
        self.client = agent(client, "c")
        self.server = agent(server, "5")
        self.now = 1000.0
        self.lines: list[str] = []
        self._parsers = {id(self.client): StreamParser(), id(self.server): StreamParser()}

    def to_server(self) -> list[Event]:
        """Carry what the client has to say."""
        return self._carry("client -> server", True)

    def to_client(self) -> list[Event]:
        """Carry what the server has to say."""
        return self._carry("server -> client", False)

    def settle(self) -> list[Event]:
        """Carry until both are silent."""
        events: list[Event] = []
        for _ in range(20):
            before = len(self.lines)
            events += [*self.to_server(), *self.to_client()]
            if len(self.lines) == before:
                return events
        raise AssertionError("they never fall silent")

    def transcript(self) -> str:
        return "\n".join(self.lines)

    def _carry(self, title: str, up: bool) -> list[Event]:
        source, target = (self.client, self.server) if up else (self.server, self.client)
        events: list[Event] = []
        for message in source.messages_to_send():
            data = serialize(message)
            self.lines.append(f"--- {title}")
            self.lines.append(data.decode().replace("\r\n", "\n").rstrip("\n") + "\n")
            for item in self._parsers[id(target)].feed(data):
                assert isinstance(item, Request | Response)
                events += target.receive(item, self.now)
        return events


def check_transcript(name: str, text: str) -> None:
    """Compare with the golden file; UPDATE_TRANSCRIPTS=1 rewrites it."""
    path = TRANSCRIPTS / f"{name}.txt"
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
