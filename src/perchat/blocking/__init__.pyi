# Written by `make reference` from the asynchronous signatures; change those.
import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Generic, Self, TypeVar, overload

from perchat.client.application import Proxy
from perchat.client.builder import MessageBuilder as MessageBuilder
from perchat.client.credentials import AuthProtocol as AuthProtocol
from perchat.client.credentials import Credential as Credential
from perchat.client.credentials import Credentials
from perchat.client.credentials import PasswordCredential as PasswordCredential
from perchat.client.credentials import SystemCredential as SystemCredential
from perchat.client.events import AttendanceChanged as AttendanceChanged
from perchat.client.events import Change as Change
from perchat.client.events import ConnectionStateChanged as ConnectionStateChanged
from perchat.client.events import EndpointReason as EndpointReason
from perchat.client.events import EndpointStateChanged as EndpointStateChanged
from perchat.client.events import EventsLost as EventsLost
from perchat.client.events import FollowedRoomsChanged as FollowedRoomsChanged
from perchat.client.events import MessageReceived as MessageReceived
from perchat.client.events import MessagesModerated as MessagesModerated
from perchat.client.events import PostResult as PostResult
from perchat.client.events import PreferenceChanged as PreferenceChanged
from perchat.client.events import PrivilegeChanged as PrivilegeChanged
from perchat.client.events import ReadPositionChanged as ReadPositionChanged
from perchat.client.events import RoomChanged as RoomChanged
from perchat.client.events import SessionEvent as SessionEvent
from perchat.client.events import SessionReason as SessionReason
from perchat.client.events import SessionStateChanged as SessionStateChanged
from perchat.client.filesharing import PostedFile as PostedFile
from perchat.client.filters import Draft as Draft
from perchat.client.filters import OutgoingFilter as OutgoingFilter
from perchat.client.livingstates import LivingState as LivingState
from perchat.client.livingstates import LivingStateChanged as LivingStateChanged
from perchat.client.naming import AddInLike, CategoryLike, GroupLike, PrincipalLike
from perchat.client.options import ClientTimers as ClientTimers
from perchat.client.options import EndpointOptions as EndpointOptions
from perchat.client.reconnect import ReconnectPolicy as ReconnectPolicy
from perchat.client.signinresult import SignInResult as SignInResult
from perchat.client.states import ConnectionState as ConnectionState
from perchat.client.states import EndpointState as EndpointState
from perchat.client.states import SessionState as SessionState
from perchat.client.streams import Overflow as Overflow
from perchat.client.targets import Match as Match
from perchat.client.targets import RoomLike
from perchat.client.transfer import Progress as Progress
from perchat.client.trustedapplication import TrustedApplication as TrustedApplication
from perchat.errors import AuthenticationError as AuthenticationError
from perchat.errors import AuthenticationReason as AuthenticationReason
from perchat.errors import CannotCreateRoom as CannotCreateRoom
from perchat.errors import CannotGetParticipants as CannotGetParticipants
from perchat.errors import CertificateNotFound as CertificateNotFound
from perchat.errors import ChatServerConnectionError as ChatServerConnectionError
from perchat.errors import ChatServerNotConfigured as ChatServerNotConfigured
from perchat.errors import CommandFailed as CommandFailed
from perchat.errors import ConfigurationError as ConfigurationError
from perchat.errors import ConnectionFailure as ConnectionFailure
from perchat.errors import DatabaseIncomplete as DatabaseIncomplete
from perchat.errors import DataCollision as DataCollision
from perchat.errors import Diagnostics as Diagnostics
from perchat.errors import DownloadFailed as DownloadFailed
from perchat.errors import DuplicateAddInName as DuplicateAddInName
from perchat.errors import DuplicateRoomName as DuplicateRoomName
from perchat.errors import ErrorCode as ErrorCode
from perchat.errors import FailureRequest as FailureRequest
from perchat.errors import FailureResponse as FailureResponse
from perchat.errors import FileTransferFailed as FileTransferFailed
from perchat.errors import GroupCycle as GroupCycle
from perchat.errors import HierarchyViolation as HierarchyViolation
from perchat.errors import InterruptedFlow as InterruptedFlow
from perchat.errors import InvalidArgument as InvalidArgument
from perchat.errors import InvalidToken as InvalidToken
from perchat.errors import LimitExceeded as LimitExceeded
from perchat.errors import LocalProtocolError as LocalProtocolError
from perchat.errors import MessageParsingError as MessageParsingError
from perchat.errors import NodeInUse as NodeInUse
from perchat.errors import NoSuchPrincipal as NoSuchPrincipal
from perchat.errors import NotJoined as NotJoined
from perchat.errors import NotSupported as NotSupported
from perchat.errors import OperationFailure as OperationFailure
from perchat.errors import OperationTimeout as OperationTimeout
from perchat.errors import PerchatError as PerchatError
from perchat.errors import PermissionDenied as PermissionDenied
from perchat.errors import PersistentChatDisabled as PersistentChatDisabled
from perchat.errors import PersistentChatError as PersistentChatError
from perchat.errors import PostCancelled as PostCancelled
from perchat.errors import PresenterNotMember as PresenterNotMember
from perchat.errors import PrincipalsAlreadyDefined as PrincipalsAlreadyDefined
from perchat.errors import PrincipalsNotInScope as PrincipalsNotInScope
from perchat.errors import ProtocolError as ProtocolError
from perchat.errors import ProvisioningError as ProvisioningError
from perchat.errors import ProvisioningReason as ProvisioningReason
from perchat.errors import PublishSubscribeError as PublishSubscribeError
from perchat.errors import RealTimeError as RealTimeError
from perchat.errors import RegisterError as RegisterError
from perchat.errors import RegisterReason as RegisterReason
from perchat.errors import RemoteProtocolError as RemoteProtocolError
from perchat.errors import RoomDisabled as RoomDisabled
from perchat.errors import RoomNotFound as RoomNotFound
from perchat.errors import ServerDiscoveryError as ServerDiscoveryError
from perchat.errors import ServerFault as ServerFault
from perchat.errors import ServerNotRunning as ServerNotRunning
from perchat.errors import ServerPolicyError as ServerPolicyError
from perchat.errors import SessionStateError as SessionStateError
from perchat.errors import StateError as StateError
from perchat.errors import StorageError as StorageError
from perchat.errors import TlsFailure as TlsFailure
from perchat.errors import TlsFailureReason as TlsFailureReason
from perchat.errors import UploadFailed as UploadFailed
from perchat.lync.provisioning import ChatProvisioning as ChatProvisioning
from perchat.lync.provisioning import Provisioning as Provisioning
from perchat.model.addin import AddIn as AddIn
from perchat.model.administration import AdministrativeRole as AdministrativeRole
from perchat.model.administration import AdministratorGrant as AdministratorGrant
from perchat.model.administration import GroupEntry as GroupEntry
from perchat.model.administration import RoomEntry as RoomEntry
from perchat.model.category import Category as Category
from perchat.model.category import CategorySummary as CategorySummary
from perchat.model.changes import Changes as Changes
from perchat.model.chatroom import Behavior as Behavior
from perchat.model.chatroom import Permission as Permission
from perchat.model.chatroom import Privacy as Privacy
from perchat.model.chatroom import Role as Role
from perchat.model.chatroom import Room as Room
from perchat.model.chatroom import RoomSnapshot as RoomSnapshot
from perchat.model.chatroom import RoomSummary as RoomSummary
from perchat.model.excerpt import Excerpt as Excerpt
from perchat.model.explanation import Answer as Answer
from perchat.model.explanation import AppliedRule as AppliedRule
from perchat.model.explanation import Explanation as Explanation
from perchat.model.explanation import Need as Need
from perchat.model.explanation import RoomAction as RoomAction
from perchat.model.history import HistoryQuery as HistoryQuery
from perchat.model.history import HistoryResult as HistoryResult
from perchat.model.invitation import Invitation as Invitation
from perchat.model.invitation import Invitations as Invitations
from perchat.model.invitation import InviteSetting as InviteSetting
from perchat.model.message import Message as Message
from perchat.model.message import ModeratedMessage as ModeratedMessage
from perchat.model.participant import Participant as Participant
from perchat.model.parts import Emoticon as Emoticon
from perchat.model.parts import EmoticonPart as EmoticonPart
from perchat.model.parts import FilePart as FilePart
from perchat.model.parts import LinkPart as LinkPart
from perchat.model.parts import MessagePart as MessagePart
from perchat.model.parts import RoomLinkPart as RoomLinkPart
from perchat.model.parts import StoryTitlePart as StoryTitlePart
from perchat.model.parts import TextPart as TextPart
from perchat.model.preference import Preference as Preference
from perchat.model.presence import Availability as Availability
from perchat.model.presence import Presence as Presence
from perchat.model.principal import DirectoryUser as DirectoryUser
from perchat.model.principal import Group as Group
from perchat.model.principal import Principal as Principal
from perchat.model.principal import PrincipalType as PrincipalType
from perchat.model.principal import RoleEntry as RoleEntry
from perchat.model.principal import User as User
from perchat.model.principal import UserMatches as UserMatches
from perchat.model.roomdetails import RoleChange as RoleChange
from perchat.model.roomdetails import RoleOperation as RoleOperation
from perchat.model.roomdetails import RoomDetails as RoomDetails
from perchat.model.service import ServerInfo as ServerInfo
from perchat.model.uri import CategoryUri as CategoryUri
from perchat.model.uri import FileUri as FileUri
from perchat.model.uri import GroupUri as GroupUri
from perchat.model.uri import RoomUri as RoomUri
from perchat.model.uri import SipUri as SipUri
from perchat.net.certificates import Certificate as Certificate
from perchat.net.connector import Transport as Transport
from perchat.net.resolver import Resolver

