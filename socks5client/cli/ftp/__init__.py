"""ftp:// and ftps://: passive, and active by BIND."""

from .handler import ftp

__all__ = ["ftp"]
