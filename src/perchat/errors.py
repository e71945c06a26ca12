"""
The one exception tree of Perchat, cut by what the reader does next.

::

    PerchatError
    ├─ ProtocolError                     bytes that break a rule
    │  ├─ LocalProtocolError             ours: fix the call
    │  └─ RemoteProtocolError            theirs: answer ``status`` or drop the peer
    ├─ ConfigurationError                fix the file or the option it names
    ├─ StorageError                      the database cannot take or give what was asked
    │  ├─ NodeInUse                      another server runs on it already
    │  └─ DatabaseIncomplete             what was written last is missing
    ├─ ServerNotRunning                  nobody serves the database
    ├─ StateError                        the object is not in a state that allows the call
    ├─ RealTimeError                     signing in and staying connected
    │  ├─ ConnectionFailure              unreachable, refused or cut: try again or elsewhere
    │  ├─ ServerDiscoveryError           no server found for a domain
    │  ├─ TlsFailure                     the peer cannot be trusted; ``reason`` tells why
    │  │  └─ CertificateNotFound
    │  ├─ OperationTimeout               no answer in time
    │  ├─ OperationFailure               ended before it was done
    │  ├─ MessageParsingError            the peer sent something that is not SIP
    │  ├─ ProvisioningError              the settings document is missing or unusable
    │  │  ├─ PersistentChatDisabled
    │  │  └─ ChatServerNotConfigured
    │  ├─ FailureRequest                 the peer ended it by a request
    │  └─ FailureResponse                the peer answered with a failure status
    │     ├─ AuthenticationError
    │     ├─ RegisterError
    │     ├─ PublishSubscribeError
    │     └─ ServerPolicyError
    └─ PersistentChatError               the chat service
       ├─ ChatServerConnectionError      no chat session, or it was refused
       ├─ SessionStateError              the room session is in another state
       └─ CommandFailed                  the service refused; one class a code

Names follow the Lync Server 2013 Persistent Chat SDK where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AuthenticationError",
    "AuthenticationReason",
    "CannotCreateRoom",
    "CannotGetParticipants",
    "CertificateNotFound",
    "ChatServerConnectionError",
    "ChatServerNotConfigured",
    "CommandFailed",
    "ConfigurationError",
    "ConnectionFailure",
    "DataCollision",
    "DatabaseIncomplete",
    "Diagnostics",
    "DownloadFailed",
    "DuplicateAddInName",
    "DuplicateRoomName",
    "ErrorCode",
    "FailureRequest",
    "FailureResponse",
    "FileTransferFailed",
    "GroupCycle",
    "HierarchyViolation",
    "InterruptedFlow",
    "InvalidArgument",
    "InvalidToken",
    "LimitExceeded",
    "LocalProtocolError",
    "MessageParsingError",
    "NoSuchPrincipal",
    "NodeInUse",
    "NotJoined",
    "NotSupported",
    "OperationFailure",
    "OperationTimeout",
    "PerchatError",
    "PermissionDenied",
    "PersistentChatDisabled",
    "PersistentChatError",
    "PostCancelled",
    "PresenterNotMember",
    "PrincipalsAlreadyDefined",
    "PrincipalsNotInScope",
    "ProtocolError",
    "ProvisioningError",
    "ProvisioningReason",
    "PublishSubscribeError",
    "RealTimeError",
    "RegisterError",
    "RegisterReason",
    "RemoteProtocolError",
    "RoomDisabled",
    "RoomNotFound",
    "ServerDiscoveryError",
    "ServerFault",
    "ServerNotRunning",
    "ServerPolicyError",
    "SessionStateError",
    "StateError",
    "StorageError",
    "TlsFailure",
    "TlsFailureReason",
    "UploadFailed",
]


class PerchatError(Exception):
    """Base of everything this library raises on purpose."""


class ProtocolError(PerchatError):
    """A rule of a wire protocol was broken."""


class LocalProtocolError(ProtocolError):
    """We were asked to send what the protocol forbids; the call has to change."""


class RemoteProtocolError(ProtocolError):
    """
    The peer broke the protocol.

    Attributes:
        status: The SIP status to answer with, where an answer is possible.

    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ConfigurationError(PerchatError):
    """A setting or option cannot be used; the message names it and the remedy."""


class GroupCycle(ConfigurationError):
    """A group would hold itself; it is left as it was."""


class StorageError(PerchatError):
    """The store could not take or give what was asked; nothing was half done."""


class NodeInUse(StorageError):
    """Another server runs on the database as the same node; the message says which."""


class DatabaseIncomplete(StorageError):
    """
    Entries that were in the database are not there any more; nothing was changed.

    Attributes:
        missing: How many.

    """

    def __init__(self, message: str, *, missing: int = 0) -> None:
        super().__init__(message)
        self.missing = missing


