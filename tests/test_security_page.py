"""The limits in SECURITY.md are those of the code, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from perchat.errors import ConfigurationError
from perchat.markup import MarkupLimits
from perchat.server.config import FilesConfig, LimitsConfig, PresenceConfig, SignInConfig
from perchat.server.health import Reading
from perchat.server.trust import trusted_networks
from perchat.sip.parser import ParserLimits

PAGE = (Path(__file__).parent.parent / "SECURITY.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (`[\w.]+`|[\w ]+ \(fixed\)) \| (\d+) \|", PAGE, re.MULTILINE))


def defaults(prefix: str, kind: type[msgspec.Struct]) -> dict[str, float]:
    return {f"`{prefix}.{field.name}`": field.default for field in msgspec.structs.fields(kind)}


def test_every_limit_of_the_settings_is_listed_with_its_default() -> None:
    listed = {name: int(value) for name, value in ROWS.items() if name.startswith("`limits.")}
    assert listed == defaults("limits", LimitsConfig)


def test_limits_of_files_are_listed_with_their_defaults() -> None:
    listed = {name: int(value) for name, value in ROWS.items() if name.startswith("`files.")}
    assert listed.items() <= defaults("files", FilesConfig).items()
    assert len(listed) == 11


def test_limits_of_presence_are_listed_with_their_defaults() -> None:
    listed = {name: int(value) for name, value in ROWS.items() if name.startswith("`presence.")}
    assert listed.items() <= defaults("presence", PresenceConfig).items()
    assert len(listed) == 2


def test_limits_of_signing_in_are_listed_with_their_defaults() -> None:
    listed = {name: int(value) for name, value in ROWS.items() if name.startswith("`sign_in.")}
    assert listed.items() <= defaults("sign_in", SignInConfig).items()
    assert listed


def test_the_page_says_of_trust_what_the_settings_do() -> None:
    assert "`sign_in.trust` is the one exception, and it is off" in PAGE
    assert SignInConfig().trust == ()
    for example in re.findall(r'sign_in\.trust = \["([^"]+)"\]', PAGE):
        assert trusted_networks([example])
    with pytest.raises(ConfigurationError, match="loopback"):
        trusted_networks(["192.0.2.1"])


def test_attacks_are_bounded_by_settings_and_shown_by_figures_that_there_are() -> None:
    section = PAGE.partition("## Attacks and bounds")[2].partition("\n## ")[0]
    settings = defaults("limits", LimitsConfig) | defaults("sign_in", SignInConfig)
    settings |= defaults("files", FilesConfig)
    named = set(re.findall(r"`(?:limits|sign_in|files)\.\w+`", section))
    assert len(named) > 10
    assert named <= settings.keys()
    figures = set(re.findall(r"`(\w+_total|unauthenticated)`", section))
    assert len(figures) > 5
    assert figures <= set(Reading.__struct_fields__)


def test_fixed_limits_are_those_of_the_parsers() -> None:
    parser, markup = ParserLimits(), MarkupLimits()
    assert {name: int(value) for name, value in ROWS.items() if name.endswith("(fixed)")} == {
        "start line (fixed)": parser.start_line,
        "header line (fixed)": parser.header_line,
        "header count (fixed)": parser.header_count,
        "XML depth (fixed)": markup.depth,
        "XML elements (fixed)": markup.elements,
        "XML attributes of an element (fixed)": markup.attributes,
    }
