"""What a client takes from the settings of a server on the same machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perchat.cli import account
from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Completes what was said, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def completed(
        user: str,
        server: str | None = None,
        ca: Path | None = None,
        *,
        tcp: bool = False,
        settings: str | None = None,
        there: str | None = None,
    ) -> dict[str, Any]:
        for name, text in (("named.toml", settings), ("perchat.toml", there)):
            if text is not None:
                (tmp_path / name).write_text(text)
        file = None if settings is None else tmp_path / "named.toml"
        return account._complete(user, server, ca, tcp=tcp, file=file)

    return completed


@pytest.mark.parametrize("user", ["alice", "sip:alice", "alice@example.com", "alice@EXAMPLE.com"])
def test_the_settings_know_domain_listener_and_authority(
    complete: Callable[..., dict[str, Any]], tmp_path: Path, user: str
) -> None:
    settings = 'domain = "example.com"\n[listen]\ntls = "0.0.0.0:7061"\ntcp = "127.0.0.1:7060"'
    assert complete(user, settings=settings) == {
        "address": "alice@example.com",
        "server": "127.0.0.1:7061",
        "ca": tmp_path / "pki/ca.pem",
    }
    assert complete(user, settings=settings, tcp=True)["server"] == "127.0.0.1:7060"


def test_the_settings_in_this_folder_will_do(complete: Callable[..., dict[str, Any]]) -> None:
    assert complete("alice", there='domain = "a.b"')["address"] == "alice@a.b"


def test_what_is_said_counts_more(complete: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    ca = tmp_path / "own.pem"
    found = complete("alice", "chat.a.b:1", ca, there='domain = "a.b"')
    assert found == {"address": "alice@a.b", "server": "chat.a.b:1", "ca": ca}


def test_settings_speak_for_their_own_domain_only(complete: Callable[..., dict[str, Any]]) -> None:
    found = complete("alice@c.d", settings='domain = "a.b"')
    assert found == {"address": "alice@c.d", "server": None, "ca": None}


def test_who_says_everything_needs_no_settings(
    complete: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    assert complete("alice@a.b", "a.b", tmp_path, settings="broken")["server"] == "a.b"
    with pytest.raises(ConfigurationError, match="not TOML"):
        complete("alice@a.b", "a.b", settings="broken")


def test_a_name_without_a_domain_is_asked_for_it(complete: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ConfigurationError, match="--as alice@DOMAIN"):
        complete("alice", "127.0.0.1")
