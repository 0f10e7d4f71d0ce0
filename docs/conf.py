"""How Sphinx makes the pages: `make docs`, into build/docs/html."""

import os
import re
import sys
from importlib import metadata

sys.path.insert(0, os.path.abspath("../python"))  # an installed one of another version is not what is described

project = "pcapframe"
author = "pcapframe developers"
copyright = author
try:
    release = metadata.version(project)
except metadata.PackageNotFoundError:
    release = ""

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
# docs/notebooks is a link to ../notebooks, so that a notebook finds ../examples here as well as there.
exclude_patterns = ["notebooks/.ipynb_checkpoints", "notebooks/*.py"]

myst_heading_anchors = 3
nb_execution_mode = "cache"  # once for each change of a notebook; the cache lies beside the pages
nb_execution_cache_path = os.path.abspath("../build/docs/notebooks")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    # What scikit-learn makes for every estimator; its documentation describes them.
    "exclude-members": "set_fit_request, set_score_request, set_predict_request, set_transform_request",
}
autodoc_typehints = "none"  # the docstrings say what is meant; the signatures would fill the page
autoclass_content = "class"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_param = False  # else words in the types of parameters, such as "names", are taken for attributes
# A parameter such as `name` is looked for among all attributes of that name.
suppress_warnings = ["ref.python"]
default_role = "code"  # what docstrings write between single backticks

html_theme = "furo"
html_title = "pcapframe"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

# Links to notebooks are written as they work beside the files; here the notebooks stand behind a link, which MyST
# would follow out of the pages.
_NOTEBOOK = re.compile(r"\[([^\[\]\n]+)\]\((?:(?:\.\./)+notebooks/)?(\w+)\.ipynb\)")


def _link_notebooks(app, page, source):
    source[0] = _NOTEBOOK.sub(r"{doc}`\1 </notebooks/\2>`", source[0])


def _hide_constructor(app, what, name, what_it_is, options, signature, returns):
    """Most classes are given, not made: their signature would be a matter of ours."""
    if what == "class" and "Parameters\n" not in (what_it_is.__doc__ or ""):
        return "", None
    return signature, returns


def setup(app):
    app.connect("autodoc-process-signature", _hide_constructor)
    app.connect("source-read", _link_notebooks)
