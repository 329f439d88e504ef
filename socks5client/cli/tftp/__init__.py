"""tftp://, by UDP ASSOCIATE."""

from .handler import tftp

__all__ = ["tftp"]
