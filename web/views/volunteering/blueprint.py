"""The blueprint, and what its chapters share."""

from typing import Any

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from matching.catalogue import CATEGORIES
from matching.errors import NotFound
from matching.models import Volunteer
from matching.services import volunteering
from web import facts, nearby
from web.auth import viewer
from web.db import db

bp = Blueprint("volunteering", __name__, url_prefix="/helpen")
ICONS = {key: each.icon for key, each in CATEGORIES.items()}
KEY = "<int(max=2147483647):{}>"  # what both databases can hold as a key; more is no page of ours


@bp.context_processor
def _words() -> dict[str, Any]:
    """What every page about helping says the same way."""
    return {"category_icons": ICONS, "in_words": facts, "wording": nearby}


def me() -> int:
    """The account that is signed in."""
    account_id = viewer().account_id
    assert account_id is not None
    return account_id


def gemeente_of(buurt_code: str) -> str:
    """CBS codes nest: BU04020603 lies in GM0402."""
    return f"GM{buurt_code[2:6]}"


def my_volunteer() -> Volunteer:
    """The helping side of whoever is signed in. Raises NotFound for somebody who does not help (yet)."""
    volunteer = volunteering.find(db(), me())
    if volunteer is None:
        raise NotFound("no volunteer")
    return volunteer


def begin() -> ResponseReturnValue:
    """Somebody who does not help yet: choices that were made before signing in come first."""
    kept = volunteering.kept_profile(db(), me())
    return redirect(url_for(".profile" if kept else ".join"))