class ServerNotRunning(PerchatError):
    """No server runs on the database."""


class StateError(PerchatError, RuntimeError):
    """The object is in a state that does not allow the call."""


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """
    What ``ms-diagnostics`` says about a refusal ([MS-OCER] 2.2.1).

    Attributes:
        code: The error id; 0 when the header was absent or unreadable.
        reason: A sentence for people.
        source: The host that refused.
        header: The header it was read from.
        attributes: Whatever else the header carries, lower-case names.

    """

    code: int = 0
    reason: str = ""
    source: str = ""
    header: str = "ms-diagnostics"
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.code or self.reason)

    def __str__(self) -> str:
        return f"{self.code} {self.reason}".strip()


class RealTimeError(PerchatError):
    """Signing in, or staying signed in, failed."""


class ConnectionFailure(RealTimeError, ConnectionError):
    """The server cannot be reached, refused the connection, or cut it."""


class ServerDiscoveryError(RealTimeError):
    """No server was found for the domain; the message lists the queries tried."""


class TlsFailureReason(Enum):
    """Why a TLS connection was not made."""

    UNTRUSTED = "untrusted"
    WRONG_NAME = "wrong name"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    REVOKED = "revoked"
    WRONG_USAGE = "wrong usage"
    NEGOTIATION = "negotiation"
    REMOTE_DISCONNECTED = "remote disconnected"
    LOCAL_CERTIFICATE_NOT_FOUND = "local certificate not found"
    LOCAL_CERTIFICATE_UNUSABLE = "local certificate unusable"


class TlsFailure(RealTimeError):
    """The peer could not be trusted, or TLS could not be agreed on."""

    def __init__(self, message: str, *, reason: TlsFailureReason) -> None:
        super().__init__(message)
        self.reason = reason


class CertificateNotFound(TlsFailure):
    """No usable certificate; the message names subject, store and what was skipped."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=TlsFailureReason.LOCAL_CERTIFICATE_NOT_FOUND)


class OperationTimeout(RealTimeError, TimeoutError):
    """No answer came in time."""


class OperationFailure(RealTimeError):
    """The operation ended before it was done; ``reason`` tells why."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class MessageParsingError(RealTimeError):
    """The peer sent something that is not SIP; ``line`` is the part at fault."""

    def __init__(self, message: str, *, line: str = "") -> None:
        super().__init__(message)
        self.line = line


class ProvisioningReason(Enum):
    """Why settings could not be used."""

    INACCESSIBLE = "configuration data inaccessible"
    APPLICATION_NOT_FOUND = "application not found"
    INVALID_CONFIGURATION = "invalid configuration"
    CHAT_DISABLED = "persistent chat disabled"
    CHAT_NOT_CONFIGURED = "persistent chat not configured"


class ProvisioningError(RealTimeError):
    """
    The settings of a user or an application could not be had, or make no sense.

    Attributes:
        reason: What is wrong with them.

    """

    def __init__(
        self,
        message: str,
        *,
        reason: ProvisioningReason = ProvisioningReason.INVALID_CONFIGURATION,
    ) -> None:
        super().__init__(message)
        self.reason = reason


class PersistentChatDisabled(ProvisioningError):
    """The server's policy does not let this user use persistent chat."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=ProvisioningReason.CHAT_DISABLED)


class ChatServerNotConfigured(ProvisioningError):
    """The server names no chat service and none was given."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason=ProvisioningReason.CHAT_NOT_CONFIGURED)


class FailureRequest(RealTimeError):
    """The peer ended the exchange by a request of its own; ``request`` is its method."""

    def __init__(self, message: str, *, request: str = "") -> None:
        super().__init__(message)
        self.request = request


