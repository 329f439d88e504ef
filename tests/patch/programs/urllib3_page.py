"""A page by urllib3."""

import sys

import urllib3

host, port, ca_file = sys.argv[1:]
with urllib3.PoolManager(ca_certs=ca_file, timeout=10, retries=False) as pools:
    page = pools.request("GET", f"https://{host}:{port}/")
    print(page.status, page.data.decode(), end="")
