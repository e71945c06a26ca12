"""The limits of a chat service, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ChatSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """
    What an operator may choose.

    Attributes:
        domain: The SIP domain rooms and categories are addressed in.
        node: Names this process among those on the same store; two must never share one.
        display_name: Tells equal room names of several pools apart; empty: the domain.
        message_size_limit: Bytes of UTF-8 a message may have, told to clients.
        story_size_limit: The same for a story, and for the RTF twin of a message.
        search_limit: The most rooms any search finds, told to clients.
        history_limit: The most messages of any history answer.
        history_bytes: Bytes of UTF-8, as they are written, that end an answer sooner: the
            client has to be able to read it.
        query_bytes: The same for an answer to a question about history, which goes beside
            other traffic: what is missing can be asked for again.
        query_words: Words such a question, or a search for rooms, may have; in a question
            about history, where a script has no blanks, characters.
        query_rooms: Rooms such a question may be about.
        query_authors: Authors such a question may name.
        participant_update_limit: Users in a room above which comings and goings are not
            told any more; told again below ``calm_share`` of it.
        calm_share: See there.
        preference_limit: Bytes of UTF-8 a bundle of preferences may have.
        moderation_batch: Messages that one step of moderation looks at or changes.
        administration_values: Principals, or message numbers, one command of an administrator
            may name.
        name_limit: Characters of names and descriptions.
        room_management_url: A page for managing rooms; empty when there is none.

    """

    domain: str
    node: str = "node"
    display_name: str = ""
    message_size_limit: int = 8192
    story_size_limit: int = 65536
    search_limit: int = 999
    history_limit: int = 500
    history_bytes: int = 786_432
    query_bytes: int = 61_440
    query_words: int = 128
    query_rooms: int = 200
    query_authors: int = 100
    participant_update_limit: int = 75
    calm_share: float = 0.8
    preference_limit: int = 131_072
    moderation_batch: int = 1000
    administration_values: int = 1000
    name_limit: int = 256
    room_management_url: str = ""
