"""How Sphinx makes the site; helpers.site.build_site runs it with this folder as its configuration.

The folder is no package: nothing else imports what only the site needs.
"""

from typing import Any, NoReturn

from docutils import nodes
from docutils.utils.math import latex2mathml

extensions = ["myst_nb", "sphinx_copybutton"]
language = "en"
smartquotes = False  # a quote in the text is the quote that was written: it may be pasted into code

# The notebooks carry their outputs: what is read is what ran.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_ipywidgets_js: dict[str, Any] = {}  # widgets stand as pictures; their scripts would come from another machine
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
# Of Markdown, what GitHub and JupyterLab read too: a line that begins with % or ( is text.
suppress_warnings = ["myst.header"]  # the level of a heading on a page comes from the sections, not from the number of signs before it
myst_disable_syntax = ["myst_line_comment", "myst_block_break", "myst_target"]

html_theme = "furo"
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"
html_static_path = ["site.css", "site.js"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_search_summary = False  # it would fetch every page found, which a browser refuses for pages that are files
html_use_index = False
copybutton_selector = "div.cell_input div.highlight pre, div[class*=highlight-]:not(.output) > div.highlight > pre"


def setup(app: Any) -> None:
    """Give Sphinx formulas in MathML, which needs no script, and pages that leave the way on to the lessons' own last section."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline_formula, None), block_renderers=(_formula, None))
    app.connect("html-page-context", _adjust, priority=900)  # after the theme has filled in its own parts


def _inline_formula(translator: Any, node: nodes.math) -> NoReturn:
    translator.body.append(latex2mathml.tex2mathml(node.astext()))
    raise nodes.SkipNode


def _formula(translator: Any, node: nodes.math_block) -> NoReturn:
    translator.body.append(latex2mathml.tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def _adjust(app: Any, name: str, template: str, context: dict[str, Any], tree: Any) -> None:
    context["prev"] = context["next"] = None
    # The captions of the navigation are headings, and a heading needs a level.
    navigation = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = navigation.replace('role="heading"', 'role="heading" aria-level="2"')
