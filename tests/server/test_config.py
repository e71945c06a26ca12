"""The settings file: what is taken, what is refused, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError
from perchat.server.config import load_config, new_config_text, split_address, with_ports

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
        ("domain = ", "cannot read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        load_config(file)
    assert str(file) in str(caught.value) or "host:port" in str(caught.value)


def test_plain_tcp_beyond_loopback_has_to_be_asked_for(tmp_path: Path) -> None:
    text = 'domain = "a.b"\n[listen]\ntcp = "0.0.0.0:5060"\nplain_tcp_anywhere = true'
    assert load_config(write(tmp_path, text)).listen.tcp == "0.0.0.0:5060"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="perchat init"):
        load_config(tmp_path / "perchat.toml")


def test_ipv6_addresses_lose_their_brackets() -> None:
    assert split_address("[::1]:5061") == ("::1", 5061)
