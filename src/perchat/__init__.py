"""
Persistent chat for Python: sign in, open a chat session, join rooms.

::

    async with perchat.connect_user("sip:ada@contoso.example", credential=credential) as chat:
        async with chat.join("Project Alpha") as room:
            await room.post("Good morning")
            async for message in room.messages():
                print(message.author, message.text)

Every public name is here. Its module is loaded when the name is first used, so that
``import perchat`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.client.administration import (
        AdminServices,
        CategoryAdmin,
        GroupAdmin,
        RoomAdmin,
        UserAdmin,
    )
    from perchat.client.application import (
        ApplicationEndpoint,
    )
    from perchat.client.builder import (
        MessageBuilder,
    )
    from perchat.client.catchup import (
        CatchUpStream,
    )
    from perchat.client.chat import (
        PersistentChatEndpoint,
    )
    from perchat.client.connect import (
        chat_address,
        connect_application,
        connect_user,
    )
    from perchat.client.credentials import (
        AuthProtocol,
        Credential,
        PasswordCredential,
        SystemCredential,
    )
    from perchat.client.endpoint import (
        LocalEndpoint,
    )
    from perchat.client.events import (
        AttendanceChanged,
        Change,
        ConnectionStateChanged,
        EndpointReason,
        EndpointStateChanged,
        EventsLost,
        FollowedRoomsChanged,
        MessageReceived,
        MessagesModerated,
        PostResult,
        PreferenceChanged,
        PrivilegeChanged,
        ReadPositionChanged,
        RoomChanged,
        SessionEvent,
        SessionReason,
        SessionStateChanged,
    )
    from perchat.client.filesharing import (
        PostedFile,
    )
    from perchat.client.filters import (
        Draft,
        OutgoingFilter,
    )
    from perchat.client.invitations import (
        InvitationStream,
    )
    from perchat.client.living import (
        LivingChat,
    )
    from perchat.client.livingroom import (
        LivingRoom,
    )
    from perchat.client.livingstates import (
        LivingState,
        LivingStateChanged,
    )
    from perchat.client.moderation import (
        ModerationServices,
    )
    from perchat.client.options import (
        ClientTimers,
        EndpointOptions,
    )
    from perchat.client.platform import (
        CollaborationPlatform,
    )
    from perchat.client.presence import (
        PresenceServices,
    )
    from perchat.client.presenceview import (
        PresenceView,
    )
    from perchat.client.reconnect import (
        ReconnectPolicy,
    )
    from perchat.client.rooms import (
        RoomServices,
    )
    from perchat.client.session import (
        ChatRoomSession,
    )
    from perchat.client.signinresult import (
        SignInResult,
    )
    from perchat.client.states import (
        ConnectionState,
        EndpointState,
        SessionState,
    )
    from perchat.client.streams import (
        EventStream,
        Overflow,
    )
    from perchat.client.targets import (
        Match,
    )
    from perchat.client.transfer import (
        FileTransfer,
        Progress,
    )
    from perchat.client.trustedapplication import (
        TrustedApplication,
    )
    from perchat.client.userendpoint import (
        UserEndpoint,
    )
    from perchat.client.users import (
        UserServices,
    )
    from perchat.errors import (
        AuthenticationError,
        AuthenticationReason,
        CannotCreateRoom,
        CannotGetParticipants,
        CertificateNotFound,
        ChatServerConnectionError,
        ChatServerNotConfigured,
        CommandFailed,
        ConfigurationError,
        ConnectionFailure,
        DatabaseIncomplete,
        DataCollision,
        Diagnostics,
        DownloadFailed,
        DuplicateAddInName,
        DuplicateRoomName,
        ErrorCode,
        FailureRequest,
        FailureResponse,
        FileTransferFailed,
        GroupCycle,
        HierarchyViolation,
        InterruptedFlow,
        InvalidArgument,
        InvalidToken,
        LimitExceeded,
        LocalProtocolError,
        MessageParsingError,
        NodeInUse,
        NoSuchPrincipal,
        NotJoined,
        NotSupported,
        OperationFailure,
        OperationTimeout,
        PerchatError,
        PermissionDenied,
        PersistentChatDisabled,
        PersistentChatError,
        PostCancelled,
        PresenterNotMember,
        PrincipalsAlreadyDefined,
        PrincipalsNotInScope,
        ProtocolError,
        ProvisioningError,
        ProvisioningReason,
        PublishSubscribeError,
        RealTimeError,
        RegisterError,
        RegisterReason,
        RemoteProtocolError,
        RoomDisabled,
        RoomNotFound,
        ServerDiscoveryError,
        ServerFault,
        ServerNotRunning,
        ServerPolicyError,
        SessionStateError,
        StateError,
        StorageError,
        TlsFailure,
        TlsFailureReason,
        UploadFailed,
    )
    from perchat.lync.provisioning import (
        ChatProvisioning,
        Provisioning,
    )
    from perchat.model.addin import (
        AddIn,
    )
    from perchat.model.administration import (
        AdministrativeRole,
        AdministratorGrant,
        GroupEntry,
        RoomEntry,
    )
    from perchat.model.category import (
        Category,
        CategorySummary,
    )
    from perchat.model.changes import (
        Changes,
    )
    from perchat.model.chatroom import (
        Behavior,
        Permission,
        Privacy,
        Role,
        Room,
        RoomSnapshot,
        RoomSummary,
    )
    from perchat.model.excerpt import (
        Excerpt,
    )
    from perchat.model.explanation import (
        Answer,
        AppliedRule,
        Explanation,
        Need,
        RoomAction,
    )
    from perchat.model.history import (
        HistoryQuery,
        HistoryResult,
    )
    from perchat.model.invitation import (
        Invitation,
        Invitations,
        InviteSetting,
    )
    from perchat.model.message import (
        Message,
        ModeratedMessage,
    )
    from perchat.model.participant import (
        Participant,
    )
    from perchat.model.parts import (
        Emoticon,
        EmoticonPart,
        FilePart,
        LinkPart,
        MessagePart,
        RoomLinkPart,
        StoryTitlePart,
        TextPart,
    )
    from perchat.model.preference import (
        Preference,
    )
    from perchat.model.presence import (
        Availability,
        Presence,
    )
    from perchat.model.principal import (
        DirectoryUser,
        Group,
        Principal,
        PrincipalType,
        RoleEntry,
        User,
        UserMatches,
    )
    from perchat.model.roomdetails import (
        RoleChange,
        RoleOperation,
        RoomDetails,
    )
    from perchat.model.service import (
        ServerInfo,
    )
    from perchat.model.uri import (
        CategoryUri,
        FileUri,
        GroupUri,
        RoomUri,
        SipUri,
    )
    from perchat.net.certificates import (
        Certificate,
    )
    from perchat.net.connector import (
        Transport,
    )

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
]

_HOMES = {
    "perchat.client.administration": "AdminServices CategoryAdmin GroupAdmin RoomAdmin UserAdmin",
    "perchat.client.application": "ApplicationEndpoint",
    "perchat.client.builder": "MessageBuilder",
    "perchat.client.catchup": "CatchUpStream",
    "perchat.client.chat": "PersistentChatEndpoint",
    "perchat.client.connect": "chat_address connect_application connect_user",
    "perchat.client.credentials": "AuthProtocol Credential PasswordCredential SystemCredential",
    "perchat.client.endpoint": "LocalEndpoint",
    "perchat.client.events": (
        "AttendanceChanged Change ConnectionStateChanged EndpointReason EndpointStateChanged "
        "EventsLost FollowedRoomsChanged MessageReceived MessagesModerated PostResult "
        "PreferenceChanged PrivilegeChanged ReadPositionChanged RoomChanged SessionEvent "
        "SessionReason SessionStateChanged"
    ),
    "perchat.client.filesharing": "PostedFile",
    "perchat.client.filters": "Draft OutgoingFilter",
    "perchat.client.invitations": "InvitationStream",
    "perchat.client.living": "LivingChat",
    "perchat.client.livingroom": "LivingRoom",
    "perchat.client.livingstates": "LivingState LivingStateChanged",
    "perchat.client.moderation": "ModerationServices",
    "perchat.client.options": "ClientTimers EndpointOptions",
    "perchat.client.platform": "CollaborationPlatform",
    "perchat.client.presence": "PresenceServices",
    "perchat.client.presenceview": "PresenceView",
    "perchat.client.reconnect": "ReconnectPolicy",
    "perchat.client.rooms": "RoomServices",
    "perchat.client.session": "ChatRoomSession",
    "perchat.client.signinresult": "SignInResult",
    "perchat.client.states": "ConnectionState EndpointState SessionState",
    "perchat.client.streams": "EventStream Overflow",
    "perchat.client.targets": "Match",
    "perchat.client.transfer": "FileTransfer Progress",
    "perchat.client.trustedapplication": "TrustedApplication",
    "perchat.client.userendpoint": "UserEndpoint",
    "perchat.client.users": "UserServices",
    "perchat.errors": (
        "AuthenticationError AuthenticationReason CannotCreateRoom CannotGetParticipants "
        "CertificateNotFound ChatServerConnectionError ChatServerNotConfigured CommandFailed "
        "ConfigurationError ConnectionFailure DataCollision DatabaseIncomplete Diagnostics "
        "DownloadFailed DuplicateAddInName DuplicateRoomName ErrorCode FailureRequest "
        "FailureResponse FileTransferFailed GroupCycle HierarchyViolation InterruptedFlow "
        "InvalidArgument InvalidToken LimitExceeded LocalProtocolError MessageParsingError "
        "NoSuchPrincipal NodeInUse NotJoined NotSupported OperationFailure OperationTimeout "
        "PerchatError PermissionDenied PersistentChatDisabled PersistentChatError PostCancelled "
        "PresenterNotMember PrincipalsAlreadyDefined PrincipalsNotInScope ProtocolError "
        "ProvisioningError ProvisioningReason PublishSubscribeError RealTimeError RegisterError "
        "RegisterReason RemoteProtocolError RoomDisabled RoomNotFound ServerDiscoveryError "
        "ServerFault ServerNotRunning ServerPolicyError SessionStateError StateError StorageError "
        "TlsFailure TlsFailureReason UploadFailed"
    ),
    "perchat.lync.provisioning": "ChatProvisioning Provisioning",
    "perchat.model.addin": "AddIn",
    "perchat.model.administration": "AdministrativeRole AdministratorGrant GroupEntry RoomEntry",
    "perchat.model.category": "Category CategorySummary",
    "perchat.model.changes": "Changes",
    "perchat.model.chatroom": "Behavior Permission Privacy Role Room RoomSnapshot RoomSummary",
    "perchat.model.excerpt": "Excerpt",
    "perchat.model.explanation": "Answer AppliedRule Explanation Need RoomAction",
    "perchat.model.history": "HistoryQuery HistoryResult",
    "perchat.model.invitation": "Invitation Invitations InviteSetting",
    "perchat.model.message": "Message ModeratedMessage",
    "perchat.model.participant": "Participant",
    "perchat.model.parts": (
        "Emoticon EmoticonPart FilePart LinkPart MessagePart RoomLinkPart StoryTitlePart TextPart"
    ),
    "perchat.model.preference": "Preference",
    "perchat.model.presence": "Availability Presence",
    "perchat.model.principal": (
        "DirectoryUser Group Principal PrincipalType RoleEntry User UserMatches"
    ),
    "perchat.model.roomdetails": "RoleChange RoleOperation RoomDetails",
    "perchat.model.service": "ServerInfo",
    "perchat.model.uri": "CategoryUri FileUri GroupUri RoomUri SipUri",
    "perchat.net.certificates": "Certificate",
    "perchat.net.connector": "Transport",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Load the module of a public name when it is first used."""
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
