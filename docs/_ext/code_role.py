"""What docstrings write in single backticks: code, and a link where it names something here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxRole

if TYPE_CHECKING:
    from docutils.nodes import Node, system_message
    from sphinx.application import Sphinx

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\(\))?")


class CodeOrName(SphinxRole):
    """Code; one that looks like a name becomes a link, if `public_names` finds what it means."""

    def run(self) -> tuple[list[Node], list[system_message]]:
        code = nodes.literal(self.rawtext, self.text)
        if not NAME.fullmatch(self.text):
            return [code], []
        name = pending_xref(
            "",
            code,
            refdomain="py",
            reftype="code-or-name",
            reftarget=self.text.removesuffix("()"),
            refdoc=self.env.current_document.docname,
        )
        name["py:module"] = self.env.ref_context.get("py:module")
        name["py:class"] = self.env.ref_context.get("py:class")
        return [name], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("code-or-name", CodeOrName())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
