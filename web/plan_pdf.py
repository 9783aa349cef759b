"""The plan for when the mantelzorger drops out on one sheet of A4: large print, and smaller where there is more.

The letters come from DejaVu Sans, which ships with matplotlib: Latin with all its accents, Greek and Cyrillic. Letters
that have to be joined from right to left it cannot draw well; the page says so and offers the web page to print.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from sqlmodel import Session

from matching.models import Account, CareSituation
from matching.services import opbouwwerkers
from matching.services.drop_out import LONGEST_TEXT, PlanView
from web import gemeente, plan_words
from web.facts import phone_text
from web.i18n import language, moment_text

if TYPE_CHECKING:
    from fpdf import FPDF

MARGIN, WIDTH, ROOM = 15.0, 180.0, 267.0  # mm; WIDTH and ROOM are what A4 leaves between the margins
LARGEST, SMALLEST, STEP = 16.0, 8.5, 0.5  # points of the running text
LEADING, POINT = 1.3, 0.3528  # line height in times the size; mm in a point
LEAST_TEXT, TEXT_STEP = 60, 10  # characters that stay of a text, however little room there is, and steps above it
FONT = "DejaVu"
UNKNOWN = "\ufffd"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text. size: times the running text. before: room above it, in lines. may_shrink: its end may go."""

    text: str
    bold: bool = False
    size: float = 1.0
    before: float = 0.0
    may_shrink: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the paper, from top to bottom, in the language of the reader."""

    title: str
    language: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The same, made to fit: the size of the running text in points, and whether texts were shortened."""

    blocks: tuple[Block, ...]
    points: float
    is_shortened: bool


def sheet(session: Session, situation: CareSituation, plan: PlanView, *, name: str) -> Sheet:
    """The plan of the carer called `name`: what first, who comes in which order, the rest, and whom to call."""
    title = _("Plan for when %(name)s drops out", name=name)
    loved = situation.details.get("cared_for_name") or ""
    written = plan_words.texts(plan)
    blocks = [Block(title, bold=True, size=1.6)]
    if loved:
        blocks.append(Block(_("%(name)s cares for %(loved)s.", name=name, loved=loved)))
    blocks += list(_section(written[:1] if "first_hours" in plan.words else []))
    blocks += list(_people(plan))
    blocks += list(_section(written[1:] if "first_hours" in plan.words else written))
    blocks += list(_numbers(session, situation))
    blocks.append(Block(plan_words.confirmed(plan), size=0.85, before=0.5))
    blocks.append(Block(_("Printed on %(moment)s.", moment=moment_text(datetime.now().astimezone())), size=0.85))
    return Sheet(title, language(), tuple(blocks))


def _section(texts: Sequence[tuple[str, str]]) -> Iterator[Block]:
    for title, text in texts:
        yield Block(title, bold=True, size=1.1, before=0.5)
        yield Block(_on_few_lines(text), may_shrink=True)


def _on_few_lines(text: str) -> str:
    """Without empty lines: paper is scarce."""
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def _people(plan: PlanView) -> Iterator[Block]:
    """In order, each with a number to call; whoever said no is not on the paper."""
    asked = [row for row in plan.stand_ins if row.standing != "declined"]
    if not asked:
        return
    yield Block(_("Who can step in, in this order"), bold=True, size=1.1, before=0.5)
    for number, row in enumerate(asked, 1):
        phone = _whole(plan_words.phone(row)) or _("number not known yet")
        yield Block(f"{number}. {row.name}: {phone}", bold=True, size=1.15)
        yield Block(f"{plan_words.relation(row)}, {plan_words.standing(row)}", size=0.85)


def _numbers(session: Session, situation: CareSituation) -> Iterator[Block]:
    yield Block(_("Whom you can always call"), bold=True, size=1.1, before=0.5)
    known = [f"{_whole(number)} {text}" for number, text in plan_words.SAFETY_NET]
    here = gemeente()
    if here and here.phone:
        known.append(_("%(phone)s gemeente %(name)s", phone=_whole(here.phone), name=here.name))
    worker = _opbouwwerker(session, situation)
    if worker is not None and worker.phone:
        known.append(
            _("%(phone)s %(name)s, opbouwwerker", phone=_whole(phone_text(worker.phone)), name=worker.first_name)
        )
    yield Block("\n".join(known))


