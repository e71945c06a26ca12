"""Connect to a Persistent Chat server as a trusted application, with the page's own values."""

import argparse
import asyncio

import perchat

GRUU = "sip:client.contoso.com@contoso.com;gruu;opaque=srvr:grsample:uCFg9SltSVSXRkVxjKxvJwAA"


async def main(arguments: argparse.Namespace) -> None:
    certificate = perchat.Certificate.find(subject="client.contoso.com", store=arguments.store)
    application = perchat.TrustedApplication(
        "PersistentChat.Test", "client.contoso.com", 4585, GRUU, certificate
    )
    platform = perchat.CollaborationPlatform.trusted(
        application, listen=arguments.listen, ca=arguments.ca
    )
    async with platform:
        endpoint = perchat.ApplicationEndpoint(
            platform, arguments.uri, proxy_certificate="pool0.contoso.com"
        )
        host, _, port = arguments.proxy.rpartition(":")
        endpoint.set_proxy(host, int(port))
        async with endpoint:
            address = (await endpoint.provisioning()).chat.require_uri()
            async with perchat.PersistentChatEndpoint(address, endpoint) as chat:
                print("connected to", chat.address, "as", chat.owner_uri)
                for room in await chat.search_rooms(""):
                    print(room.name, room.uri)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("uri", help="sip:user@domain of a user, whom the application may act as")
parser.add_argument("--store", help="folder or file of certificates; the machine's without it")
parser.add_argument("--listen", nargs="+", default=[""], help="addresses of this machine")
parser.add_argument("--proxy", default="pool0.contoso.com:5061", help="HOST:PORT")
parser.add_argument("--ca", help="PEM file of the authority to trust")
asyncio.run(main(parser.parse_args()))
