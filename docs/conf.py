"""The documentation site, which ``make docs`` builds into build/docs.

Its pages are the Markdown files beside this one. The texts of other files,
such as the README, are not copied: a line ``<!-- text of PATTERN -->`` stands
for those that fit the pattern.
"""

import posixpath
import re
from pathlib import Path

from mmseg_cube import __version__

HOME = 'https://github.com/mmseg-cube/mmseg_cube'
DOCS = Path(__file__).resolve().parent
TEXT = re.compile(r'^<!-- text of (\S+) -->$', re.MULTILINE)
LINK = re.compile(r'(?<=\]\()(?!https?:|#)([^)\s]+)')

project, version = 'mmseg_cube', __version__
copyright = 'the maintainers of mmseg_cube, Apache-2.0'
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon',
              'sphinx.ext.viewcode', 'sphinx_copybutton']  # fmt: skip
myst_heading_anchors = 4
autodoc_member_order, napoleon_use_ivar = 'bysource', True
html_theme, html_title = 'furo', f'mmseg_cube {version}'
html_theme_options = dict(source_repository=HOME, source_branch='main',
                          source_directory='docs/')  # fmt: skip
html_copy_source = False


def link_from(folder, text):
    """Make links of a file in a folder fit a page of the site.

    Pages and pictures are on the site, all else is in the repository.
    """

    def link(found):
        path = posixpath.normpath(posixpath.join(folder, found[1]))
        if path.startswith('docs/'):
            return posixpath.relpath(path, 'docs')
        return f'{HOME}/blob/main/{path}'

    return LINK.sub(link, text)


def fill_page(app, name, source):
    """Put texts of other files into a page and mend its links."""

    def text_of(found):
        paths = sorted(DOCS.parent.glob(found[1]))
        folders = [path.parent.relative_to(DOCS.parent) for path in paths]
        texts = [path.read_text() for path in paths]
        if source[0].startswith('# '):  # the page has a title already
            texts = [re.sub('^#', '##', text, flags=re.M) for text in texts]
        return '\n'.join(map(link_from, map(str, folders), texts))

    source[0] = TEXT.sub(text_of, link_from('docs', source[0]))


def setup(app):
    """Fill pages as Sphinx reads them."""
    app.connect('source-read', fill_page)
