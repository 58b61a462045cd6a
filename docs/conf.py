"""The book's website, which `make site` builds. What the extensions lack is in extension.py."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = html_title = "The LeNet book"
author = "the authors of the LeNet book"  # as CITATION.cff has them
extensions = ["myst_nb", "sphinxcontrib.katex", "sphinx_copybutton", "extension"]
exclude_patterns = ["_build"]

nb_execution_mode = "off"                   # the chapters are kept executed
nb_code_prompt_show = "A solution"          # the only cells that are folded
suppress_warnings = ["mystnb.unknown_mime_type"]  # the demos' own; extension.py reads it
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# Formulas are typeset while the site is built. Style sheet and fonts are those of KaTeX 0.16.22, the
# version that the extension brings (a test compares the two).
katex_prerender = True
katex_css_path = "katex/katex.min.css"

html_theme = "sphinx_book_theme"
templates_path = ["_templates"]
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"
html_css_files = ["site.css"]
# Where files cannot be fetched the search does without the excerpts from its pages.
html_js_files = ["print.js", (None, {
    "body": "DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY &&= location.protocol !== 'file:';"})]
html_use_index = False
html_context = {"default_mode": "auto"}     # light or dark as the reader's system has it
html_scaled_image_link = False              # no stop of the Tab key at each picture
html_sidebars = {"**": ["navbar-logo.html", "search-button-field.html", "sidebar-pages.html"]}
html_theme_options = {"home_page_in_toc": True, "navbar_persistent": []}

# Where the book lies, such as https://github.com/somebody/lenet-book. Without it there is no button
# that leads out of the site.
if repository := os.environ.get("LENET_BOOK_REPOSITORY"):
    html_theme_options |= {
        "repository_url": repository,
        "repository_branch": os.environ.get("LENET_BOOK_BRANCH", "main"),
        "use_repository_button": True,
        "launch_buttons": {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org"},
    }
    if "//github.com/" in repository:
        html_theme_options["launch_buttons"]["colab_url"] = "https://colab.research.google.com"
