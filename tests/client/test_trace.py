"""What is recorded of a real conversation, and how it is read back."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING

import pytest

from perchat.client.connect import connect_user
from perchat.client.trace import TraceFilter, follow_trace, read_trace, render, tracing_to
from perchat.errors import ConfigurationError
from perchat.lync.authentication import nt_hash
from perchat.net import connection as connection_module
from perchat.net.tracefile import TraceFile
from tests.client.server import credential
from tests.net.test_trace import seen
from tests.net.test_traceview import post

if TYPE_CHECKING:
    from pathlib import Path

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.opening import Opening
    from perchat.net.trace import Record, Seen
    from tests.client.server import LiveServer

PROOFS = re.compile(r'(?:gssapi-data|response|rspauth)="([^"]{8,})"')


def connect(server: LiveServer, name: str, trace: Path) -> Opening[PersistentChatEndpoint]:
    return connect_user(
        f"{name}@example.com",
        server=server.tls,
        ca=server.ca,
        credential=credential(name),
        trace=trace,
    )


@pytest.mark.requirement("R72", "R21")
async def test_neither_end_records_a_secret_of_a_conversation(
    server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proofs: set[str] = set()
    original = connection_module.Connection._trace

    def eavesdrop(self: connection_module.Connection, direction: str, what: object) -> None:
        if not isinstance(what, str):
            headers = what.headers  # type: ignore[attr-defined]
            proofs.update(PROOFS.findall("\n".join(value for _, value in headers)))
        original(self, direction, what)  # type: ignore[arg-type]

    monkeypatch.setattr(connection_module.Connection, "_trace", eavesdrop)
    mine, all_of_it = tmp_path / "mine", tmp_path / "all"
    with tracing_to(all_of_it):
        async with connect(server, "alice", mine) as chat, chat.join("Lobby") as room:
            await room.post("Good morning")
    password = credential("alice").password
    secrets = {password, nt_hash(password).hex(), *proofs}
    assert len(proofs) > 20
    for file in (mine, all_of_it):
        text = file.read_text("utf-8")
        assert "Good morning" in text
        assert sorted(secret for secret in secrets if secret.lower() in text.lower()) == []


@pytest.mark.requirement("R72")
async def test_only_the_platforms_own_connections_are_in_its_file(
    server: LiveServer, tmp_path: Path
) -> None:
    async with connect(server, "alice", tmp_path / "a"), connect(server, "bob", tmp_path / "b"):
        pass
    for name, other in (("a", "bob"), ("b", "alice")):
        records = list(read_trace(tmp_path / name))
        assert len({record["connection"] for record in records}) == 1
        assert not any(other in json.dumps(record) for record in records)
        assert records[0]["note"] == "connected"
        assert records[-1]["note"].startswith("closed")


def written(path: Path, *sight: Seen) -> Path:
    file = TraceFile(path)
    for one in sight:
        file(one)
    file.close()
    return path


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (TraceFilter(), 3),
        (TraceFilter(call="5d38"), 2),
        (TraceFilter(call="beef"), 0),
        (TraceFilter(user="alice"), 2),
        (TraceFilter(user="ALICE@example.com"), 2),
        (TraceFilter(user="lice"), 0),
        (TraceFilter(documents=True), 2),
    ],
)
def test_records_are_picked(tmp_path: Path, wanted: TraceFilter, count: int) -> None:
    path = written(
        tmp_path / "trace", seen("connected", "note"), seen(post(), "out"), seen("closed", "note")
    )
    assert sum(wanted.wants(record) for record in read_trace(path)) == count


def test_the_older_half_comes_first(tmp_path: Path) -> None:
    file = TraceFile(tmp_path / "trace", limit=400)
    for number in range(4):
        file(seen(str(number), "note"))
    file.close()
    kept = [record["note"] for record in read_trace(tmp_path / "trace")]
    assert kept == sorted(kept)
    assert kept[-1] == "3"
    assert len(kept) > 1


@pytest.mark.parametrize("text", ["[listen]\n", "{}\n", "[1]\n", '{"note":"x"}\n', "\xff\n"])
def test_what_is_no_trace_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "other").write_text(text)
    with pytest.raises(ConfigurationError, match="no trace"):
        list(read_trace(tmp_path / "other"))
    with pytest.raises(ConfigurationError, match="cannot read"):
        list(read_trace(tmp_path / "missing"))


def test_a_trace_is_followed_across_rotations_and_half_written_lines(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    file = TraceFile(path, limit=600)
    file(seen("0", "note"))
    following = follow_trace(path, poll=0.001)
    got: list[Record] = [next(following)]

    def write() -> None:
        for number in range(1, 12):
            file(seen(str(number), "note"))
            turn.wait(5)
            turn.clear()

    turn = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(11):
        got.append(next(following))
        turn.set()
    writer.join()
    file.close()
    assert [record["note"] for record in got] == [str(number) for number in range(12)]
    half = json.dumps(seen("half", "note").record())
    with path.open("a") as stream:
        stream.write(half[:20])
        stream.flush()
        finisher = threading.Timer(0.05, print, (half[20:],), {"file": stream, "flush": True})
        finisher.start()
        assert next(following)["note"] == "half"
        finisher.join()
    assert render(got[0]).endswith("    0\n")
