"""Codes and texts of replies."""

from __future__ import annotations

import pytest

from perchat.errors import ErrorCode
from perchat.xccos.codes import RESULTS, SUCCESS, Result, error_of, result_of

CLIENT_SIDE = {
    ErrorCode.FILE_DOWNLOAD_FAILED,
    ErrorCode.FILE_UPLOAD_FAILED,
    ErrorCode.INVALID_FLOW_OF_OPERATIONS,
    ErrorCode.INVALID_TOKEN,
    ErrorCode.SERVER_ERROR,
    ErrorCode.COMMAND_FAILED,
}


@pytest.mark.parametrize("error", sorted(set(ErrorCode) - CLIENT_SIDE))
def test_errors_survive_the_wire_and_keep_their_name(error: ErrorCode) -> None:
    result = result_of(error)
    assert result.text == error.name
    assert error_of(result.code, result.text) is error
    assert error_of(599, f" {result.text.lower()} ") is error


@pytest.mark.parametrize("error", sorted(CLIENT_SIDE))
def test_errors_of_clients_are_not_written(error: ErrorCode) -> None:
    assert error not in RESULTS
    assert result_of(error) == Result(500, "UNKNOWN_SERVER_ERROR")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, ErrorCode.INVALID_ARGUMENT),
        (403, ErrorCode.ERROR_PERMISSION),
        (404, ErrorCode.NO_SUCH_NODE),
        (409, ErrorCode.DATA_COLLISION),
        (410, ErrorCode.NODE_DISABLED),
        (412, ErrorCode.USER_NOT_JOINED),
        (413, ErrorCode.LIMIT_EXCEEDED),
        (500, ErrorCode.UNKNOWN_SERVER_ERROR),
        (501, ErrorCode.MSG_NOT_SUPPORTED),
        (503, ErrorCode.DATABASE_CONNECTION),
        (777, ErrorCode.SERVER_ERROR),
    ],
)
def test_a_number_alone_means_something_too(code: int, error: ErrorCode) -> None:
    assert error_of(code, "SOMETHING_ELSE") is error


@pytest.mark.parametrize("code", [0, 403, 500])
@pytest.mark.parametrize(
    ("sentence", "error"),
    [
        ("The principals are already defined.", ErrorCode.PRINCIPALS_ALREADY_DEFINED),
        ("Some Principals are\n  already defined for role", ErrorCode.PRINCIPALS_ALREADY_DEFINED),
        ("bob is not authorized to perform this action", ErrorCode.ERROR_PERMISSION),
        ("User Not Authorized To Perform AddMember", ErrorCode.ERROR_PERMISSION),
    ],
)
def test_sentences_of_the_original_are_understood(
    sentence: str, error: ErrorCode, code: int
) -> None:
    assert error_of(code, sentence) is error


def test_a_name_goes_before_words_and_words_before_a_number() -> None:
    assert error_of(403, "NO_SUCH_PRINCIPAL") is ErrorCode.NO_SUCH_PRINCIPAL
    assert error_of(404, "not authorized to perform that") is ErrorCode.ERROR_PERMISSION
    assert error_of(404, "already here") is ErrorCode.NO_SUCH_NODE


def test_success_is_as_captured() -> None:
    assert Result(200, "SUCCESS_OK") == SUCCESS
    assert all(result.code != SUCCESS.code for result in RESULTS.values())
