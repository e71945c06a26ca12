"""Codecs for preference bundles, ``pref``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.errors import LocalProtocolError
from perchat.markup import escape_attribute
from perchat.model.preference import Preference
from perchat.xccos.codec import Codec, attribute, flag, number, parse_flag, required, tag
from perchat.xccos.managing import PreferenceQuery, PreferenceReply, PreferenceVersion

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["PREFERENCE", "PREFERENCE_QUERY", "PREFERENCE_REPLY", "PREFERENCE_VERSION"]


_ESCAPED = dict.fromkeys(map(ord, '&<>"\r\n\t'))


def _pref(data: Element) -> Element:
    pref = data.find("pref")
    if pref is None:
        raise ValueError("no pref")
    return pref


def _read_query(data: Element) -> PreferenceQuery:
    pref = _pref(data)
    return PreferenceQuery(
        required(pref, "label"),
        number(attribute(pref, "seqid"), -1),
        parse_flag(attribute(pref, "createdefault")),
    )


def _write_query(query: PreferenceQuery, _dialect: Dialect) -> str:
    attributes = {"label": query.label, "seqid": str(query.known)}
    return tag("pref", attributes | {"createdefault": flag(query.default)})


PREFERENCE_QUERY = Codec(PreferenceQuery, _read_query, _write_query)


def _read_preference(data: Element) -> Preference:
    pref = _pref(data)
    return Preference(
        required(pref, "label"), number(attribute(pref, "seqid")), attribute(pref, "content")
    )


def _write_preference(preference: Preference, _dialect: Dialect) -> str:
    data = preference.data
    plain = data.translate(_ESCAPED)
    if escape_attribute(plain) != plain:  # some of it would be dropped
        raise LocalProtocolError(f"{preference.label!r} holds characters that XML cannot carry")
    attributes = {
        "label": preference.label,
        "seqid": str(preference.version),
        "createdefault": flag(False),
        "content": data,
    }
    return tag("pref", attributes)


PREFERENCE = Codec(Preference, _read_preference, _write_preference)


def _read_reply(data: Element) -> PreferenceReply:
    return PreferenceReply(_read_preference(data) if data.find("pref") else None)


def _write_reply(reply: PreferenceReply, dialect: Dialect) -> str:
    return _write_preference(reply.preference, dialect) if reply.preference else ""


PREFERENCE_REPLY = Codec(PreferenceReply, _read_reply, _write_reply)


def _read_version(data: Element) -> PreferenceVersion:
    pref = _pref(data)
    return PreferenceVersion(required(pref, "label"), number(attribute(pref, "seqid")))


def _write_version(version: PreferenceVersion, _dialect: Dialect) -> str:
    return tag("pref", {"label": version.label, "seqid": str(version.version)})


PREFERENCE_VERSION = Codec(PreferenceVersion, _read_version, _write_version)