__all__ = [
    "AddIn",
    "AdminServices",
    "AdministrativeRole",
    "AdministratorGrant",
    "Answer",
    "ApplicationEndpoint",
    "AppliedRule",
    "AttendanceChanged",
    "AuthProtocol",
    "AuthenticationError",
    "AuthenticationReason",
    "Availability",
    "Behavior",
    "CannotCreateRoom",
    "CannotGetParticipants",
    "CatchUpStream",
    "Category",
    "CategoryAdmin",
    "CategorySummary",
    "CategoryUri",
    "Certificate",
    "CertificateNotFound",
    "Change",
    "Changes",
    "ChatProvisioning",
    "ChatRoomSession",
    "ChatServerConnectionError",
    "ChatServerNotConfigured",
    "ClientTimers",
    "CollaborationPlatform",
    "CommandFailed",
    "ConfigurationError",
    "ConnectionFailure",
    "ConnectionState",
    "ConnectionStateChanged",
    "Credential",
    "DataCollision",
    "DatabaseIncomplete",
    "Diagnostics",
    "DirectoryUser",
    "DownloadFailed",
    "Draft",
    "DuplicateAddInName",
    "DuplicateRoomName",
    "Emoticon",
    "EmoticonPart",
    "EndpointOptions",
    "EndpointReason",
    "EndpointState",
    "EndpointStateChanged",
    "ErrorCode",
    "EventStream",
    "EventsLost",
    "Excerpt",
    "Explanation",
    "FailureRequest",
    "FailureResponse",
    "FilePart",
    "FileTransfer",
    "FileTransferFailed",
    "FileUri",
    "FollowedRoomsChanged",
    "Group",
    "GroupAdmin",
    "GroupCycle",
    "GroupEntry",
    "GroupUri",
    "HierarchyViolation",
    "HistoryQuery",
    "HistoryResult",
    "InterruptedFlow",
    "InvalidArgument",
    "InvalidToken",
    "Invitation",
    "InvitationStream",
    "Invitations",
    "InviteSetting",
    "LimitExceeded",
    "LinkPart",
    "LivingChat",
    "LivingRoom",
    "LivingState",
    "LivingStateChanged",
    "LocalEndpoint",
    "LocalProtocolError",
    "Match",
    "Message",
    "MessageBuilder",
    "MessageParsingError",
    "MessagePart",
    "MessageReceived",
    "MessagesModerated",
    "ModeratedMessage",
    "ModerationServices",
    "Need",
    "NoSuchPrincipal",
    "NodeInUse",
    "NotJoined",
    "NotSupported",
    "OperationFailure",
    "OperationTimeout",
    "OutgoingFilter",
    "Overflow",
    "Participant",
    "PasswordCredential",
    "PerchatError",
    "Permission",
    "PermissionDenied",
    "PersistentChatDisabled",
    "PersistentChatEndpoint",
    "PersistentChatError",
    "PostCancelled",
    "PostResult",
    "PostedFile",
    "Preference",
    "PreferenceChanged",
    "Presence",
    "PresenceServices",
    "PresenceView",
    "PresenterNotMember",
    "Principal",
    "PrincipalType",
    "PrincipalsAlreadyDefined",
    "PrincipalsNotInScope",
    "Privacy",
    "PrivilegeChanged",
    "Progress",
    "ProtocolError",
    "Provisioning",
    "ProvisioningError",
    "ProvisioningReason",
    "PublishSubscribeError",
    "ReadPositionChanged",
    "RealTimeError",
    "ReconnectPolicy",
    "RegisterError",
    "RegisterReason",
    "RemoteProtocolError",
    "Role",
    "RoleChange",
    "RoleEntry",
    "RoleOperation",
    "Room",
    "RoomAction",
    "RoomAdmin",
    "RoomChanged",
    "RoomDetails",
    "RoomDisabled",
    "RoomEntry",
    "RoomLinkPart",
    "RoomNotFound",
    "RoomServices",
    "RoomSnapshot",
    "RoomSummary",
    "RoomUri",
    "ServerDiscoveryError",
    "ServerFault",
    "ServerInfo",
    "ServerNotRunning",
    "ServerPolicyError",
    "SessionEvent",
    "SessionReason",
    "SessionState",
    "SessionStateChanged",
    "SessionStateError",
    "SignInResult",
    "SipUri",
    "StateError",
    "StorageError",
    "StoryTitlePart",
    "SystemCredential",
    "TextPart",
    "TlsFailure",
    "TlsFailureReason",
    "Transport",
    "TrustedApplication",
    "UploadFailed",
    "User",
    "UserAdmin",
    "UserEndpoint",
    "UserMatches",
    "UserServices",
    "chat_address",
    "connect_application",
    "connect_user",
    "timeout",
]
_Event = TypeVar("_Event")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

