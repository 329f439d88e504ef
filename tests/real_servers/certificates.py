"""A certificate for a server, and who signed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def issue(folder: Path, name: str) -> tuple[Path, Path]:
    """Write the authority's certificate, and in one file the server's chain and key."""
    import trustme  # slow to import, and not all servers need it

    ca_file, server_file = folder / "ca.pem", folder / "server.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(server_file)
    return ca_file, server_file
