"""The settings file: what is taken, what is refused, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError
from perchat.server.config import (
    checked_domain,
    checked_host,
    load_config,
    new_config_text,
    split_address,
    with_ports,
)

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, text: str) -> Path:
    file = folder / "perchat.toml"
    file.write_text(text, "utf-8")
    return file


def test_a_new_file_holds_the_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, new_config_text("example.com")))
    assert (config.listen.tls, config.listen.tcp) == ("127.0.0.1:5061", "127.0.0.1:5060")
    assert config.host_name == "sip.example.com"
    assert (config.pool_uri, config.service_uri) == ("sip:perchat@example.com",) * 2
    assert config.legacy_uri == "sip:ocschat@example.com"


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, new_config_text("example.com")))
    assert config.path(config.paths.database) == tmp_path / "perchat.db"


def test_ports_can_be_overruled(tmp_path: Path) -> None:
    config = with_ports(load_config(write(tmp_path, new_config_text("a.b"))), tls=0)
    assert (config.listen.tls, config.listen.tcp) == ("127.0.0.1:0", "127.0.0.1:5060")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "domain"),
        ('domain = "a.b"\nfarbe = 1', "farbe"),
        ('domain = "a.b"\n[listen]\ntls = 5061', "listen.tls"),
        ('domain = "a.b"\n[listen]\ntls = "x"', "host:port"),
        ('domain = "a.b"\n[listen]\ntls = "127.0.0.1:70000"', "65535"),
        ('domain = "a.b"\n[listen]\ntls = ""\ntcp = ""', "both empty"),
        ('domain = "a.b"\n[listen]\ntcp = "0.0.0.0:5060"', "plain_tcp_anywhere"),
        ('domain = "a.b"\n[chat]\nsession_expires = 10', "session_expires"),
        ('domain = "a.b"\n[limits]\nconnections = -3', "limits.connections"),
        ('domain = "a.b"\n[limits]\nconections = 3', "limits: no such setting: `conections`"),
        ('domain = "a.b"\n[sign_in]\ndeadline = nan', "sign_in.deadline"),
        ('domain = "a.b"\n[sign_in]\ndeadline = inf', "sign_in.deadline"),
        ('domain = "a.b"\n[chat]\npool_uri = "chat"', "sip:user@domain"),
        ('domain = "a.b"\nhost = "a b"', "neither"),
        ('domain = "a b"', "not a domain"),
        ("domain = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        load_config(file)
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.requirement("R28")
def test_plain_tcp_beyond_loopback_has_to_be_asked_for(tmp_path: Path) -> None:
    text = 'domain = "a.b"\n[listen]\ntcp = "0.0.0.0:5060"\n'
    with pytest.raises(ConfigurationError, match="set listen.plain_tcp_anywhere = true"):
        load_config(write(tmp_path, text))
    text += "plain_tcp_anywhere = true"
    assert load_config(write(tmp_path, text)).listen.tcp == "0.0.0.0:5060"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="perchat init"):
        load_config(tmp_path / "perchat.toml")


@pytest.mark.parametrize("unreadable", [b"\xff", None])
def test_a_file_that_is_none_is_named(tmp_path: Path, unreadable: bytes | None) -> None:
    file = tmp_path / "perchat.toml"
    if unreadable is None:
        file.mkdir()
    else:
        file.write_bytes(unreadable)
    with pytest.raises(ConfigurationError, match=r"perchat\.toml: (is not TOML|cannot be read)"):
        load_config(file)


@pytest.mark.parametrize("text", ["Example.COM", "example.com.", "EXAMPLE.com."])
def test_a_domain_is_the_same_however_it_is_written(tmp_path: Path, text: str) -> None:
    assert load_config(write(tmp_path, f'domain = "{text}"')).domain == "example.com"


@pytest.mark.parametrize(
    "text", ["", ".", "a..b", "-a.b", "a_b-.c", "10.0.0.1", "bücher.de", "a b"]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not a domain"):
        checked_domain(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [("Chat.Example.com", "chat.example.com"), ("10.0.0.1", "10.0.0.1"), ("0:0::1", "::1")],
)
def test_a_host_is_a_name_or_an_address(text: str, host: str) -> None:
    assert checked_host(text) == host


@pytest.mark.parametrize(
    ("listen", "near"),
    [
        ("127.0.0.1:5061", "127.0.0.1:5061"),
        ("0.0.0.0:5061", "127.0.0.1:5061"),
        ("[::]:5061", "[::1]:5061"),
        ("[fd00::1]:5061", "[fd00::1]:5061"),
        ("chat.example.com:5061", "chat.example.com:5061"),
    ],
)
def test_clients_on_the_same_machine_know_where_to_go(
    tmp_path: Path, listen: str, near: str
) -> None:
    config = load_config(write(tmp_path, f'domain = "a.b"\n[listen]\ntls = "{listen}"'))
    assert config.near_address(tcp=False) == near


@pytest.mark.parametrize(("tls", "why"), [("", "switched off"), ("127.0.0.1:0", "--server")])
def test_clients_are_told_when_the_settings_do_not_say(tmp_path: Path, tls: str, why: str) -> None:
    config = load_config(write(tmp_path, f'domain = "a.b"\n[listen]\ntls = "{tls}"'))
    with pytest.raises(ConfigurationError, match=why):
        config.near_address(tcp=False)


def test_ipv6_addresses_lose_their_brackets() -> None:
    assert split_address("[::1]:5061") == ("::1", 5061)
