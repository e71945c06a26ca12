"""Categories: the walls between rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.uri import CategoryUri

__all__ = ["Category", "CategorySummary"]


@dataclass(frozen=True, slots=True)
class Category:
    """
    What its rooms have in common.

    Attributes:
        uri: Never changes.
        name: Unique among categories and rooms, 256 characters at most.
        description: 256 characters at most.
        keeps_history: Whether messages are stored.
        invitations: Whether new members are invited.
        file_posts: Whether files may be posted.
        allowed: Principals that may be given roles here: addresses, group URIs, or ``domain:NAME``.
        denied: Principals that may not; denial wins.
        creators: Principals that may make rooms here.

    """

    uri: CategoryUri
    name: str
    description: str = ""
    keeps_history: bool = True
    invitations: bool = False
    file_posts: bool = False
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    creators: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CategorySummary:
    """
    What others than administrators learn of a category.

    Attributes:
        name: Empty when the server did not tell more than the URI.
        keeps_history: Whether messages in its rooms are stored.
        invitations: Whether new members are invited to its rooms.
        file_posts: Whether files may be posted in its rooms.

    """

    uri: CategoryUri
    name: str = ""
    description: str = ""
    keeps_history: bool = False
    invitations: bool = False
    file_posts: bool = False
