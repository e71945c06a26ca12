"""Put a file into a room, watching it go, and fetch the room's newest file."""

import argparse
import asyncio
import os
from pathlib import Path

import perchat


async def main(arguments: argparse.Namespace) -> None:
    user, password = arguments.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    connecting = perchat.connect_user(
        arguments.uri,
        server=arguments.server,
        ca=arguments.ca,
        credential=perchat.PasswordCredential(user, password),
    )
    async with connecting as chat, chat.join(arguments.room) as room:
        if room.can_post_files:
            upload = room.upload(Path(arguments.file))
            async for progress in upload:
                print(f"{progress.percent}% of {progress.total}")
            print("stored as", await upload)
        async for file in room.files():
            async for progress in room.download(file, Path(arguments.copy)):
                print(f"{progress.percent}%")
            print(f"{file.message.author} posted {file.part.name}")
            break


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("room", help="name or ma-chan:// address")
parser.add_argument("file", help="what to send")
parser.add_argument("copy", help="where to fetch it to")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
asyncio.run(main(parser.parse_args()))
