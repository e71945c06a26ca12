from __future__ import annotations

import stat
import tomllib
from typing import TYPE_CHECKING

import pytest

from perchat.net.certificates import Certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commandline import CommandLine

NEW = ("app", "add", "Reporter", "--fqdn", "App.example.com", "--port", "4585")


@pytest.mark.requirement("R43")
def test_the_gruu_is_all_that_add_prints(cli: CommandLine) -> None:
    (gruu,) = cli(*NEW, "--act-as", "alice").lines
    assert gruu.startswith("sip:app.example.com@example.com;gruu;opaque=srvr:Reporter:")
    assert cli("app", "show", "reporter", "--json").objects == [
        {
            "name": "Reporter",
            "fqdn": "app.example.com",
            "port": 4585,
            "gruu": gruu,
            "cert_subjects": ["app.example.com"],
            "act_as": ["sip:alice@example.com"],
        }
    ]


@pytest.mark.requirement("R43")
def test_nobody_is_granted_unless_named(cli: CommandLine) -> None:
    cli(*NEW).refused(2, "--act-as")
    cli(*NEW, "--act-as", "alice", "--act-as", "bob").lines  # noqa: B018
    (line,) = cli("app", "list").lines
    assert "sip:alice@example.com, sip:bob@example.com" in line


@pytest.mark.requirement("R41")
@pytest.mark.parametrize("who", ["bot", "sip:bot@example.com", "alice@elsewhere.example"])
def test_a_contact_object_is_refused_with_the_fix(cli: CommandLine, who: str) -> None:
    cli(*NEW, "--act-as", who).refused(6, "user in the directory", "perchat user add")
    assert cli("app", "list").lines == []


def test_what_cannot_be_is_refused(cli: CommandLine) -> None:
    cli(*NEW, "--act-as", "").refused(6, "no such user")
    cli(*NEW, "--act-as", "alice", "--gruu", "sip:a@b").refused(3, "GRUU", "opaque=srvr:")
    cli(*NEW, "--act-as", "alice", "--cert-subject", "*.example.com").refused(3, "domain")
    cli("app", "add", "two words", *NEW[3:], "--act-as", "alice").refused(3, "two words")


def test_a_removed_one_is_gone(cli: CommandLine) -> None:
    cli(*NEW, "--act-as", "alice").lines  # noqa: B018
    assert cli("app", "rm", "REPORTER").lines == ["removed Reporter"]
    cli("app", "show", "Reporter").refused(3, "perchat app list")


def test_issue_makes_all_that_the_application_needs(cli: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "issued"
    done = cli(*NEW, "--act-as", "alice", "--issue", str(folder))
    (gruu,) = done.lines
    settings = tomllib.loads((folder / "Reporter.toml").read_text())
    assert (settings["gruu"], settings["port"]) == (gruu, 4585)
    file = folder / str(settings["certificate"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    Certificate.from_files(file).usable_as("app.example.com")
    assert (folder / "ca.pem").read_bytes() == cli.config.path("pki/ca.pem").read_bytes()


def test_a_certificate_alone(cli: CommandLine, tmp_path: Path) -> None:
    (line,) = cli("app", "cert", "app.example.com", "--out", str(tmp_path)).lines
    assert line == f"wrote {tmp_path / 'app.example.com.pem'}"
    cli("app", "cert", "app.example.com", "--out", str(tmp_path)).refused(3, "exists")
    cli.config.path("pki/ca-key.pem").unlink()
    cli("app", "cert", "other.example.com", "--out", str(tmp_path)).refused(3, "own authority")
