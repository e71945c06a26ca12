"""``perchat demo``: the walk, twice, and what it says when its folder is something else."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from tests.cli.commandline import ended

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commandline import CommandLine

STEPS = (
    "signing in as sip:alice@example.com",
    "provisioned chat server: sip:perchat@example.com",
    "connected to Persistent Chat",
    "room: General",
    "joined General",
    "posted",
    "received: sip:alice@example.com: Good morning",
    "history",
    "signed out",
)


def test_the_walk_is_printed_and_can_be_repeated(cli: CommandLine, tmp_path: Path) -> None:
    for _ in range(2):
        done = ended(cli.start("demo", "--exit", "--dir", str(tmp_path / "demo")))
        places = [done.out.index(step) for step in STEPS]
        assert (done.status, places) == (0, sorted(places))
    assert "history, last 2" in done.out


def test_it_stays_and_what_it_says_to_try_works(cli: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "my demo"
    demo = cli.start("demo", "--dir", str(folder))
    assert demo.stdout is not None
    said = ""
    while "room member add" not in said:
        line = demo.stdout.readline()
        assert line, ended(demo).err
        said += line
    secret = (folder / "demo-password").read_text()
    assert secret not in said
    (server,) = set(re.findall(r"--server (\S+)", said))
    words = ("post", "General", "Hello", "--as", "carol", "--server", server)
    env = {"PERCHAT_CONFIG": f"{folder}/perchat.toml", "PERCHAT_PASSWORD": secret}
    assert cli(*words, **env).status == 0
    demo.send_signal(signal.SIGINT)
    assert ended(demo).status == 0


def test_half_a_sample_is_not_taken_for_a_whole_one(cli: CommandLine) -> None:
    cli("demo", "--exit", "--dir", str(cli.config.folder)).refused(3, "--dir")


def test_other_peoples_folders_are_not_touched(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("one")
    done = cli("demo", "--exit", "--dir", str(tmp_path / "thesis"))
    assert done.status == 3
    assert "nothing was overwritten" in done.err
