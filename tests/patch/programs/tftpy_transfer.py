"""A file fetched by tftpy: each datagram of it comes from another port than was asked."""

import sys

import tftpy

host, port, path, copy = sys.argv[1:]
tftpy.TftpClient(host, int(port)).download(path, copy, timeout=10)
with open(copy) as file:
    print(file.read())
