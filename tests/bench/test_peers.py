"""Perchat beside its peers: what is read from the driver, and where the rig is looked for."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.figure import Figure
from bench.peers import cli
from bench.peers.goals import GOALS, verdicts
from bench.peers.ours import make_server
from bench.peers.plug import PEERS as OURS
from bench.peers.results import COLUMNS, Row, figures, rows, table
from bench.peers.rig import RigMissing, find_rig
from bench.record import machine, note
from perchat.lync.ntlm import accept, nt_hash
from perchat.lync.ntlm_message import AuthenticateMessage, NtlmTarget, challenge_message
from perchat.server.admin import administration
from perchat.server.config import load_config
from tests.peers.conftest import required
from tools.peers import LOAD

DRIVER = Path(__file__).parents[2] / "bench/peers/driver"


def told(phase: str, **values: float) -> str:
    return json.dumps({"n": 150, "phase": phase, **values}) + "\n"


def test_the_least_disturbed_repetition_counts_value_by_value(tmp_path: Path) -> None:
    file = tmp_path / "perchat-tls.jsonl"
    file.write_text(
        told("max", server_us_per_delivery=50.0, deliveries_per_s=9000, lost=1)
        + told("max", server_us_per_delivery=60.0, deliveries_per_s=9900, lost=2)
    )
    (row,) = rows([file])
    assert (row.peer, row.size) == ("perchat-tls", 150)
    assert row.values["CPU/delivery, max"] == 50.0
    assert row.values["deliveries/s, max"] == 9900
    assert row.values["lost, max"] == 3  # losses are added up, not picked


def test_a_phase_that_delivered_nothing_is_nobodys_best(tmp_path: Path) -> None:
    file = tmp_path / "prosody.jsonl"
    file.write_text(
        told("max", server_us_per_delivery=0.0, deliveries=0, lost=7)
        + told("max", server_us_per_delivery=90.0, deliveries=100, lost=0)
    )
    (row,) = rows([file])
    assert row.values["CPU/delivery, max"] == 90.0
    assert row.values["lost, max"] == 7


def test_a_peer_whose_driver_failed_is_not_complete(tmp_path: Path) -> None:
    file = tmp_path / "perchat.jsonl"
    file.write_text(told("login", server_ms_per_login=2.0))
    (row,) = rows([file])
    assert not row.complete
    file.write_text(file.read_text() + told("rate", server_us_per_delivery=50.0))
    (row,) = rows([file])
    assert row.complete


def test_a_row_that_other_work_disturbed_is_known_as_weak() -> None:
    assert Row("perchat", 150, {"other CPU": 90.0}).disturbed
    assert not Row("perchat", 150, {"other CPU": 5.0}).disturbed


def test_the_table_says_how_many_times_a_peer_we_are() -> None:
    found = [
        Row("perchat", 150, {"CPU/delivery, max": 30.0}),
        Row("ejabberd", 150, {"CPU/delivery, max": 60.0}),
        Row("ejabberd-tls", 150, {"CPU/delivery, max": 90.0}),
    ]
    (line,) = [line for line in table(found) if "CPU/delivery, max" in line]
    assert line.split() == ["CPU/delivery,", "max", "us", "30.0", "60.0", "x0.50", "90.0"]


def test_a_goal_is_judged_when_its_peer_was_measured() -> None:
    own = Row("perchat", 150, {"CPU/delivery, max": 20.0, "deliveries/s, max": 9000})
    other = Row("ejabberd", 150, {"CPU/delivery, max": 60.0, "deliveries/s, max": 9000})
    assert list(verdicts([own])) == []
    cheap, fast = verdicts([own, other])
    assert cheap.split()[0] == "reached"
    assert fast.split()[0] == "MISSED"


def test_goals_name_figures_there_are() -> None:
    names = {column.name for column in COLUMNS}
    assert {goal.figure for goal in GOALS} <= names
    assert all(bool(goal.most) != bool(goal.least) for goal in GOALS)


def test_what_stored_rooms_cost_is_a_ratio_of_two_servers_of_ours() -> None:
    few, many = (
        Row(f"perchat-{rooms}-rooms", 150, {"CPU/delivery, max": cost})
        for rooms, cost in ((20, 10.0), (20_000, 12.0))
    )
    assert {few.peer, many.peer} <= OURS.keys()
    (line,) = verdicts([few, many])
    assert line.split()[0] == "MISSED"
    assert "1.20 x perchat-20-rooms, wanted at most 1.1" in line


def test_a_large_room_is_held_against_a_smaller_one_of_ours() -> None:
    small, large = (
        Row("perchat", size, {"CPU/delivery, max": cost})
        for size, cost in ((150, 8.0), (1000, 10.0))
    )
    (line,) = verdicts([small, large])
    assert line.split()[0] == "MISSED"
    assert "1000 members: 1.25 x perchat at 150, wanted at most 1.2" in line


def test_each_figure_is_a_line_of_the_history(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    note(figures([Row("perchat", 30, {"CPU/delivery, max": 30.0})]), history)
    note([Figure("SIP: parse", 7.0, "us")], history)
    first, second = map(json.loads, history.read_text().splitlines())
    assert first["figure"] == "perchat 30: CPU/delivery, max"
    assert (second["value"], second["unit"], second["machine"]) == (7.0, "us", machine())
    assert {"at", "commit", "python"} <= first.keys()


def test_a_rig_that_is_not_there_is_told_with_the_way_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(RigMissing, match=r"--rig, or in PERCHAT_PEER_RIG"):
        find_rig(tmp_path)
    result = CliRunner().invoke(cli.main, ["--peer", "ours", "--rig", str(tmp_path)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: no rig with the peers in")


def test_a_server_to_measure_is_quickly_made_and_everybody_is_in_its_room(tmp_path: Path) -> None:
    room = asyncio.run(make_server(tmp_path / "server", trust=True, users=50, rooms=3))
    config = load_config(tmp_path / "server/perchat.toml")

    async def look() -> tuple[int, int]:
        async with administration(config) as admin:
            held = {str(entry.room.uri): len(entry.members) for entry in await admin.rooms()}
            members = held.pop(room)
            assert list(held.values()) == [5, 5, 5]
            return members, len(await admin.users())

    assert asyncio.run(look()) == (50, 50)
    assert config.sign_in.trust == ("127.0.0.1",)


@pytest.fixture(scope="session")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the driver's NTLM as a program of its own."""
    program = tmp_path_factory.mktemp("ntlm") / "answer"
    sources = Path(__file__).with_name("answer.c"), DRIVER / "ntlm.c"
    required(LOAD)
    flags = "-O2", "-Wall", "-Wextra", "-Werror", "-I", str(DRIVER)
    command = ["gcc", *flags, "-o", str(program), *map(str, sources), "-lcrypto"]
    subprocess.run(command, check=True)
    return program


