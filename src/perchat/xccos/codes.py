"""
What a reply's ``resp`` says, and which of our error codes it stands for.

Only 200 and its text are certain; peers test for nothing else. The other numbers
and texts are ours: the texts follow the names of the original SDK, the numbers
are those HTTP would use. Servers of the original write sentences, of which public
programs for its SDK quote some words: those are read, and never written.
"""

from __future__ import annotations

from dataclasses import dataclass

from perchat.errors import ErrorCode

__all__ = [
    "OPERATION_FAILED",
    "RESULTS",
    "SUCCESS",
    "WORDS",
    "Result",
    "error_of",
    "result_of",
]


@dataclass(frozen=True, slots=True)
class Result:
    """The code and the text of a ``resp``."""

    code: int
    text: str


SUCCESS = Result(200, "SUCCESS_OK")

OPERATION_FAILED = "OPERATION_FAILED"
"""The only key of a ``fib`` ever seen."""

RESULTS: dict[ErrorCode, Result] = {
    ErrorCode.UNKNOWN_SERVER_ERROR: Result(500, "UNKNOWN_SERVER_ERROR"),
    ErrorCode.DATABASE_CONNECTION: Result(503, "DATABASE_CONNECTION"),
    ErrorCode.DATA_COLLISION: Result(409, "DATA_COLLISION"),
    ErrorCode.INVALID_ARGUMENT: Result(400, "INVALID_ARGUMENT"),
    ErrorCode.CANNOT_GET_PARTICIPANT_LIST: Result(405, "CANNOT_GET_PARTICIPANT_LIST"),
    ErrorCode.LIMIT_EXCEEDED: Result(413, "LIMIT_EXCEEDED"),
    ErrorCode.MSG_NOT_SUPPORTED: Result(501, "MSG_NOT_SUPPORTED"),
    ErrorCode.NODE_DISABLED: Result(410, "NODE_DISABLED"),
    ErrorCode.NODE_HIERARCHY_VIOLATION: Result(422, "NODE_HIERARCHY_VIOLATION"),
    ErrorCode.ERROR_PERMISSION: Result(403, "ERROR_PERMISSION"),
    ErrorCode.NO_SUCH_NODE: Result(404, "NO_SUCH_NODE"),
    ErrorCode.USER_NOT_JOINED: Result(412, "USER_NOT_JOINED"),
    ErrorCode.NO_SUCH_PRINCIPAL: Result(404, "NO_SUCH_PRINCIPAL"),
    ErrorCode.UNABLE_TO_CREATE_ROOM: Result(403, "UNABLE_TO_CREATE_ROOM"),
    ErrorCode.DUPLICATE_ROOM_NAME: Result(409, "DUPLICATE_ROOM_NAME"),
    ErrorCode.PRINCIPALS_ALREADY_DEFINED: Result(409, "PRINCIPALS_ALREADY_DEFINED"),
    ErrorCode.PRINCIPALS_NOT_IN_SCOPE: Result(422, "PRINCIPALS_NOT_IN_SCOPE"),
    ErrorCode.PRESENTER_NOT_IN_MEM_LIST: Result(422, "PRESENTER_NOT_IN_MEM_LIST"),
    ErrorCode.DUPLICATE_ADDIN_NAME: Result(409, "DUPLICATE_ADDIN_NAME"),
}
"""Where several share a number, the first is what the number alone stands for."""

WORDS: dict[str, ErrorCode] = {
    "principals are already defined": ErrorCode.PRINCIPALS_ALREADY_DEFINED,
    "not authorized to perform": ErrorCode.ERROR_PERMISSION,
}
"""Words of the original's sentences, lower case with single blanks, and what they stand for."""

_BY_TEXT = {result.text: error for error, result in RESULTS.items()}
_BY_CODE = {result.code: error for error, result in reversed(RESULTS.items())}


def result_of(error: ErrorCode) -> Result:
    """Return what to write; errors that arise only in clients become UNKNOWN_SERVER_ERROR."""
    return RESULTS.get(error, RESULTS[ErrorCode.UNKNOWN_SERVER_ERROR])


def error_of(code: int, text: str) -> ErrorCode:
    """
    Return what a refusal means: by its text, else by the words in it, else by its number.

    SERVER_ERROR when nothing of it is known.
    """
    said = " ".join(text.split())
    found = _BY_TEXT.get(said.upper(), _by_words(said))
    return _BY_CODE.get(code, ErrorCode.SERVER_ERROR) if found is None else found


def _by_words(sentence: str) -> ErrorCode | None:
    folded = sentence.lower()
    return next((error for words, error in WORDS.items() if words in folded), None)
