"""A procedure called by xmlrpc.client."""

import sys
import xmlrpc.client

host, port, text = sys.argv[1:]
with xmlrpc.client.ServerProxy(f"http://{host}:{port}/") as server:
    print(server.upper(text))