def chat_address(
    endpoint: LocalEndpoint, given: str | None = None, *, legacy_lookup: bool = False
) -> str: ...
@overload
def connect_application(
    application: TrustedApplication,
    uri: str,
    *,
    proxy: Proxy | None = None,
    proxy_certificate: str | None = None,
    trusted_names: Iterable[str] = ...,
    listen: Sequence[str] = ...,
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    register: bool = False,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: None = None,
) -> PersistentChatEndpoint: ...
@overload
def connect_application(
    application: TrustedApplication,
    uri: str,
    *,
    proxy: Proxy | None = None,
    proxy_certificate: str | None = None,
    trusted_names: Iterable[str] = ...,
    listen: Sequence[str] = ...,
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    register: bool = False,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: ReconnectPolicy,
) -> LivingChat: ...
@overload
def connect_user(
    uri: str,
    *,
    credential: Credentials,
    server: str | None = None,
    port: int | None = None,
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    transport: Transport = ...,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    user_agent: str | None = None,
    endpoint_id: str | None = None,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: None = None,
) -> PersistentChatEndpoint: ...
@overload
def connect_user(
    uri: str,
    *,
    credential: Credentials,
    server: str | None = None,
    port: int | None = None,
    ca: Path | str | None = None,
    crl: Path | str | None = None,
    transport: Transport = ...,
    chat_uri: str | None = None,
    legacy_lookup: bool = False,
    user_agent: str | None = None,
    endpoint_id: str | None = None,
    options: EndpointOptions | None = None,
    trace: Path | str | None = None,
    reconnect: ReconnectPolicy,
) -> LivingChat: ...

