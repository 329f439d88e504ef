"""The system's socket class, as it is when the package is imported.

A shim may put another one in its place later, which our own sockets must not be of by halves.
"""

from socket import socket as Plain

__all__ = ["Plain"]
