"""The pictograms: drawn once in `assets/icons/pictograms.svg`, sent only where a page uses them.

`icon()` refers to a symbol and remembers it for this request; `sprite()`, at the end of the page,
carries the drawings of the remembered ones. A page with four pictograms does not pay for forty.
"""

import re
from functools import cache
from pathlib import Path

from flask import g
from markupsafe import Markup

SPRITE_FILE = Path(__file__).parent / "assets" / "icons" / "pictograms.svg"
SYMBOL = re.compile(r'<symbol id="(?P<name>[a-z-]+)".*?</symbol>', re.DOTALL)


@cache
def symbols() -> dict[str, Markup]:
    """Every pictogram by name, as the `<symbol>` that draws it."""
    drawn = SPRITE_FILE.read_text(encoding="utf-8")
    return {found["name"]: Markup(found[0]) for found in SYMBOL.finditer(drawn)}  # noqa: S704 our own file, never input


def icon(name: str, extra_class: str = "") -> Markup:
    """The pictogram `name`, to stand beside a word. Raises KeyError for a name that is not drawn."""
    drawn = _reference(name, f"oz-icon {extra_class}".rstrip())
    _used()[name] = None
    return drawn


@cache
def _reference(name: str, classes: str) -> Markup:
    if name not in symbols():
        raise KeyError(f"no pictogram is called {name!r}")
    return Markup('<svg class="{}" aria-hidden="true"><use href="#{}"/></svg>').format(classes, name)


def sprite() -> Markup:
    """The drawings of the pictograms this page used so far; nothing if it used none."""
    drawn = Markup("").join(symbols()[name] for name in _used())
    return Markup('<svg class="oz-sprite" aria-hidden="true">{}</svg>').format(drawn) if drawn else drawn


def _used() -> dict[str, None]:
    # A dict keeps the order of first use, so a page is the same bytes each time.
    if "icons_used" not in g:
        g.icons_used = {}
    used: dict[str, None] = g.icons_used
    return used
