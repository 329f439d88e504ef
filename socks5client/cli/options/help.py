"""--help."""

from __future__ import annotations

from .table import GROUPS, TABLE


def help_text(category: str) -> str:
    lines = ["Usage: socks5-curl [options...] URL..."]
    for group, (title, _) in GROUPS.items():
        lines += ["", f"{title}:"]
        for option in TABLE:
            if option.group == group:
                short = f"-{option.short}, " if option.short else "    "
                name = f"{short}--{option.long} {option.argument}".rstrip()
                lines.append(f"  {name:<36} {option.help}")
    return "\n".join(lines)
