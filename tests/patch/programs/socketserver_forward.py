"""A server of socketserver's that forwards what comes to it, and a client of its own.

Its clients come by loopback, which is no business of the proxy's.
"""

import socket
import socketserver
import sys
import threading

host, port, text = sys.argv[1:]


class Forward(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with socket.create_connection((host, int(port)), 10) as onward:
            onward.sendall(self.rfile.readline())
            onward.shutdown(socket.SHUT_WR)
            with onward.makefile("rb") as answer:
                self.wfile.write(answer.read())


with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forward) as server:
    threading.Thread(target=server.serve_forever, args=(0.01,)).start()
    with socket.create_connection(server.server_address, 10) as client:
        client.sendall(f"{text}\n".encode())
        with client.makefile("r") as answer:
            print(answer.read(), end="")
    server.shutdown()
