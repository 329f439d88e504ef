"""A page by httpx's blocking client, over HTTP/2."""

import ssl
import sys

import httpx

host, port, ca_file = sys.argv[1:]
context = ssl.create_default_context(cafile=ca_file)
with httpx.Client(verify=context, http2=True, timeout=10) as client:
    page = client.get(f"https://{host}:{port}/")
    assert page.http_version == "HTTP/2"
    print(page.status_code, page.text, end="")
