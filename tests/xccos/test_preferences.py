"""Preference bundles as strangers write them, and what cannot be written."""

from __future__ import annotations

import pytest

from perchat.errors import LocalProtocolError
from perchat.markup import read
from perchat.model.preference import Preference
from perchat.xccos.codec import CLIENT
from perchat.xccos.managing import PreferenceQuery, PreferenceReply
from perchat.xccos.preferences import (
    PREFERENCE,
    PREFERENCE_QUERY,
    PREFERENCE_REPLY,
    PREFERENCE_VERSION,
)


def test_without_a_version_everything_is_asked_for() -> None:
    data = read(b'<data><pref Label="x" createDefault="True"/></data>')
    assert PREFERENCE_QUERY.read(data) == PreferenceQuery("x", default=True)


def test_nothing_newer_is_an_empty_reply() -> None:
    assert PREFERENCE_REPLY.read(read(b"<data/>")) == PreferenceReply()
    assert PREFERENCE_REPLY.read(read(b'<data><pref label="x" seqid="7"/></data>')) == (
        PreferenceReply(Preference("x", 7))
    )


@pytest.mark.parametrize("codec", [PREFERENCE_QUERY, PREFERENCE, PREFERENCE_VERSION])
def test_a_bundle_without_label_is_of_no_use(codec: object) -> None:
    for data in (b"<data/>", b'<data><pref seqid="1"/></data>'):
        with pytest.raises(ValueError, match=r"no pref|without label"):
            codec.read(read(data))  # type: ignore[attr-defined]


@pytest.mark.parametrize("data", ["a\0", "<&\x1b", "\ud800"])
def test_what_xml_cannot_carry_is_refused_rather_than_dropped(data: str) -> None:
    with pytest.raises(LocalProtocolError, match="'x' holds"):
        PREFERENCE.write(Preference("x", 1, data), CLIENT)


def test_every_other_character_is_carried() -> None:
    data = 'a\t"\r\n<&>é\U0001f600'
    written = PREFERENCE.write(Preference("x", 1, data), CLIENT)
    assert PREFERENCE.read(read(f"<data>{written}</data>".encode())).data == data
