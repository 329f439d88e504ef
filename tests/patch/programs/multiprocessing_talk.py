"""Objects exchanged by multiprocessing.connection, with its own proof of a shared secret."""

import multiprocessing.connection
import sys

host, port, secret, text = sys.argv[1:]
with multiprocessing.connection.Client((host, int(port)), authkey=secret.encode()) as client:
    client.send([text])
    print(client.recv())
