"""How Sphinx builds one language of the site; docs/website/build.py says which, and where the pages are."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "website"), str(HERE.parent)]

import docstrings  # noqa: E402
import search  # noqa: E402

project = "minigpt"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.linkcode", "sphinx.ext.mathjax"]
templates_path = ["website/templates"]
html_static_path = ["website/static"]
html_css_files = ["site.css"]
html_theme = "furo"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_sidebars = {
    "**": ["sidebar/brand.html", "sidebar/language.html", "sidebar/search.html", "sidebar/scroll-start.html",
           "sidebar/navigation.html", "sidebar/scroll-end.html"],
}  # fmt: skip

highlight_language = "text"  # of blocks that don't say
nb_execution_mode = "off"  # docs/website/execute.py has run them
nb_ipywidgets_js = {}  # addresses elsewhere
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
myst_url_schemes = {"http": None, "https": None, "mailto": None, "other": "{{path}}#{{fragment}}"}
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88

# MathJax comes with a package: one file with all of TeX, and its fonts. Its menu would ask for more.
mathjax_path = "mathjax/tex-chtml-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

linkcode_resolve = docstrings.source_address


def copy_mathjax(app, error) -> None:
    import importlib.util

    if error is None:
        package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
        from sphinx.util.fileutil import copy_asset

        there = Path(app.outdir) / "_static" / "mathjax"
        copy_asset(package / "tex-chtml-full.js", there)
        copy_asset(package / "output" / "chtml" / "fonts" / "woff-v2", there / "output" / "chtml" / "fonts" / "woff-v2")


def name_the_site(app, config) -> None:
    chinese = config.language == "zh_CN"
    config.html_title = "minigpt · 中文" if chinese else "minigpt"
    config.html_context = {"other_language": "en" if chinese else "zh", "other_name": "English" if chinese else "中文"}


def link_the_other_language(app, pagename, templatename, context, doctree) -> None:
    """The same page in the other language, or its start page where there is none."""
    other = context["other_language"]
    pages = Path(app.srcdir).parent / other
    written = any((pages / f"{pagename}{suffix}").exists() for suffix in app.config.source_suffix)
    name = pagename if written or doctree is None else "index"
    context["other_page"] = f"{'../' * (pagename.count('/') + 1)}{other}/{name}.html"


def number_lines(app, doctree, docname) -> None:
    """The lines of a source file can be linked."""
    if docname.startswith("source/"):
        for block in doctree.findall(lambda node: node.tagname == "literal_block"):
            block["highlight_args"] = {**block.get("highlight_args", {}), "lineanchors": "line"}


def setup(app) -> None:
    app.add_search_language(search.Pairs)
    app.add_search_language(search.ChinesePairs)
    app.connect("config-inited", name_the_site)
    app.connect("autodoc-process-docstring", docstrings.process)
    app.connect("autodoc-skip-member", docstrings.skip)
    app.connect("doctree-resolved", number_lines)
    app.connect("html-page-context", link_the_other_language)
    app.connect("build-finished", copy_mathjax)
