"""The documentation: Markdown (MyST) and docstrings, built by Sphinx with furo.

`make docs`, or `sphinx-build -W -n docs build/docs`. Nothing of the built site is loaded from
elsewhere, and nothing is fetched to build it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

project = "socks5client"
author = "The socks5client developers"
release = version = import_module(project).__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "code_role",
    "public_names",
    "signatures",
    "layers_diagram",
    "benchmark_results",
]
exclude_patterns = ["_ext", "_static"]
nitpicky = True
default_role = "code-or-name"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False  # the standard library's are no reStructuredText
autodoc_default_options = {"members": True, "show-inheritance": True}
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_param = False  # several parameters may share a description

copybutton_exclude = ".linenos, .gp"

html_theme = "furo"
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_title = f"socks5client {release}"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
