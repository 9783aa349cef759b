"""The look: contrast of the theme, pictograms, what a phone downloads, what the content policy forbids."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from web.icons import icon, sprite, symbols

WEB = Path(__file__).parent.parent.parent / "web"
ASSETS, STATIC, TEMPLATES = WEB / "assets", WEB / "static", WEB / "templates"
# Mail has no content policy and no style sheet to link to.
ALL_TEMPLATES = sorted(file for file in TEMPLATES.rglob("*.*") if "mail" not in file.parts)
TOKENS = (ASSETS / "css" / "tokens.css").read_text()

# What people read all the time; WCAG level AAA.
READ = [
    *(("ink", surface) for surface in ("page", "paper", "sand", "brick-light", "action-tint", "yes-tint")),
    *(("ink", surface) for surface in ("attention-tint", "danger-tint")),
    *(("ink-soft", surface) for surface in ("page", "paper", "sand")),
    *(("action", surface) for surface in ("page", "paper", "sand", "action-tint")),
    *(("on-action", surface) for surface in ("action", "action-strong")),
    *(("on-yes", surface) for surface in ("yes", "yes-strong")),
    *(("on-danger", surface) for surface in ("danger", "danger-strong")),
    *(("on-night", surface) for surface in ("night", "night-raised")),
    ("on-night-soft", "night"),
    ("on-brick", "brick"),
]
# Short words: badges, errors, the red count on the wall of the desk; level AA.
GLANCED_AT = [
    ("yes", "yes-tint"),
    ("attention", "attention-tint"),
    *(("danger", surface) for surface in ("danger-tint", "page", "paper", "brick-light")),
]
# Lines, checks, pictograms and the ring around what has the focus.
SHAPES = [
    *(("line-strong", surface) for surface in ("page", "paper")),
    *(("action", surface) for surface in ("page", "paper", "action-tint", "brick-light")),
    *(("yes", surface) for surface in ("page", "paper", "sand")),
    *(("attention", surface) for surface in ("paper", "sand")),
    *(("focus-outer", surface) for surface in ("page", "paper", "sand", "brick-light")),
    ("focus-outer", "focus-inner"),
    ("on-window", "window"),
]


def colours(scheme: str) -> dict[str, str]:
    """Token name to "#rrggbb" in the light or the dark theme."""
    light, dark = TOKENS.split("@media (prefers-color-scheme: dark)", 1)
    found = dict(re.findall(r"--oz-([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--oz-([a-z-]+): (#[0-9a-f]{6});", dark.split("@media")[0]))
    return found


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2, 0 to 1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


class DescribeTheme:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize(("pairs", "level"), [(READ, 7.0), (GLANCED_AT, 4.5), (SHAPES, 3.0)])
    def it_has_enough_contrast(self, scheme: str, pairs: list[tuple[str, str]], level: float) -> None:
        theme = colours(scheme)
        measured = {(front, back): round(contrast(theme[front], theme[back]), 2) for front, back in pairs}
        assert {pair: value for pair, value in measured.items() if value < level} == {}

    def it_knows_black_on_white_is_21(self) -> None:
        assert contrast("#000000", "#ffffff") == pytest.approx(21)

    def it_colours_the_browsers_bar_like_the_page(self) -> None:
        layout = (TEMPLATES / "layout.html").read_text()
        for scheme in ("light", "dark"):
            colour = colours(scheme)["page"]
            assert f'name="theme-color" content="{colour}" media="(prefers-color-scheme: {scheme})"' in layout

    def it_uses_only_tokens_for_colours(self) -> None:
        for file in (ASSETS / "css").glob("*.css"):
            if not file.name.startswith("tokens"):
                found = re.findall(r"#[0-9a-f]{3,8}\b(?![^{]*\{)", file.read_text())
                # White is the lit plane in the pictogram of a door.
                assert set(found) <= {"#fff"}, f"{file.name}: {found}"


class DescribePictograms:
    def it_refers_to_the_symbol_and_sends_only_what_is_used(self) -> None:
        with Flask(__name__).test_request_context():
            assert icon("tas") == '<svg class="oz-icon" aria-hidden="true"><use href="#tas"/></svg>'
            icon("tas")
            icon("bel", "oz-icon--l")
            drawn = sprite()
        assert re.findall(r'<symbol id="([a-z-]+)"', drawn) == ["tas", "bel"]
        assert 'class="lit"' in drawn

    def it_sends_nothing_when_none_is_used(self) -> None:
        with Flask(__name__).test_request_context():
            assert sprite() == ""

    def it_refuses_a_name_that_is_not_drawn(self) -> None:
        with Flask(__name__).test_request_context(), pytest.raises(KeyError, match="eenhoorn"):
            icon("eenhoorn")

    def it_escapes_a_class(self) -> None:
        with Flask(__name__).test_request_context():
            assert '"><script' not in icon("tas", '"><script')

    def it_has_drawn_every_pictogram_that_a_template_names(self) -> None:
        named = {
            name
            for file in ALL_TEMPLATES
            for name in re.findall(r'\b(?:icon|icon_name|turn_icon)(?:\(|=)"([a-z-]+)"', file.read_text())
        }
        assert named, "the pattern must find something"
        assert named <= set(symbols())


@pytest.mark.parametrize("file", ALL_TEMPLATES, ids=lambda file: str(file.relative_to(TEMPLATES)))
class DescribeTemplate:
    def it_has_no_inline_style_or_script(self, file: Path) -> None:
        text = re.sub(r"\{#.*?#\}", "", file.read_text(), flags=re.DOTALL)
        for pattern in (r"<style", r"\sstyle=", r"<script(?![^>]*\ssrc=)", r"\son[a-z]+=", r"javascript:"):
            assert not re.search(pattern, text), pattern

    def it_asks_nothing_of_a_third_party(self, file: Path) -> None:
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", file.read_text())


class DescribeBuild:
    def it_locks_packages_without_addresses(self) -> None:
        lock = (ASSETS / "package-lock.json").read_text()
        assert '"integrity"' in lock
        assert '"resolved"' not in lock
        assert "://" not in lock

    def it_compresses_every_file_and_leaves_no_old_ones(self) -> None:
        manifest = json.loads((STATIC / "manifest.json").read_text())
        names = {name + ending for name in manifest.values() for ending in ("", ".gz", ".br")}
        assert {file.name for file in STATIC.iterdir()} == names | {"manifest.json"}

    def it_stays_light(self) -> None:
        manifest = json.loads((STATIC / "manifest.json").read_text())
        weight = {name: (STATIC / f"{hashed}.gz").stat().st_size for name, hashed in manifest.items()}
        assert weight.pop("site.css") <= 16_000
        assert weight.pop("site.js") <= 2_000
        assert max(weight.values()) <= 2_000, weight

    def it_sends_no_rule_that_reaches_outside(self) -> None:
        for file in STATIC.glob("*.css"):
            assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", file.read_text())


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """A page in Chromium, to try the scripts on."""
    opened = chromium.new_page()
    yield opened
    opened.close()


def show(page: Page, body: str) -> None:
    manifest = json.loads((STATIC / "manifest.json").read_text())
    page.set_content(f'<!doctype html><html lang="nl"><title>Proef</title><body>{body}')
    for style in ("site.css", "profile.css"):
        page.add_style_tag(path=STATIC / manifest[style])
    page.add_script_tag(path=STATIC / manifest["site.js"])


class DescribeScripts:
    GRID = "".join(f"<tr><th>dag</th>{'<td><input type=checkbox></td>' * 4}</tr>" for _ in range(7))

    def checked(self, page: Page) -> list[int]:
        return page.eval_on_selector_all("input", "all => all.flatMap((box, i) => box.checked ? [i] : [])")

    def drag(self, page: Page, *cells: int) -> None:
        for step, cell in enumerate(cells):
            box = page.locator("input").nth(cell).bounding_box()
            assert box
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
            if step == 0:
                page.mouse.down()
        page.mouse.up()

    def it_paints_the_dagdelen_and_wipes_them_again(self, page: Page) -> None:
        show(page, f'<table class="oz-dagdelen">{self.GRID}</table>')
        self.drag(page, 8, 9, 13)
        assert self.checked(page) == [8, 9, 13]
        self.drag(page, 8, 9, 8)
        assert self.checked(page) == [13]

    def it_still_lets_one_cell_be_pressed(self, page: Page) -> None:
        show(page, f'<table class="oz-dagdelen">{self.GRID}</table>')
        page.locator("input").nth(3).click()
        assert self.checked(page) == [3]
        page.locator("input").nth(3).click()
        assert self.checked(page) == []

    def it_puts_the_focus_on_what_has_to_be_looked_at_again(self, page: Page) -> None:
        show(page, '<div tabindex="-1" id="fouten" data-focus>Kijk nog even</div>')
        assert page.evaluate("document.activeElement.id") == "fouten"

    def it_sends_a_form_once(self, page: Page) -> None:
        show(page, '<form method="post" action="#"><button name="antwoord" value="ja">Ja</button></form>')
        page.evaluate(
            """() => {
                window.sent = 0;
                window.addEventListener('submit', event => {
                    if (!event.defaultPrevented) window.sent += 1;
                    event.preventDefault();
                });
            }"""
        )
        page.click("button")
        page.click("button", force=True)
        assert page.evaluate("window.sent") == 1
