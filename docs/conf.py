"""The documentation site, which ``make docs`` builds into build/docs.

A line ``<!-- text of PATTERN -->`` in a page stands for files that fit it.
"""

import posixpath
import re
from pathlib import Path

from mmseg_cube import __version__

HOME = 'https://github.com/mmseg-cube/mmseg_cube'
ROOT = Path(__file__).resolve().parents[1]
TEXT = re.compile(r'^<!-- text of (\S+) -->$', re.MULTILINE)
LINK = re.compile(r'(?<=\]\()(?!https?:|#)([^)\s]+)')
PAGES = {'README.md': 'index', 'CHANGELOG.md': 'changes', 'configs': 'zoo'}

project, version = 'mmseg_cube', __version__
copyright = 'the maintainers of mmseg_cube, Apache-2.0'
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon',
              'sphinx.ext.viewcode', 'sphinx_copybutton']  # fmt: skip
autodoc_member_order, napoleon_use_ivar = 'bysource', True
myst_heading_anchors, smartquotes = 4, False  # hyphens of options stay
html_theme, html_title = 'furo', f'mmseg_cube {version}'
html_theme_options = dict(source_repository=HOME, source_branch='main',
                          source_directory='docs/')  # fmt: skip


def link_from(folder, text):
    """Make links of a file in a folder lead to pages, or to the repository."""

    def link(found):
        path = posixpath.normpath(posixpath.join(folder, found[1]))
        if path in PAGES:
            return f'{PAGES[path]}.md'
        if path.startswith('docs/'):
            return path.removeprefix('docs/')
        there = (ROOT / path).exists()  # else Sphinx warns of it
        return f'{HOME}/blob/main/{path}' if there else found[1]

    return LINK.sub(link, text)


def fill_page(app, name, source):
    """Put texts of other files into a page and mend its links."""

    def text_of(found):
        text = ''
        for path in sorted(ROOT.glob(found[1])):
            text += link_from(path.parent.relative_to(ROOT), path.read_text())
        # The title of a page is its first heading.
        return re.sub('(?m)^#', '##', text) if '# ' in source[0] else text

    source[0] = TEXT.sub(text_of, link_from('docs', source[0]))


def setup(app):
    """Fill pages as Sphinx reads them."""
    app.connect('source-read', fill_page)
