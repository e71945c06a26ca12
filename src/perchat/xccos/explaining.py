"""Codecs for why somebody may or may not; all of it is ours, so that administrators can ask."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from perchat.model.chatroom import Permission
from perchat.model.explanation import Answer, AppliedRule, Explanation, Need, RoomAction
from perchat.model.uri import RoomUri
from perchat.xccos.codec import (
    Codec,
    attribute,
    flag,
    number,
    parse_flag,
    required,
    sip_uri,
    tag,
    usable,
)
from perchat.xccos.managing import ExplanationQuery

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["EXPLANATION", "EXPLANATION_QUERY"]

E = TypeVar("E", bound=Enum)
_ALL = sum(one.value for one in Permission)


def _whole(data: Element, name: str) -> Element:
    found = data.find(name)
    if found is None:
        raise ValueError(f"no {name}")
    return found


def _read_query(data: Element) -> ExplanationQuery:
    return ExplanationQuery(
        sip_uri(required(_whole(data, "uib"), "uri")),
        RoomUri(required(_whole(data, "chanib"), "uri")),
    )


def _write_query(asked: ExplanationQuery, _dialect: Dialect) -> str:
    return tag("chanib", {"uri": asked.room}) + tag("uib", {"uri": asked.user})


EXPLANATION_QUERY = Codec(ExplanationQuery, _read_query, _write_query)


def _read_explanation(data: Element) -> Explanation:
    room, user = _whole(data, "chanib"), _whole(data, "uib")
    rules = (usable(_read_rule, one) for one in data.find_all("rule"))
    answers = (usable(_read_answer, one) for one in data.find_all("answer"))
    return Explanation(
        sip_uri(required(user, "uri")),
        RoomUri(required(room, "uri")),
        attribute(room, "name"),
        Permission(number(attribute(user, "permission")) & _ALL),
        tuple(one for one in rules if one),
        tuple(one for one in answers if one),
    )


def _read_rule(rule: Element) -> AppliedRule:
    return AppliedRule(
        required(rule, "id"), parse_flag(attribute(rule, "holds")), attribute(rule, "because")
    )


def _read_answer(answer: Element) -> Answer:
    lacks = attribute(answer, "lacks").split()
    return Answer(
        _named(RoomAction, required(answer, "id")),
        parse_flag(attribute(answer, "allowed")),
        tuple(_named(Need, one) for one in lacks),
    )


def _named(kind: type[E], name: str) -> E:
    try:
        return kind[name]
    except KeyError:
        raise ValueError(f"no {kind.__name__}: {name!r}") from None


def _write_explanation(found: Explanation, _dialect: Dialect) -> str:
    return "".join(
        (
            tag("chanib", {"uri": found.room, "name": found.room_name}),
            tag("uib", {"uri": found.user, "permission": str(found.permission.value)}),
            *map(_write_rule, found.rules),
            *map(_write_answer, found.answers),
        )
    )


def _write_rule(rule: AppliedRule) -> str:
    return tag("rule", {"id": rule.rule, "holds": flag(rule.holds), "because": rule.because})


def _write_answer(answer: Answer) -> str:
    lacks = " ".join(need.name for need in answer.missing)
    return tag(
        "answer", {"id": answer.action.name, "allowed": flag(answer.allowed), "lacks": lacks}
    )


EXPLANATION = Codec(Explanation, _read_explanation, _write_explanation)
