from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import (
    ChatServerNotConfigured,
    PersistentChatDisabled,
    ProvisioningError,
    RemoteProtocolError,
)
from perchat.lync.provisioning import (
    ChatProvisioning,
    Provisioning,
    provisioning_answer,
    provisioning_request,
    requested_groups,
)
from tests.lync.transcript import recorded

SESSION = recorded("sipe-ntlm-v4.txt")
POOL = "sip:pchat@example.com"
OTHER = "sip:other@example.com"


def test_the_recorded_request_is_understood() -> None:
    assert requested_groups(SESSION[8].message.body) == (
        "ServerConfiguration",
        "meetingPolicy",
        "persistentChatConfiguration",
        "ucPolicy",
    )


def test_the_recorded_answer_is_ours_byte_for_byte() -> None:
    groups = requested_groups(SESSION[8].message.body)
    answer = provisioning_answer(ChatProvisioning(default_uri=POOL), groups)
    assert answer == SESSION[9].message.body
    assert len(answer) == 404


@pytest.mark.requirement("R48")
def test_several_pools_are_separated_by_blanks() -> None:
    chat = ChatProvisioning(default_uri=POOL, uris=(POOL, OTHER))
    line = f'<property name="PersistentChatPoolUris">{POOL} {OTHER}</property>'.encode()
    assert line in provisioning_answer(chat)
    assert Provisioning.parse(provisioning_answer(chat)).chat.uris == (POOL, OTHER)


def test_a_user_without_persistent_chat_is_told_so() -> None:
    answer = provisioning_answer(ChatProvisioning(enabled=False, default_uri=POOL))
    assert b">false<" in answer
    chat = Provisioning.parse(answer).chat
    assert not chat.enabled
    with pytest.raises(PersistentChatDisabled):
        chat.require_uri()


def test_only_what_was_asked_for_is_answered() -> None:
    assert b"<provisionGroup " not in provisioning_answer(ChatProvisioning(), ("ucPolicy",))
    answer = provisioning_answer(ChatProvisioning(), ("persistentChatConfiguration",))
    assert b"ServerConfiguration" not in answer


def test_our_request_is_read_by_our_server() -> None:
    assert requested_groups(provisioning_request(("a", 'b"<'))) == ("a", 'b"<')
    assert requested_groups(provisioning_request()) == requested_groups(SESSION[8].message.body)


@pytest.mark.requirement("R48")
def test_all_groups_are_kept_as_they_came() -> None:
    found = Provisioning.parse(
        b"<p:provisionGroupList xmlns:p='urn:x'><p:provisionGroup name='ucPolicy'>"
        b"<p:propertyEntryList><p:property name='a'>1</p:property><p:property name='b'/>"
        b"</p:propertyEntryList></p:provisionGroup><p:provisionGroup name='x'/>"
        b"</p:provisionGroupList>"
    )
    assert found.raw == {"ucPolicy": {"a": "1", "b": ""}, "x": {}}
    assert found.chat == ChatProvisioning()


text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(str.strip)
words = st.text("abc:@.", min_size=1, max_size=10)


@given(st.booleans(), words, st.lists(words, max_size=3), st.dictionaries(text, text, max_size=3))
def test_what_we_write_we_can_read(
    enabled: bool, uri: str, uris: list[str], more: dict[str, str]
) -> None:
    chat = ChatProvisioning(enabled, uri, tuple(uris), more)
    found = Provisioning.parse(provisioning_answer(chat)).chat
    assert (found.enabled, found.default_uri, found.uris) == (enabled, uri, tuple(uris))
    assert more.items() <= found.properties.items()


@pytest.mark.requirement("R51")
def test_the_pool_s_address_is_the_provisioned_one() -> None:
    assert ChatProvisioning(default_uri=POOL).require_uri() == POOL
    padded = ChatProvisioning.of({"DefaultPersistentChatPoolUri": f" {POOL} "})
    assert padded.require_uri() == POOL


@pytest.mark.requirement("R51")
def test_a_server_without_a_pool_is_not_configured() -> None:
    with pytest.raises(ChatServerNotConfigured, match="ocschat"):
        ChatProvisioning().require_uri()


@pytest.mark.parametrize(
    "uri", ["pchat@example.com", "sip:", "tel:+1", "sip:example.com", "sip:a b@c"]
)
@pytest.mark.requirement("R51")
def test_an_address_that_is_none_is_not_used(uri: str) -> None:
    with pytest.raises(ProvisioningError, match="not a SIP address"):
        ChatProvisioning(default_uri=uri).require_uri()


@pytest.mark.parametrize(
    "body", [b"", b"x", b"<a/>", b"<provisioningGroupList/>", b"<!DOCTYPE a><a/>"]
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(ProvisioningError):
        Provisioning.parse(body)


@pytest.mark.parametrize(
    "body", [b"", b"<a/>", b"<provisionGroupList/>", b"<provisioningGroupList>"]
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        requested_groups(body)