class FailureResponse(RealTimeError):
    """
    The peer answered with a failure.

    Attributes:
        status: The SIP status code.
        diagnostics: What the server said about it.
        request: The method that was refused.

    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        diagnostics: Diagnostics | None = None,
        request: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.diagnostics = diagnostics or Diagnostics()
        self.request = request


class AuthenticationReason(Enum):
    """Why a sign-in failed."""

    INVALID_CREDENTIALS = "invalid credentials"
    MISSING_CREDENTIALS = "missing credentials"
    NO_COMMON_PROTOCOLS = "no common protocols"
    NO_AUTHENTICATING_AUTHORITY = "no authenticating authority"
    CLOCK_SKEW = "clock skew"
    NOT_CHALLENGED = "not challenged"
    MALFORMED_CHALLENGE = "malformed challenge"
    UNAUTHORIZED_ACCESS = "unauthorized access"
    BAD_SIGNATURE = "bad signature"
    TOO_MANY_CHALLENGES = "too many challenges"
    UNTRUSTED_CERTIFICATE = "untrusted certificate"
    UNKNOWN_APPLICATION = "unknown application"
    WRONG_HOST = "wrong host"
    WRONG_PORT = "wrong port"
    WRONG_GRUU = "wrong GRUU"
    IDENTITY_NOT_GRANTED = "identity not granted"
    NOT_A_USER = "not a user"


class AuthenticationError(FailureResponse):
    """
    The server does not accept who we say we are, or we do not accept the server.

    Attributes:
        reason: What went wrong.
        realm: The realm that asked.
        protocols: What the server offered, for example ``("NTLM",)``.

    """

    def __init__(  # each is read by callers
        self,
        message: str,
        *,
        reason: AuthenticationReason,
        status: int = 401,
        realm: str = "",
        protocols: tuple[str, ...] = (),
        diagnostics: Diagnostics | None = None,
        request: str = "REGISTER",
    ) -> None:
        super().__init__(message, status=status, diagnostics=diagnostics, request=request)
        self.reason = reason
        self.realm = realm
        self.protocols = protocols


class RegisterReason(Enum):
    """Why a registrar refused."""

    OTHER = "other"
    OWNER_DISABLED_OR_REMOVED = "owner disabled or removed"
    TOO_MANY_ENDPOINTS = "too many endpoints"
    MOVED = "moved"
    UNAVAILABLE = "unavailable"


class RegisterError(FailureResponse):
    """
    The registrar refused: user unknown, disabled, or over a limit.

    Attributes:
        reason: Which of these it was, by status and diagnostics.
        moved_to: Where it said to go instead, the best first, and we did not; mostly empty.

    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        diagnostics: Diagnostics | None = None,
        request: str = "",
        reason: RegisterReason = RegisterReason.OTHER,
        moved_to: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, status=status, diagnostics=diagnostics, request=request)
        self.reason = reason
        self.moved_to = moved_to


class PublishSubscribeError(FailureResponse):
    """
    A subscription or publication was refused.

    Attributes:
        fault_code: The code in the body of the refusal (``application/msrtc-fault+xml``), such
            as ``Client.BadCall.WrongDelta``; empty when it had none.

    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        diagnostics: Diagnostics | None = None,
        request: str = "",
        fault_code: str = "",
    ) -> None:
        super().__init__(message, status=status, diagnostics=diagnostics, request=request)
        self.fault_code = fault_code


class ServerPolicyError(FailureResponse):
    """The server's policy forbids it; ``warning`` is its text."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        warning: str = "",
        diagnostics: Diagnostics | None = None,
        request: str = "",
    ) -> None:
        super().__init__(message, status=status, diagnostics=diagnostics, request=request)
        self.warning = warning


class PersistentChatError(PerchatError):
    """The chat service refused, or cannot be reached."""


