"""What a UDP echo server sends back to two greenlets that wait at once."""

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402 - gevent wants to be first
import sys  # noqa: E402

import gevent  # noqa: E402

host, port, text = sys.argv[1:]


def talk() -> str:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(text.encode(), (host, int(port)))
        data, sender = sock.recvfrom(1000)
        assert sender[1] == int(port)
        return data.decode()


greenlets = [gevent.spawn(talk) for _ in range(2)]
gevent.joinall(greenlets, raise_error=True)
print(*[greenlet.value for greenlet in greenlets])
