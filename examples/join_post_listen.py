"""Join a room, post a line, and print what happens there until our own line is back."""

import argparse
import asyncio
import os

import perchat


async def main(arguments: argparse.Namespace) -> None:
    user, password = arguments.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    connecting = perchat.connect_user(
        arguments.uri,
        server=arguments.server,
        ca=arguments.ca,
        credential=perchat.PasswordCredential(user, password),
    )
    async with connecting as chat, chat.join(arguments.room) as room, asyncio.timeout(30):
        events = room.events()
        await room.post(arguments.text)
        async for event in events:
            match event:
                case perchat.MessageReceived(message=message):
                    print(f"{message.timestamp:%H:%M} {message.author}: {message.text}")
                    if message.author == chat.owner_uri and message.text == arguments.text:
                        break
                case perchat.AttendanceChanged(participant=person, active=active):
                    print(person.name, "joined" if active else "left")
                case _:  # rights, rooms and states change too
                    pass


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("room", help="name or ma-chan:// address")
parser.add_argument("text")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
