"""What a name server says of a name, asked by dnspython; again by TCP where UDP is too small."""

import asyncio
import sys

import dns.asyncresolver
import dns.resolver

host, port, how, *questions = sys.argv[1:]
blocking = how == "blocking"
resolver = dns.resolver.Resolver(configure=False)
if not blocking:
    resolver = dns.asyncresolver.Resolver(configure=False)
resolver.nameservers = [host]
resolver.port = int(port)
resolver.lifetime = 10


def show(answer: dns.resolver.Answer) -> None:
    for record in answer:
        print(record.to_text()[:20])


async def ask() -> None:
    for name, kind in map(str.split, questions):
        show(await resolver.resolve(name, kind))


if blocking:
    for name, kind in map(str.split, questions):
        show(resolver.resolve(name, kind))
elif how == "asyncio":
    asyncio.run(ask())
else:
    import trio

    trio.run(ask)