def _whole(number: str) -> str:
    """A telephone number that stays on one line."""
    return number.replace(" ", "\u00a0")


def _opbouwwerker(session: Session, situation: CareSituation) -> Account | None:
    ids = opbouwwerkers.of_buurt(session, situation.buurt_code)
    return session.get(Account, ids[0]) if ids else None


def make(made: Sheet) -> bytes:
    """The PDF: always one page."""
    pdf = open_paper(made)
    fitted = fit(pdf, made)
    for block in fitted.blocks:
        if block.before:
            pdf.ln(block.before * fitted.points * LEADING * POINT)
        _write(pdf, block, fitted.points)
    return bytes(pdf.output())


def open_paper(made: Sheet) -> "FPDF":
    """An empty page with our letters on it, and what programs that read aloud want to know."""
    from fpdf import FPDF  # late: few pages need it

    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margins(MARGIN, MARGIN, MARGIN)
    pdf.add_font(FONT, "", _font_file("DejaVuSans.ttf"))
    pdf.add_font(FONT, "B", _font_file("DejaVuSans-Bold.ttf"))
    pdf.set_title(_drawable(made.title))
    pdf.set_lang(made.language)
    pdf.set_creator("Omzien")
    pdf.add_page()
    return pdf


def fit(pdf: "FPDF", made: Sheet) -> Fitted:
    """The largest print that fits. Where even the smallest does not, the longest texts lose their end, and the paper
    says so."""
    blocks = tuple(replace(block, text=_drawable(block.text)) for block in made.blocks)
    steps = int((LARGEST - SMALLEST) / STEP) + 1
    too_large = bisect_left(range(steps), True, key=lambda n: height(pdf, blocks, SMALLEST + n * STEP) > ROOM)
    if too_large:
        return Fitted(blocks, SMALLEST + (too_large - 1) * STEP, False)
    said = Block(_("Some texts are longer. The whole plan is on the website."), bold=True, before=0.5)
    lengths = range(LEAST_TEXT, LONGEST_TEXT, TEXT_STEP)  # what every text may keep
    too_long = bisect_left(lengths, True, key=lambda n: height(pdf, (*_shortened(blocks, n), said), SMALLEST) > ROOM)
    return Fitted((*_shortened(blocks, lengths[max(too_long - 1, 0)]), said), SMALLEST, True)


def _shortened(blocks: Sequence[Block], most: int) -> tuple[Block, ...]:
    """Every text that may shrink in at most so many characters; a new line counts for forty of them."""
    return tuple(replace(block, text=_cut(block.text, most)) if block.may_shrink else block for block in blocks)


def _cut(text: str, most: int) -> str:
    used = 0
    for at, character in enumerate(text):
        used += 40 if character == "\n" else 1
        if used > most:
            return text[:at].rstrip() + " ..."
    return text


def height(pdf: "FPDF", blocks: Sequence[Block], points: float) -> float:
    """How high this stands, in mm."""
    line = points * LEADING * POINT
    return sum(block.before * line + _write(pdf, block, points, dry_run=True) for block in blocks)


def _write(pdf: "FPDF", block: Block, points: float, *, dry_run: bool = False) -> float:
    from fpdf.enums import MethodReturnValue

    size = points * block.size
    pdf.set_font(FONT, "B" if block.bold else "", size)
    done: Any = pdf.multi_cell(
        WIDTH, size * LEADING * POINT, block.text, align="L", new_x="LMARGIN", new_y="NEXT",
        dry_run=dry_run, output=MethodReturnValue.HEIGHT,
    )  # fmt: skip
    return float(done)


def _font_file(name: str) -> Path:
    """A font in matplotlib's folder, found without loading matplotlib."""
    found = find_spec("matplotlib")
    assert found is not None  # it is a dependency
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf" / name


@cache
def _letters() -> frozenset[int]:
    """The characters that both fonts can draw."""
    from fontTools.ttLib import TTFont  # fpdf2 reads fonts with it

    drawn = (TTFont(_font_file(name)).getBestCmap() for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
    return frozenset.intersection(*(frozenset(each) for each in drawn))


def _drawable(text: str) -> str:
    """The text with a mark for every character that the fonts do not have, such as pictures of faces."""
    return "".join(c if c == "\n" or ord(c) in _letters() else UNKNOWN for c in text.replace("\t", " "))
