"""
Addresses: ``sip:`` for people and services, ``ma-chan://`` rooms, ``ma-cat://`` categories,
``ma-filelink://`` files.

They are checked strings: whoever holds one need not check again. Rooms and
categories never change theirs, also when they are renamed or moved.
"""

from __future__ import annotations

import re
from typing import ClassVar, Self

__all__ = ["CategoryUri", "FileUri", "GroupUri", "RoomUri", "SipUri"]

_USER = r"[A-Za-z0-9\-_.!~*'()&=+$,;?/%]+"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"


class _Uri(str):
    """A string that matches its class's pattern; otherwise ValueError."""

    __slots__ = ()
    _pattern: ClassVar[re.Pattern[str]]
    _example: ClassVar[str]

    def __new__(cls, text: str) -> Self:
        if isinstance(text, cls):
            return text
        if not cls._pattern.fullmatch(text):
            raise ValueError(f"not a URI of the form {cls._example}: {text!r}")
        return super().__new__(cls, cls._canonical(text))

    @classmethod
    def _canonical(cls, text: str) -> str:
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class SipUri(_Uri):
    """
    The address-of-record or GRUU of a person or service, ``sip:user@domain[;parameters]``.

    Scheme, user and domain are lower-cased when it is made, as directories compare them without
    case, and compared so with any text: programs compare an author with their own spelling. In a
    set or dictionary a text finds it in lower case only, since hashes follow the spelling.
    """

    __slots__ = ()
    _pattern = re.compile(
        rf"sip:(?:{_USER})@(?:{_HOST})(?::\d{{1,5}})?(?:;[^\s<>@]*)?", re.IGNORECASE
    )
    _example = "sip:user@domain"

    @classmethod
    def _canonical(cls, text: str) -> str:
        address, separator, parameters = text.partition(";")
        return address.lower() + separator + parameters

    def __eq__(self, other: object) -> bool:
        if str.__eq__(self, other) is True:
            return True
        if type(other) is SipUri or not isinstance(other, str):
            return False
        return str.__eq__(self, self._canonical(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    @property
    def user(self) -> str:
        """What stands before the ``@``."""
        return self[4:].partition("@")[0]

    @property
    def domain(self) -> str:
        """The SIP domain, without port."""
        return self.user_at_host.partition("@")[2].partition(":")[0]

    @property
    def user_at_host(self) -> str:
        """``user@domain``, without scheme and parameters."""
        return self[4:].partition(";")[0]

    @property
    def address(self) -> SipUri:
        """The same without parameters."""
        return SipUri("sip:" + self.user_at_host)

    @property
    def is_gruu(self) -> bool:
        """Whether it names one device or service rather than a person."""
        return "gruu" in self.partition(";")[2].lower().split(";")

    @property
    def is_phone(self) -> bool:
        """Whether it carries a telephone number."""
        return "user=phone" in self.partition(";")[2].lower().split(";")


class _NodeUri(_Uri):
    __slots__ = ()
    _scheme: ClassVar[str]

    @classmethod
    def _canonical(cls, text: str) -> str:
        return text.lower()

    @classmethod
    def of(cls, domain: str, guid: str) -> Self:
        """Join the two parts; ValueError when the result is not such a URI."""
        return cls(f"{cls._scheme}://{domain}/{guid}")

    @property
    def domain(self) -> str:
        """The SIP domain of the pool."""
        return self.split("/", 3)[2]

    @property
    def guid(self) -> str:
        """What follows the domain; a GUID on 2013-generation servers."""
        return self.split("/", 3)[3]


class RoomUri(_NodeUri):
    """A chat room, ``ma-chan://domain/guid``."""

    __slots__ = ()
    _scheme = "ma-chan"
    _pattern = re.compile(r"ma-chan://[A-Za-z0-9.\-]+/[A-Za-z0-9\-]+", re.IGNORECASE)
    _example = "ma-chan://domain/guid"


class CategoryUri(_NodeUri):
    """A category, ``ma-cat://domain/guid``."""

    __slots__ = ()
    _scheme = "ma-cat"
    _pattern = re.compile(r"ma-cat://[A-Za-z0-9.\-]+/[A-Za-z0-9\-]+", re.IGNORECASE)
    _example = "ma-cat://domain/guid"


class FileUri(_Uri):
    """
    A file that was put into a room, ``ma-filelink://domain/guid/name``.

    The middle is the room's, the end what the file is called in the file store.
    """

    __slots__ = ()
    _pattern = re.compile(
        r"ma-filelink://[A-Za-z0-9.\-]+/[A-Za-z0-9\-]+/[A-Za-z0-9._\-]+", re.IGNORECASE
    )
    _example = "ma-filelink://domain/guid/name"

    @classmethod
    def of(cls, room: RoomUri, name: str) -> Self:
        """Return the address of a room's file; ValueError when that makes none."""
        return cls(f"ma-filelink://{room.domain}/{room.guid}/{name}")

    @property
    def room(self) -> RoomUri:
        """The room it was put into."""
        domain, guid = self.split("/", 4)[2:4]
        return RoomUri.of(domain, guid)

    @property
    def name(self) -> str:
        """What it is called in the file store."""
        return self.split("/", 4)[4]


class GroupUri(_Uri):
    """A group principal, ``ma-grp:guid@u.g``."""

    __slots__ = ()
    _pattern = re.compile(r"ma-grp:[A-Za-z0-9\-]+@u\.g", re.IGNORECASE)
    _example = "ma-grp:guid@u.g"
