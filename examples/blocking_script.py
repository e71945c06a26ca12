"""A script without async: read what was said lately, say something, wait a while for answers."""

import argparse
import os

import perchat.blocking as perchat


def main(arguments: argparse.Namespace) -> None:
    user, password = arguments.uri.removeprefix("sip:"), os.environ["PERCHAT_PASSWORD"]
    connecting = perchat.connect_user(
        arguments.uri,
        server=arguments.server,
        ca=arguments.ca,
        credential=perchat.PasswordCredential(user, password),
    )
    with connecting as chat, chat.join(arguments.room) as room:
        for message in room.recent(5):
            print(f"before: {message.author}: {message.text}")
        answers = room.messages(include_own=False)  # from now on
        room.post(arguments.text)
        try:
            with perchat.timeout(arguments.wait):
                for message in answers:
                    print(f"{message.author}: {message.text}")
        except perchat.OperationTimeout:
            print("that is all")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain; the password is in PERCHAT_PASSWORD")
parser.add_argument("room", help="name or ma-chan:// address")
parser.add_argument("text")
parser.add_argument("--server", required=True, help="host or host:port")
parser.add_argument("--ca", help="authority to trust, PEM")
parser.add_argument("--wait", type=float, default=10.0, help="seconds to wait for answers")
main(parser.parse_args())
