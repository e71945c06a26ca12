"""The ways to name what commands are about, and to bound what they return."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, TypeVar

from perchat.model.addin import AddIn
from perchat.model.category import Category, CategorySummary
from perchat.model.participant import Participant
from perchat.model.principal import Principal, User, principal_uri
from perchat.model.uri import CategoryUri, SipUri

__all__ = [
    "AddInLike",
    "CategoryLike",
    "GroupLike",
    "PrincipalLike",
    "add_in_id",
    "at_most",
    "category_or_name",
    "category_uri",
    "first",
    "principals_of",
    "uri_of",
    "uris_of",
    "user_uri",
]

_ALL = -1
_T = TypeVar("_T")

PrincipalLike: TypeAlias = str | Principal | User | Participant
"""The URI of a user or group, or anything that carries it."""

GroupLike: TypeAlias = str | Principal
"""A group's URI or name, or anything that carries its URI."""

CategoryLike: TypeAlias = CategoryUri | str | CategorySummary | Category
"""A category's URI, or anything that carries it."""

AddInLike: TypeAlias = AddIn | str
"""An add-in, or its id."""


def uri_of(one: PrincipalLike) -> str:
    """Return the URI of a user or group; ValueError or TypeError if it names none."""
    if isinstance(one, (Principal, User, Participant)):
        return one.uri
    if not isinstance(one, str):
        raise TypeError(f"not a user or group: {type(one).__name__}")
    return principal_uri(one)


def uris_of(some: PrincipalLike | Iterable[PrincipalLike]) -> tuple[str, ...]:
    """Return the URIs of one or several, each once; ValueError or TypeError as above."""
    several = some if isinstance(some, Iterable) and not isinstance(some, str) else (some,)
    return tuple(dict.fromkeys(map(uri_of, several)))


def principals_of(some: PrincipalLike | Iterable[PrincipalLike]) -> tuple[str, ...]:
    """Return what administrators name, URIs or plain names, each once."""
    several = some if isinstance(some, Iterable) and not isinstance(some, str) else (some,)
    return tuple(dict.fromkeys(map(_uri_or_name, several)))


def _uri_or_name(one: PrincipalLike) -> str:
    named = one.strip() if isinstance(one, str) else uri_of(one)
    if not named:
        raise ValueError("nobody is named")
    return named


def category_or_name(category: CategoryLike) -> str:
    """Return a category's URI or its name; ValueError for no name, TypeError for anything else."""
    if isinstance(category, str) and not category.strip():
        raise ValueError("no category is named")
    return category.strip() if isinstance(category, str) else category_uri(category)


def user_uri(one: PrincipalLike) -> SipUri:
    """Return a user's address; ValueError if it is none."""
    return SipUri(uri_of(one))


def category_uri(category: CategoryLike) -> CategoryUri:
    """Return a category's URI; ValueError or TypeError if that is none."""
    if isinstance(category, (CategorySummary, Category)):
        return category.uri
    if not isinstance(category, str):
        raise TypeError(f"not a category: {type(category).__name__}")
    return CategoryUri(category)


def add_in_id(add_in: AddInLike) -> str:
    """Return an add-in's id, lower case."""
    return (add_in.id if isinstance(add_in, AddIn) else add_in).strip().lower()


def at_most(limit: int | None) -> int:
    """
    Return the limit as commands carry it, -1 for none.

    None and, as in the original, -1 mean all; ValueError for another one below 1.
    """
    wanted = _ALL if limit is None else limit
    if wanted < 1 and wanted != _ALL:
        raise ValueError(f"at least one result, or -1 for all, not {limit}")
    return wanted


def first(found: Iterable[_T], limit: int | None) -> list[_T]:
    """Return as many of what was found as the limit lets through; None and -1 mean all."""
    most = at_most(limit)
    return list(found)[: None if most == _ALL else most]
