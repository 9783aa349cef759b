"""Where somebody lives, roughly: a buurt from a list, or a tap on the map that gives a point rounded to 100 m.

The tap works without script: the map is an `<input type="image">`, which sends where it was pressed.
Draw it with templates/components/where.html.
"""

from time import monotonic
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from matching.models.geo import round_100m
from web.db import db
from web.forms.fields import Form, ListField, one_line
from web.pick_map import PickMap, View, read_map

KEPT_SECONDS = 300  # places are imported once or twice a year
TAP = "map"  # the name of the image: a browser sends map.x and map.y
WHOLE = "whole"  # the name of the button that shows the whole map again
NO_BUURT = _l("Choose your buurt from the list, or tap on the map.")


class WhereForm(Form):
    """A buurt, and perhaps a point in it.

    `tapped`: the map was pressed, so show it again instead of going on. `missed`: pressed outside the gemeente.
    """

    buurt = ListField(_l("Which buurt?"), [InputRequired(NO_BUURT)], wrong=NO_BUURT)
    x = HiddenField(filters=[one_line])
    y = HiddenField(filters=[one_line])
    near = HiddenField(filters=[one_line])  # "x,y" of the place that was brought closer

    def __init__(self, formdata: MultiDict[str, str] | None = None, **kwargs: Any) -> None:
        self.map = buurten_map()
        self.tapped = self.missed = False
        if formdata is not None:
            formdata = self._with_tap(MultiDict(formdata))
        super().__init__(formdata=formdata, **kwargs)
        self.view = self._view(self.near.data)
        first = SelectChoice("", _("Choose a buurt"))
        self.buurt.choices = [first, *(SelectChoice(*each) for each in self.map.choices)]

    def _with_tap(self, formdata: MultiDict[str, str]) -> MultiDict[str, str]:
        """The same answers with the place that was pressed. 0, 0 is the Enter key, so no place."""
        if WHOLE in formdata:
            self.tapped = True
            formdata.setlist("near", [])
        across, down = (_whole(formdata.get(f"{TAP}.{axis}")) for axis in "xy")
        if across is None or down is None or (across, down) == (0, 0):
            return formdata
        self.tapped = True
        found = self.map.at(*self._view(formdata.get("near")).place(across, down))
        self.missed = found is None
        if found is not None:
            answers = zip(("buurt", "x", "y", "near"), (*found, f"{found[1]},{found[2]}"), strict=True)
            for name, value in answers:
                formdata.setlist(name, [str(value)])
        return formdata

    def _view(self, near: str | None) -> View:
        x, y = (_whole(part) for part in [*(near or "").split(","), ""][:2])
        return self.map.whole() if x is None or y is None else self.map.around(x, y)

    def point(self) -> tuple[int, int] | tuple[None, None]:
        """The point in RD metres, rounded to 100; None when none was pressed or it lies in another buurt than the
        one chosen from the list afterwards."""
        x, y = _whole(self.x.data), _whole(self.y.data)
        if x is None or y is None or not self.map.is_near(self.buurt.data, x, y):
            return None, None
        return round_100m(x), round_100m(y)

    def dot(self) -> tuple[int, int] | None:
        """Where to draw the chosen point, in pixels of the map."""
        x, y = self.point()
        return self.map.frame.pixels(x, y) if x is not None and y is not None else None


def _whole(text: str | None) -> int | None:
    """A number that a browser of ours can have sent; None for anything else."""
    return int(text) if text and len(text) < 8 and text.isascii() and text.isdigit() else None


def buurten_map() -> PickMap:
    """All buurten with their outlines, read once in a while."""
    kept = current_app.extensions.get("omzien.pick_map")
    if kept is None or kept[0] < monotonic():
        kept = (monotonic() + KEPT_SECONDS, read_map(db()))
        current_app.extensions["omzien.pick_map"] = kept
    found: PickMap = kept[1]
    return found
