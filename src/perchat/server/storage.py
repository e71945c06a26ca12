"""
The database of a server's settings, for the server and for the administrator alike.

Kept apart from the composition root so that a command of the administrator starts
without loading what only a running server needs.
"""

from __future__ import annotations

import contextlib
import getpass
import os
from typing import TYPE_CHECKING

from perchat.chat.settings import ChatSettings
from perchat.errors import ConfigurationError, StorageError
from perchat.model.administration import LOCAL
from perchat.store.base import Receipts
from perchat.store.nodefile import running
from perchat.store.sqlite import SqliteSettings, SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.server.config import ServerConfig
    from perchat.store.base import RunningNode

__all__ = ["chat_settings", "local_operator", "nodes_of", "open_store"]


@contextlib.asynccontextmanager
async def open_store(
    config: ServerConfig, *, serving: bool = False, accept_loss: bool = False
) -> AsyncIterator[SqliteStore]:
    """
    Open the database of the settings for as long as the block runs.

    Unless it is for ``serving`` itself, what is appended waits until a server that runs on the
    database has followed, as long as the settings say.

    Raises:
        ConfigurationError: There is none.
        DatabaseIncomplete: It lacks what was written last, and that is not accepted.
        StorageError: It cannot be used.

    """
    file = _existing(config)
    receipts = Receipts(seconds=config.limits.resend_seconds)
    settings = SqliteSettings(
        receipts=receipts,
        accept_loss=accept_loss,
        follow_seconds=0.0 if serving else config.administration.follow_seconds,
    )
    store = SqliteStore(file, settings=settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def nodes_of(config: ServerConfig) -> list[RunningNode]:
    """
    Return the servers that run on the database of the settings, which stays closed.

    Raises:
        ConfigurationError: There is none.
        StorageError: Its folder cannot be read.

    """
    try:
        return running(_existing(config).resolve())
    except OSError as error:
        raise StorageError(f"{error.filename}: {error.strerror}") from error


def _existing(config: ServerConfig) -> Path:
    file = config.path(config.paths.database)
    if not file.exists():
        raise ConfigurationError(f"no database at {file}; make one with: perchat init DIR")
    return file


def local_operator() -> str:
    """Return who works at this machine, as the journal notes it: ``local:`` and the login."""
    try:
        return f"{LOCAL}{getpass.getuser()}"
    except (KeyError, OSError, ImportError):  # an account without a name, as in containers
        return f"{LOCAL}{os.getuid() if hasattr(os, 'getuid') else ''}"


def chat_settings(config: ServerConfig) -> ChatSettings:
    """Return the part of the settings that the chat service works with."""
    limits = config.limits
    return ChatSettings(
        domain=config.domain,
        node=config.node,
        display_name=config.chat.display_name,
        message_size_limit=limits.message_bytes,
        story_size_limit=limits.story_bytes,
        search_limit=limits.search_results,
        history_limit=limits.history_messages,
        participant_update_limit=limits.participant_updates,
        moderation_batch=limits.moderation_messages,
        administration_values=limits.administration_values,
        room_management_url=config.chat.management_url,
    )
