"""What an echo server sends back to two greenlets that wait at once."""

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402 - gevent wants to be first
import sys  # noqa: E402

import gevent  # noqa: E402

host, port, text = sys.argv[1:]


def talk() -> str:
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.sendall(text.encode())
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile() as answer:
            return answer.read()


greenlets = [gevent.spawn(talk) for _ in range(2)]
gevent.joinall(greenlets, raise_error=True)
print(*[greenlet.value for greenlet in greenlets])
