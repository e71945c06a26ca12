"""Connect to a Persistent Chat server as a user: the two steps, spelt out."""

import argparse
import asyncio
import os

import perchat


async def main(arguments: argparse.Namespace) -> None:
    platform = perchat.CollaborationPlatform.client(
        "connect-as-user",
        transport=perchat.Transport[arguments.transport.upper()],
        ca=arguments.ca,
    )
    credential = perchat.PasswordCredential(arguments.user, os.environ["PERCHAT_PASSWORD"])
    user = perchat.UserEndpoint(
        platform, arguments.uri, server=arguments.server, credential=credential
    )
    async with platform, user:
        provisioning = await user.provisioning()
        chat = perchat.PersistentChatEndpoint(provisioning.chat.require_uri(), user)
        invitations, changes = chat.invitations(), chat.state_changes()  # before connecting
        async with chat:
            print("connected to", chat.address, "as", chat.owner_uri)
            print("messages up to", chat.server.message_size_limit, "bytes")
        async for invitation in invitations:
            print("invited to", invitation.room.name)
        async for change in changes:
            print("chat was", change.state.value)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("--user", required=True, help="name to sign in with, user@domain")
parser.add_argument("--server", required=True, help="server.contoso.com or host:port")
parser.add_argument("--transport", choices=("tls", "tcp"), default="tls")
parser.add_argument("--ca", help="PEM file of the authority to trust")
asyncio.run(main(parser.parse_args()))