def answer(program: Path, challenge: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [str(program), "u00001", "pw", "<NTLM><text>"]
    return subprocess.run(command, input=challenge, capture_output=True, check=False)


def test_the_driver_proves_itself_and_signs_as_a_client_does(answerer: Path) -> None:
    nonce = bytes(range(8))
    challenge = challenge_message(NtlmTarget.of("sip.example.com", "example.com"), nonce, 1.8e9)
    proof, signature = answer(answerer, challenge).stdout.split()
    message = AuthenticateMessage.parse(bytes.fromhex(proof.decode()))
    keys = accept(message, nonce, nt_hash("pw"), challenge=challenge)
    assert message.user == "u00001"
    assert keys is not None, "the server takes the password for a wrong one"
    assert keys.client.verify(b"<NTLM><text>", bytes.fromhex(signature.decode()))
    assert accept(message, nonce, nt_hash("other")) is None


def test_the_driver_answers_no_challenge_that_is_damaged(answerer: Path) -> None:
    challenge = challenge_message(NtlmTarget.of("sip.example.com", "example.com"), bytes(8), 1.8e9)
    for damaged in (b"", challenge[:40], challenge[:-6], b"X" + challenge):
        assert answer(answerer, damaged).returncode == 1


def test_a_peer_that_is_not_installed_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli._PROGRAMS, "prosody", tmp_path / "prosody")
    assert cli.missing("ours-tls") == ""
    result = CliRunner().invoke(cli.main, ["--peer", "ours,prosody-tls"])
    assert result.exit_code == 1
    assert "prosody-tls" in result.output
    assert "python -m bench peers --setup" in result.output


def test_without_a_rig_the_other_figures_are_all_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERCHAT_PEER_RIG", str(tmp_path))
    cli.measure_peers_here()
    assert capsys.readouterr().out.startswith("peers: not measured: no rig with the peers in")