class CatchUpStream:
    @property
    def lost(self) -> int: ...
    @property
    def is_behind(self) -> bool: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Message: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def close(self) -> None: ...

class CollaborationPlatform:
    user_agent: str
    transport: Transport
    allowed_auth: AuthProtocol
    resolver: Resolver | None
    @classmethod
    def client(
        cls,
        user_agent: str | None = None,
        *,
        transport: Transport = ...,
        ca: Path | str | None = None,
        crl: Path | str | None = None,
        allowed_auth: AuthProtocol = ...,
        trace: Path | str | None = None,
        resolver: Resolver | None = None,
    ) -> Self: ...
    @classmethod
    def trusted(
        cls,
        application: TrustedApplication,
        *,
        trusted_names: Iterable[str] = ...,
        listen: Sequence[str] = ...,
        ca: Path | str | None = None,
        crl: Path | str | None = None,
        trace: Path | str | None = None,
    ) -> Self: ...
    @property
    def application(self) -> TrustedApplication | None: ...
    @property
    def addresses(self) -> tuple[tuple[str, int], ...]: ...
    @property
    def trusted_names(self) -> frozenset[str]: ...
    def trust(self, *names: str) -> None: ...
    def distrust(self, *names: str) -> None: ...
    def replace_certificate(self, certificate: Certificate) -> None: ...
    @property
    def is_running(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class InvitationStream:
    def __init__(
        self,
        live: EventStream[Invitation],
        since: int | None,
        stored: Callable[[int], list[Invitation]],
    ) -> None: ...
    @property
    def lost(self) -> int: ...
    def close(self) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Invitation: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class ModerationServices:
    def find(
        self,
        room: RoomLike,
        words: str = "",
        *,
        ids: int | Iterable[int] = ...,
        match: Match = ...,
        case_sensitive: bool = False,
        author: PrincipalLike | Iterable[PrincipalLike] = ...,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Message]: ...
    def remove(
        self,
        room: RoomLike,
        words: str = "",
        *,
        ids: int | Iterable[int] = ...,
        match: Match = ...,
        case_sensitive: bool = False,
        author: PrincipalLike | Iterable[PrincipalLike] = ...,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[int, ...]: ...
    def replace(
        self,
        room: RoomLike,
        ids: int | Iterable[int] = ...,
        text: str | None = None,
        *,
        words: str = "",
        match: Match = ...,
        case_sensitive: bool = False,
        author: PrincipalLike | Iterable[PrincipalLike] = ...,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[int, ...]: ...
    def clear(self, room: RoomLike, *, until: datetime) -> int: ...
    def originals(self, room: RoomLike) -> list[ModeratedMessage]: ...

class UserServices:
    def find(
        self, *, last: str = "", first: str = "", email: str = "", limit: int | None = None
    ) -> UserMatches: ...
    def get(self, user: PrincipalLike) -> DirectoryUser: ...
    def get_group(self, group: PrincipalLike) -> Group: ...

class AdminServices:
    @property
    def categories(self) -> CategoryAdmin: ...
    @property
    def rooms(self) -> RoomAdmin: ...
    @property
    def users(self) -> UserAdmin: ...
    @property
    def groups(self) -> GroupAdmin: ...
    def grants(self) -> tuple[AdministratorGrant, ...]: ...

class CategoryAdmin:
    def list(self) -> Iterator[Category]: ...
    def get(self, category: CategoryLike) -> Category: ...
    def add(
        self,
        name: str,
        *,
        description: str = "",
        allow: PrincipalLike | Iterable[PrincipalLike] = ...,
        deny: PrincipalLike | Iterable[PrincipalLike] = ...,
        creators: PrincipalLike | Iterable[PrincipalLike] = ...,
        invitations: bool = False,
        file_posts: bool = False,
        keeps_history: bool = True,
    ) -> Category: ...
    def set(
        self,
        category: CategoryLike,
        *,
        name: str | None = None,
        description: str | None = None,
        allow: PrincipalLike | Iterable[PrincipalLike] = ...,
        no_allow: PrincipalLike | Iterable[PrincipalLike] = ...,
        deny: PrincipalLike | Iterable[PrincipalLike] = ...,
        no_deny: PrincipalLike | Iterable[PrincipalLike] = ...,
        creators: PrincipalLike | Iterable[PrincipalLike] = ...,
        no_creators: PrincipalLike | Iterable[PrincipalLike] = ...,
        invitations: bool | None = None,
        file_posts: bool | None = None,
        keeps_history: bool | None = None,
    ) -> Category: ...
    def remove(self, category: CategoryLike) -> Category: ...

class EventStream(Generic[_Item]):
    lost: int
    def __init__(
        self,
        *,
        limit: int = ...,
        overflow: Overflow = ...,
        marker: Callable[[int], _Item] | None = None,
    ) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> _Item: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def close(self) -> None: ...

class FileTransfer(Generic[_Result]):
    def __init__(
        self,
        work: Callable[[FileTransfer[_Result]], Coroutine[Any, Any, _Result]],
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        cancelled: Exception,
        name: str,
    ) -> None: ...
    @property
    def progress(self) -> Progress: ...
    @property
    def done(self) -> bool: ...
    @property
    def cancelled(self) -> bool: ...
    def cancel(self) -> bool: ...
    def result(self) -> _Result: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Progress: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class GroupAdmin:
    def list(self) -> Iterator[GroupEntry]: ...
    def get(self, group: GroupLike) -> GroupEntry: ...
    def add(
        self,
        name: str,
        members: PrincipalLike | Iterable[PrincipalLike] = ...,
        *,
        container: bool = False,
    ) -> GroupEntry: ...
    def add_members(
        self, group: GroupLike, members: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]: ...
    def remove_members(
        self, group: GroupLike, members: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]: ...
    def remove(self, group: GroupLike) -> GroupEntry: ...

class PresenceServices:
    def __init__(self) -> None: ...
    def publish(self, availability: Availability, note: str = "") -> None: ...
    def subscribe(self, users: PrincipalLike | Iterable[PrincipalLike]) -> PresenceView: ...

class RoomAdmin:
    def list(self) -> Iterator[RoomEntry]: ...
    def get(self, room: RoomLike) -> RoomEntry: ...
    def add(
        self,
        name: str,
        category: CategoryLike,
        *,
        description: str = "",
        privacy: Privacy = ...,
        behavior: Behavior = ...,
        invites: bool = True,
        add_in: str = "",
        members: PrincipalLike | Iterable[PrincipalLike] = ...,
        managers: PrincipalLike | Iterable[PrincipalLike] = ...,
        presenters: PrincipalLike | Iterable[PrincipalLike] = ...,
    ) -> RoomEntry: ...
    def set(
        self,
        room: RoomLike,
        *,
        name: str | None = None,
        description: str | None = None,
        privacy: Privacy | None = None,
        behavior: Behavior | None = None,
        disabled: bool | None = None,
        invites: bool | None = None,
        add_in: str | None = None,
    ) -> RoomEntry: ...
    def move(self, room: RoomLike, category: CategoryLike) -> RoomEntry: ...
    def remove(self, room: RoomLike) -> RoomEntry: ...
    def grant(
        self, room: RoomLike, role: Role, principals: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]: ...
    def revoke(
        self, room: RoomLike, role: Role, principals: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]: ...

class UserAdmin:
    def list(self) -> Iterator[User]: ...
    def get(self, user: PrincipalLike) -> User: ...
    def add(
        self,
        name: str,
        password: str | None = None,
        *,
        display_name: str = "",
        chat_enabled: bool = True,
        service: bool = False,
    ) -> User: ...
    def set(
        self,
        user: PrincipalLike,
        *,
        display_name: str | None = None,
        enabled: bool | None = None,
        chat_enabled: bool | None = None,
        system: bool | None = None,
        service: bool | None = None,
        given_name: str | None = None,
        surname: str | None = None,
        email: str | None = None,
        company: str | None = None,
        password: str | None = None,
    ) -> User: ...
    def remove(self, user: PrincipalLike) -> User: ...

class LocalEndpoint:
    def on(self, kind: type[_Event], handler: Callable[[_Event], object]) -> Callable[[], None]: ...
    def __init__(
        self, platform: CollaborationPlatform, uri: str, options: EndpointOptions
    ) -> None: ...
    @property
    def state(self) -> EndpointState: ...
    @property
    def platform(self) -> CollaborationPlatform: ...
    @property
    def options(self) -> EndpointOptions: ...
    @property
    def timers(self) -> ClientTimers: ...
    @property
    def owner_uri(self) -> SipUri: ...
    @property
    def domain(self) -> str: ...
    def state_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[EndpointStateChanged]: ...
    def establish(self, headers: Mapping[str, str] | None = None) -> SignInResult: ...
    def terminate(self) -> None: ...
    def provisioning(self, *, refresh: bool = False) -> Provisioning: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class PresenceView:
    def on(self, kind: type[_Event], handler: Callable[[_Event], object]) -> Callable[[], None]: ...
    def __init__(self, users: tuple[SipUri, ...]) -> None: ...
    @property
    def users(self) -> tuple[SipUri, ...]: ...
    @property
    def is_closed(self) -> bool: ...
    @property
    def presences(self) -> Mapping[SipUri, Presence]: ...
    def changes(self, *, limit: int = ..., overflow: Overflow = ...) -> EventStream[Presence]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class RoomServices:
    def get(self, room: RoomLike) -> RoomDetails: ...
    def members(self, room: RoomLike) -> Excerpt[RoleEntry]: ...
    def managers(self, room: RoomLike) -> Excerpt[RoleEntry]: ...
    def presenters(self, room: RoomLike) -> Excerpt[RoleEntry]: ...
    def grant(
        self,
        room: RoomLike,
        role: Role,
        principals: PrincipalLike | Iterable[PrincipalLike],
        *,
        ignore_existing: bool = False,
    ) -> Excerpt[RoleEntry]: ...
    def revoke(
        self, room: RoomLike, role: Role, principals: PrincipalLike | Iterable[PrincipalLike]
    ) -> Excerpt[RoleEntry]: ...
    def eligible(
        self, room: RoomLike, role: Role, text: str, *, limit: int | None = None
    ) -> list[Principal]: ...
    def eligible_creators(
        self, category: CategoryLike, prefix: str, *, limit: int | None = None
    ) -> list[Principal]: ...
    def follow(self, room: RoomLike) -> None: ...
    def unfollow(self, room: RoomLike) -> None: ...
    def followed(self) -> list[RoomUri]: ...
    def mark_read(self, room: RoomLike, message: Message | int) -> None: ...
    def read_position(self, room: RoomLike) -> int: ...
    def unread(self, room: RoomLike) -> int: ...
    def create(
        self,
        name: str,
        category: CategoryLike,
        *,
        description: str = "",
        privacy: Privacy = ...,
        behavior: Behavior = ...,
        invitations: InviteSetting = ...,
        add_in: AddInLike = "",
        disabled: bool = False,
        members: Iterable[PrincipalLike] = ...,
        managers: Iterable[PrincipalLike] = ...,
        presenters: Iterable[PrincipalLike] = ...,
        join_self: bool = False,
    ) -> RoomDetails: ...
    def update(
        self,
        room: RoomLike,
        *,
        name: str | None = None,
        description: str | None = None,
        privacy: Privacy | None = None,
        behavior: Behavior | None = None,
        disabled: bool | None = None,
        invitations: InviteSetting | None = None,
        add_in: AddInLike | None = None,
        members: Iterable[PrincipalLike] | None = None,
        managers: Iterable[PrincipalLike] | None = None,
        presenters: Iterable[PrincipalLike] | None = None,
        expected: RoomDetails | None = None,
    ) -> RoomDetails: ...
    def move(
        self, room: RoomLike, category: CategoryLike, *, expected: RoomDetails | None = None
    ) -> RoomDetails: ...
    def permissions(self, room: RoomLike) -> Permission: ...
    def explain(self, user: PrincipalLike, room: RoomLike) -> Explanation: ...
    def creatable_categories(self) -> list[CategorySummary]: ...
    def in_category(
        self, category: CategoryLike, *, limit: int | None = None
    ) -> list[RoomSnapshot]: ...
    def using(self, add_in: AddInLike, *, limit: int | None = None) -> list[RoomSnapshot]: ...
    def add_ins(self) -> list[AddIn]: ...

class ChatRoomSession:
    def __init__(self, chat: PersistentChatEndpoint) -> None: ...
    @property
    def room(self) -> RoomSnapshot | None: ...
    @property
    def uri(self) -> RoomUri | None: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def category(self) -> CategoryUri | None: ...
    @property
    def add_in(self) -> AddIn | None: ...
    @property
    def privacy(self) -> Privacy | None: ...
    @property
    def participants(self) -> tuple[Participant, ...]: ...
    @property
    def can_post(self) -> bool: ...
    @property
    def can_manage(self) -> bool: ...
    @property
    def is_auditorium(self) -> bool: ...
    @property
    def is_secret(self) -> bool: ...
    @property
    def keeps_history(self) -> bool: ...
    @property
    def invites(self) -> bool: ...
    @property
    def can_post_files(self) -> bool: ...
    def upload(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        post: bool = True,
    ) -> FileTransfer[FileUri]: ...
    def download(
        self, file: FilePart | PostedFile | str, destination: str | os.PathLike[str] | BinaryIO
    ) -> FileTransfer[Path | None]: ...
    def files(self) -> Iterator[PostedFile]: ...
    def on(self, kind: type[_Event], handler: Callable[[_Event], object]) -> Callable[[], None]: ...
    @property
    def state(self) -> SessionState: ...
    @property
    def chat(self) -> PersistentChatEndpoint: ...
    @property
    def is_joined(self) -> bool: ...
    def events(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[SessionEvent]: ...
    def messages(
        self, *, include_own: bool = True, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[Message]: ...
    def join(self, room: RoomLike) -> None: ...
    def leave(self) -> None: ...
    def close(self) -> None: ...
    def post(
        self,
        text: str | MessageBuilder,
        *,
        title: str | None = None,
        alert: bool = False,
        rtf: str | None = None,
        client_id: str | None = None,
    ) -> PostResult: ...
    def add_outgoing_filter(self, filter_: OutgoingFilter) -> Callable[[], None]: ...
    def all_participants(self) -> Excerpt[Participant]: ...
    def hidden_participants(self) -> Excerpt[Participant]: ...
    def recent(self, count: int = 30) -> list[Message]: ...
    def query_history(self, query: HistoryQuery = ...) -> HistoryResult: ...
    def iter_history(self, query: HistoryQuery = ...) -> Iterator[Message]: ...
    def history_after(self, message: int, limit: int = 100) -> list[Message]: ...
    def mark_read(self, message: Message | int) -> None: ...
    def unread(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class LivingChat:
    def query_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = ...
    ) -> list[HistoryResult]: ...
    def iter_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = ...
    ) -> Iterator[Message]: ...
    def find(self, room: RoomUri | str) -> RoomUri: ...
    @property
    def owner_uri(self) -> SipUri: ...
    @property
    def rooms(self) -> RoomServices: ...
    @property
    def users(self) -> UserServices: ...
    @property
    def moderation(self) -> ModerationServices: ...
    @property
    def admin(self) -> AdminServices: ...
    def filter_rooms(
        self,
        text: str = "",
        *,
        descriptions: bool = False,
        match: Match = ...,
        member: PrincipalLike | None = None,
        manager: PrincipalLike | None = None,
        category: CategoryLike | None = None,
        add_in: AddInLike | None = None,
        disabled: bool | None = False,
        privacy: Privacy | None = None,
        behavior: Behavior | None = None,
        invitations: InviteSetting | None = None,
        limit: int | None = None,
    ) -> list[RoomSnapshot]: ...
    def rooms_in(self, category: CategoryLike, limit: int | None = 100) -> list[RoomSnapshot]: ...
    def rooms_joined_by(self, user: PrincipalLike) -> list[RoomSnapshot]: ...
    def my_rooms(self, limit: int | None = None) -> list[RoomSnapshot]: ...
    def rooms_i_manage(self, limit: int | None = None) -> list[RoomSnapshot]: ...
    def followed_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[FollowedRoomsChanged]: ...
    def read_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[ReadPositionChanged]: ...
    def get_preference(
        self, label: str, known: int = ..., *, default: bool = False
    ) -> Preference | None: ...
    def set_preference(self, label: str, data: str, version: int) -> int: ...
    def on(self, kind: type[_Event], handler: Callable[[_Event], object]) -> Callable[[], None]: ...
    def __init__(
        self,
        connect: Callable[[], PersistentChatEndpoint],
        policy: ReconnectPolicy,
        *,
        name: str = "",
        chance: Callable[[], float] = ...,
    ) -> None: ...
    @property
    def state(self) -> LivingState: ...
    @property
    def failure(self) -> BaseException | None: ...
    @property
    def endpoint(self) -> LocalEndpoint: ...
    @property
    def address(self) -> SipUri: ...
    @property
    def timers(self) -> ClientTimers: ...
    @property
    def server(self) -> ServerInfo: ...
    @property
    def presence(self) -> PresenceServices: ...
    @property
    def clock_offset(self) -> timedelta: ...
    @property
    def sessions(self) -> Mapping[RoomUri, LivingRoom]: ...
    def session(self, room: RoomLike) -> LivingRoom | None: ...
    def state_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[LivingStateChanged]: ...
    def invitations(
        self, since: int | None = None, *, limit: int = ..., overflow: Overflow = ...
    ) -> InvitationStream: ...
    def preference_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[PreferenceChanged]: ...
    def establish(self) -> None: ...
    def terminate(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def join(self, room: RoomLike) -> LivingRoom: ...
    def search_rooms(
        self,
        text: str = "",
        *,
        descriptions: bool = False,
        match: Match = ...,
        limit: int | None = None,
    ) -> list[RoomSnapshot]: ...
    def stored_invitations(
        self, after: int = 0, *, limit: int | None = None
    ) -> list[Invitation]: ...

class LivingRoom:
    def __init__(self, chat: LivingChat, uri: RoomUri) -> None: ...
    @property
    def room(self) -> RoomSnapshot | None: ...
    @property
    def uri(self) -> RoomUri: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def category(self) -> CategoryUri | None: ...
    @property
    def add_in(self) -> AddIn | None: ...
    @property
    def privacy(self) -> Privacy | None: ...
    @property
    def participants(self) -> tuple[Participant, ...]: ...
    @property
    def can_post(self) -> bool: ...
    @property
    def can_manage(self) -> bool: ...
    @property
    def is_auditorium(self) -> bool: ...
    @property
    def is_secret(self) -> bool: ...
    @property
    def keeps_history(self) -> bool: ...
    @property
    def invites(self) -> bool: ...
    @property
    def can_post_files(self) -> bool: ...
    def upload(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        post: bool = True,
    ) -> FileTransfer[FileUri]: ...
    def download(
        self, file: FilePart | PostedFile | str, destination: str | os.PathLike[str] | BinaryIO
    ) -> FileTransfer[Path | None]: ...
    def files(self) -> Iterator[PostedFile]: ...
    def on(self, kind: type[_Event], handler: Callable[[_Event], object]) -> Callable[[], None]: ...
    @property
    def chat(self) -> LivingChat: ...
    @property
    def state(self) -> SessionState: ...
    @property
    def is_joined(self) -> bool: ...
    def events(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[SessionEvent]: ...
    def messages(
        self,
        *,
        include_own: bool = True,
        catch_up: bool = False,
        since: int | None = None,
        limit: int = ...,
        overflow: Overflow = ...,
    ) -> EventStream[Message] | CatchUpStream: ...
    def post(
        self,
        text: str | MessageBuilder,
        *,
        title: str | None = None,
        alert: bool = False,
        rtf: str | None = None,
    ) -> PostResult: ...
    def add_outgoing_filter(self, filter_: OutgoingFilter) -> Callable[[], None]: ...
    def all_participants(self) -> Excerpt[Participant]: ...
    def hidden_participants(self) -> Excerpt[Participant]: ...
    def recent(self, count: int = 30) -> list[Message]: ...
    def query_history(self, query: HistoryQuery = ...) -> HistoryResult: ...
    def iter_history(self, query: HistoryQuery = ...) -> Iterator[Message]: ...
    def history_after(self, message: int, limit: int = 100) -> list[Message]: ...
    def mark_read(self, message: Message | int) -> None: ...
    def unread(self) -> int: ...
    def leave(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class PersistentChatEndpoint:
    def query_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = ...
    ) -> list[HistoryResult]: ...
    def iter_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = ...
    ) -> Iterator[Message]: ...
    def find(self, room: RoomUri | str) -> RoomUri: ...
    @property
    def owner_uri(self) -> SipUri: ...
    @property
    def rooms(self) -> RoomServices: ...
    @property
    def users(self) -> UserServices: ...
    @property
    def moderation(self) -> ModerationServices: ...
    @property
    def admin(self) -> AdminServices: ...
    def filter_rooms(
        self,
        text: str = "",
        *,
        descriptions: bool = False,
        match: Match = ...,
        member: PrincipalLike | None = None,
        manager: PrincipalLike | None = None,
        category: CategoryLike | None = None,
        add_in: AddInLike | None = None,
        disabled: bool | None = False,
        privacy: Privacy | None = None,
        behavior: Behavior | None = None,
        invitations: InviteSetting | None = None,
        limit: int | None = None,
    ) -> list[RoomSnapshot]: ...
    def rooms_in(self, category: CategoryLike, limit: int | None = 100) -> list[RoomSnapshot]: ...
    def rooms_joined_by(self, user: PrincipalLike) -> list[RoomSnapshot]: ...
    def my_rooms(self, limit: int | None = None) -> list[RoomSnapshot]: ...
    def rooms_i_manage(self, limit: int | None = None) -> list[RoomSnapshot]: ...
    def followed_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[FollowedRoomsChanged]: ...
    def read_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[ReadPositionChanged]: ...
    def get_preference(
        self, label: str, known: int = ..., *, default: bool = False
    ) -> Preference | None: ...
    def set_preference(self, label: str, data: str, version: int) -> int: ...
    def on(self, kind: type[_Event], handler: Callable[[_Event], object]) -> Callable[[], None]: ...
    def __init__(self, address: str, endpoint: LocalEndpoint) -> None: ...
    @property
    def state(self) -> ConnectionState: ...
    @property
    def endpoint(self) -> LocalEndpoint: ...
    @property
    def address(self) -> SipUri: ...
    @property
    def timers(self) -> ClientTimers: ...
    @property
    def server(self) -> ServerInfo: ...
    @property
    def presence(self) -> PresenceServices: ...
    @property
    def clock_offset(self) -> timedelta: ...
    @property
    def sessions(self) -> Mapping[RoomUri, ChatRoomSession]: ...
    def session(self, room: RoomLike) -> ChatRoomSession | None: ...
    def state_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[ConnectionStateChanged]: ...
    def invitations(
        self, since: int | None = None, *, limit: int = ..., overflow: Overflow = ...
    ) -> InvitationStream: ...
    def preference_changes(
        self, *, limit: int = ..., overflow: Overflow = ...
    ) -> EventStream[PreferenceChanged]: ...
    def establish(self) -> None: ...
    def terminate(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def search_rooms(
        self,
        text: str = "",
        *,
        descriptions: bool = False,
        match: Match = ...,
        limit: int | None = None,
    ) -> list[RoomSnapshot]: ...
    def stored_invitations(
        self, after: int = 0, *, limit: int | None = None
    ) -> list[Invitation]: ...
    def join(self, room: RoomLike) -> ChatRoomSession: ...

class ApplicationEndpoint(LocalEndpoint):
    def __init__(
        self,
        platform: CollaborationPlatform,
        uri: str,
        *,
        proxy: Proxy | None = None,
        proxy_certificate: str | None = None,
        register: bool = False,
        provision: bool = True,
        register_retries: int = 3,
        options: EndpointOptions | None = None,
    ) -> None: ...
    @property
    def endpoint_uri(self) -> SipUri: ...
    def establish(self, headers: Mapping[str, str] | None = None) -> SignInResult: ...
    def terminate(self) -> None: ...
    def provisioning(self, *, refresh: bool = False) -> Provisioning: ...
    @property
    def application(self) -> TrustedApplication: ...
    @property
    def proxy(self) -> tuple[str, int] | None: ...
    def set_proxy(self, host: str, port: int = 5061) -> None: ...
    def drain(self, *, timeout: float | None = None) -> None: ...

class UserEndpoint(LocalEndpoint):
    def __init__(
        self,
        platform: CollaborationPlatform,
        uri: str,
        *,
        server: str | None = None,
        port: int | None = None,
        credential: Credentials,
        endpoint_id: str | None = None,
        provision: bool = True,
        register_retries: int = 3,
        options: EndpointOptions | None = None,
    ) -> None: ...
    @property
    def endpoint_uri(self) -> SipUri: ...
    def establish(self, headers: Mapping[str, str] | None = None) -> SignInResult: ...
    def terminate(self) -> None: ...
    def provisioning(self, *, refresh: bool = False) -> Provisioning: ...
    @property
    def credential(self) -> Credentials: ...
    @credential.setter
    def credential(self, credential: Credentials) -> None: ...
    @property
    def endpoint_id(self) -> str: ...

def timeout(seconds: float) -> AbstractContextManager[None]: ...