class ChatServerConnectionError(PersistentChatError):
    """
    There is no session with the chat service, or it refused to open one.

    Attributes:
        status: The SIP status of the refusal; 0 when there was none.
        diagnostics: What the server said about it.

    """

    def __init__(
        self, message: str, *, status: int = 0, diagnostics: Diagnostics | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.diagnostics = diagnostics or Diagnostics()


class SessionStateError(PersistentChatError, StateError):
    """A room session is in another state than the call needs."""

    def __init__(self, message: str, *, expected: str = "", actual: str = "") -> None:
        super().__init__(message)
        self.expected = expected
        self.actual = actual


class PostCancelled(PersistentChatError):
    """A filter of the program's own stopped a post; nothing was sent."""


class ErrorCode(IntEnum):
    """Codes of the chat service, with the numbers of the original SDK."""

    DATABASE_CONNECTION = 0
    DATA_COLLISION = 1
    DUPLICATE_ROOM_NAME = 2
    INVALID_ARGUMENT = 3
    CANNOT_GET_PARTICIPANT_LIST = 4
    LIMIT_EXCEEDED = 5
    MSG_NOT_SUPPORTED = 6
    NODE_DISABLED = 7
    NODE_HIERARCHY_VIOLATION = 8
    ERROR_PERMISSION = 9
    NO_SUCH_NODE = 10
    NO_SUCH_PRINCIPAL = 11
    UNABLE_TO_CREATE_ROOM = 12
    UNKNOWN_SERVER_ERROR = 13
    USER_NOT_JOINED = 14
    FILE_DOWNLOAD_FAILED = 15
    FILE_UPLOAD_FAILED = 16
    INVALID_FLOW_OF_OPERATIONS = 17
    INVALID_TOKEN = 18
    SERVER_ERROR = 19
    COMMAND_FAILED = 20
    PRINCIPALS_ALREADY_DEFINED = 21
    PRINCIPALS_NOT_IN_SCOPE = 22
    PRESENTER_NOT_IN_MEM_LIST = 23
    DUPLICATE_ADDIN_NAME = 24


class CommandFailed(PersistentChatError):
    """
    The chat service refused a command.

    Attributes:
        code: The service's code.
        request: The command's name.
        diagnostics: What a SIP refusal said besides, if it was one.

    """

    _classes: ClassVar[dict[ErrorCode, type[CommandFailed]]] = {}
    codes: ClassVar[tuple[ErrorCode, ...]] = ()

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode,
        request: str = "",
        diagnostics: Diagnostics | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.request = request
        self.diagnostics = diagnostics or Diagnostics()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        CommandFailed._classes.update(dict.fromkeys(cls.codes, cls))

    @staticmethod
    def of(
        code: ErrorCode,
        message: str,
        *,
        request: str = "",
        diagnostics: Diagnostics | None = None,
    ) -> CommandFailed:
        """Return the exception whose class stands for ``code``."""
        kind = CommandFailed._classes.get(code, CommandFailed)
        return kind(message, code=code, request=request, diagnostics=diagnostics)


class PermissionDenied(CommandFailed):
    """The caller's roles do not allow it."""

    codes = (ErrorCode.ERROR_PERMISSION,)


class RoomNotFound(CommandFailed):
    """No such room or category, or the caller may not know of it."""

    codes = (ErrorCode.NO_SUCH_NODE,)


class RoomDisabled(CommandFailed):
    """The room is disabled; an administrator can enable it."""

    codes = (ErrorCode.NODE_DISABLED,)


class NotJoined(CommandFailed):
    """The caller is not in the room."""

    codes = (ErrorCode.USER_NOT_JOINED,)


class CannotCreateRoom(CommandFailed):
    """The caller may not create rooms there."""

    codes = (ErrorCode.UNABLE_TO_CREATE_ROOM,)


class HierarchyViolation(CommandFailed):
    """Rooms live in categories, and categories under the root."""

    codes = (ErrorCode.NODE_HIERARCHY_VIOLATION,)


class DuplicateRoomName(CommandFailed):
    """The name is taken by another room or category."""

    codes = (ErrorCode.DUPLICATE_ROOM_NAME,)


class DuplicateAddInName(CommandFailed):
    """The name is taken by another add-in."""

    codes = (ErrorCode.DUPLICATE_ADDIN_NAME,)


class DataCollision(CommandFailed):
    """Somebody else changed it meanwhile; read again and retry."""

    codes = (ErrorCode.DATA_COLLISION,)


class NoSuchPrincipal(CommandFailed):
    """No such user or group."""

    codes = (ErrorCode.NO_SUCH_PRINCIPAL,)


class PrincipalsAlreadyDefined(CommandFailed):
    """The principals hold the role already."""

    codes = (ErrorCode.PRINCIPALS_ALREADY_DEFINED,)


class PrincipalsNotInScope(CommandFailed):
    """The category does not allow these principals."""

    codes = (ErrorCode.PRINCIPALS_NOT_IN_SCOPE,)


class PresenterNotMember(CommandFailed):
    """Presenters have to be members first."""

    codes = (ErrorCode.PRESENTER_NOT_IN_MEM_LIST,)


class CannotGetParticipants(CommandFailed):
    """The participant list is only asked for in large rooms."""

    codes = (ErrorCode.CANNOT_GET_PARTICIPANT_LIST,)


class LimitExceeded(CommandFailed):
    """Larger than the server's limit; ``chat.server`` tells the limits."""

    codes = (ErrorCode.LIMIT_EXCEEDED,)


class InvalidArgument(CommandFailed):
    """The service cannot make sense of an argument."""

    codes = (ErrorCode.INVALID_ARGUMENT,)


class NotSupported(CommandFailed):
    """The server does not know the command."""

    codes = (ErrorCode.MSG_NOT_SUPPORTED,)


class InterruptedFlow(CommandFailed):
    """The connection ended while the command was under way."""

    codes = (ErrorCode.INVALID_FLOW_OF_OPERATIONS,)


class FileTransferFailed(CommandFailed):
    """A file could not be sent or fetched."""


class UploadFailed(FileTransferFailed):
    """The file service did not take the file; nothing of it was kept."""

    codes = (ErrorCode.FILE_UPLOAD_FAILED,)


class DownloadFailed(FileTransferFailed):
    """The file service did not give the file; there may be none of that name."""

    codes = (ErrorCode.FILE_DOWNLOAD_FAILED,)


class InvalidToken(FileTransferFailed):
    """The permission for one transfer expired, or was used; ask for the transfer again."""

    codes = (ErrorCode.INVALID_TOKEN,)


class ServerFault(CommandFailed):
    """The service failed; trying again later may help."""

    codes = (
        ErrorCode.DATABASE_CONNECTION,
        ErrorCode.UNKNOWN_SERVER_ERROR,
        ErrorCode.SERVER_ERROR,
        ErrorCode.COMMAND_FAILED,
    )
