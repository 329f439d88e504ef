"""A file fetched from an FTP server by urllib."""

import sys
import urllib.request

host, port, path = sys.argv[1:]
with urllib.request.urlopen(f"ftp://{host}:{port}/{path}", timeout=10) as response:
    print(response.read().decode())
