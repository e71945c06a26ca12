"""Web pages that are shown beside a room."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AddIn"]


@dataclass(frozen=True, slots=True)
class AddIn:
    """
    An add-in that administrators registered; a room has one or none.

    Attributes:
        id: A GUID, lower case.
        name: 50 characters at most, unique among add-ins.
        url: ``http`` or ``https``, 255 characters at most; as it was registered, perhaps unusable.

    """

    id: str
    name: str = ""
    url: str = ""
