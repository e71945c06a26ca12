"""What a chat service tells about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.uri import CategoryUri

__all__ = ["ServerInfo"]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """
    Limits and identity of a chat service.

    Attributes:
        display_name: Tells equal room names of several pools apart.
        message_size_limit: Bytes of UTF-8 a message may have.
        story_size_limit: The same for a story.
        search_limit: The most results of any search.
        root_category: The top of the tree; it holds no rooms.
        database_version: Identifies the pool's database, a GUID.
        time: The server's clock when it answered, aware, UTC.
        room_management_url: A page for managing rooms; empty when there is none.

    """

    display_name: str
    message_size_limit: int
    story_size_limit: int
    search_limit: int
    root_category: CategoryUri
    database_version: str
    time: datetime
    domain: str = ""
    room_management_url: str = ""
