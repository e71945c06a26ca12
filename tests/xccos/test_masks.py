"""Permission masks: the numbers captured from real servers, and what they stand for."""

from __future__ import annotations

import pytest

from perchat.model.chatroom import Permission
from perchat.model.participant import Participant
from perchat.model.uri import SipUri
from perchat.xccos.masks import (
    LEGACY_MANAGER,
    LEGACY_MEMBER,
    MANAGER,
    MEMBER,
    PRESENTER,
    bits,
    is_manager,
    is_presenter,
    legacy_mask,
    mask_of,
    participant_mask,
    permission_of,
)

MEMBERS = Permission.JOIN | Permission.POST | Permission.READ_HISTORY | Permission.VIEW


@pytest.mark.parametrize(
    ("mask", "positions"),
    [
        (3984, {4, 7, 8, 9, 10, 11}),
        (12276, {2, 4, 5, 6, 7, 8, 9, 10, 11, 13}),
        (3456, {7, 8, 10, 11}),
        (11652, {2, 7, 8, 10, 11, 13}),
        (7552, {7, 8, 10, 11, 12}),
        (15748, {2, 7, 8, 10, 11, 12, 13}),
        (16372, {2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}),
        (123, {0, 1, 3, 4, 5, 6}),
        (0, set()),
    ],
)
def test_masks_have_these_bits(mask: int, positions: set[int]) -> None:
    assert bits(mask) == positions


@pytest.mark.parametrize(
    ("mask", "permission"),
    [
        (MEMBER, MEMBERS),
        (LEGACY_MEMBER, MEMBERS),
        (MANAGER, MEMBERS | Permission.MANAGE),
        (LEGACY_MANAGER, MEMBERS | Permission.MANAGE),
        (MEMBER + PRESENTER, MEMBERS | Permission.POST_IN_AUDITORIUM),
        (16372, MEMBERS | Permission.MANAGE | Permission.POST_IN_AUDITORIUM),
        (16, Permission.NONE),
        (0, Permission.NONE),
        (1 << 40, Permission.NONE),
    ],
)
def test_masks_mean_these_permissions(mask: int, permission: Permission) -> None:
    assert permission_of(mask) == permission


@pytest.mark.parametrize(
    ("right", "number", "bit"),
    [
        (Permission.MANAGE, 1, 4),
        (Permission.JOIN, 2, 128),
        (Permission.POST, 4, 256),
        (Permission.READ_HISTORY, 8, 1024),
        (Permission.VIEW, 16, 2048),
        (Permission.POST_IN_AUDITORIUM, 32, 4096),
    ],
)
def test_each_right_is_one_bit(right: Permission, number: int, bit: int) -> None:
    assert right.value == number
    assert mask_of(right) == bit
    assert permission_of(bit) == right


def test_masks_and_permissions_are_inverse() -> None:
    for number in range(64):
        assert permission_of(mask_of(Permission(number))) == Permission(number)


def test_legacy_clients_see_managers_as_operators_and_others_as_they_are() -> None:
    assert legacy_mask(MANAGER) == 12276
    assert legacy_mask(MANAGER | PRESENTER) == 16372
    assert legacy_mask(MEMBER | PRESENTER) == 7552


@pytest.mark.parametrize("manager", [False, True])
@pytest.mark.parametrize("presenter", [False, True])
def test_participants_keep_their_marks(manager: bool, presenter: bool) -> None:
    participant = Participant(SipUri("sip:a@x"), is_manager=manager, is_presenter=presenter)
    mask = participant_mask(participant)
    assert is_manager(mask) is manager
    assert is_presenter(mask) is presenter
    assert mask & MEMBER == MEMBER
