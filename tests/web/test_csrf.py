"""Every change needs the token of one's own page; without it: a kind page, and nothing happened."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlmodel import Session, select

from matching.models import Account, OutboxMessage
from tests.browse import Browser
from tests.people import DRIFTBUURT, Cast
from web.access import PUBLIC, declared

TEMPLATES = Path(__file__).parent.parent.parent / "web" / "templates"
# Pages with forms, for whoever is named.
PAGES = [
    ("stranger", "/inloggen"),
    ("stranger", "/account/nieuw"),
    ("stranger", "/hulpvragen/nieuw"),
    ("stranger", "/helpen/aanmelden"),
    ("anna", "/ik"),
    ("anna", "/ik/wijzigen"),
    ("anna", "/ik/wachtwoord"),
    ("anna", "/ik/overal-uitloggen"),
    ("anna", f"/buurten/{DRIFTBUURT}"),
    ("bram", "/helpen"),
    ("bram", "/helpen/profiel"),
    ("bram", "/helpen/afwezig"),
    ("greet", "/beheer/medewerkers"),
    ("greet", "/beheer/medewerkers/nieuw"),
]


@pytest.fixture(autouse=True)
def checking(app: Flask) -> Iterator[None]:
    app.config["WTF_CSRF_ENABLED"] = True
    yield
    app.config["WTF_CSRF_ENABLED"] = False


def token_of(browser: Browser, path: str) -> str:
    found: str = browser.get(path).all("input", name="csrf_token")[0].get("value")
    return found


class DescribeAPostWithoutTheToken:
    def it_gets_a_kind_page(self, client: Browser, db: Session) -> None:
        page = client.post("/inloggen", {"email": "anna@example.org"}, status=400)
        assert page.h1
        assert page.all("a", href="/")
        assert not db.exec(select(OutboxMessage)).all()

    @pytest.mark.parametrize("token", ["", "x", "IjEi.x.y", "\0", "x" * 5000, "é"])
    def it_takes_no_other(self, client: Browser, token: str) -> None:
        client.get("/inloggen")
        client.post("/inloggen", {"email": "anna@example.org", "csrf_token": token}, status=400)

    def it_takes_no_token_of_somebody_elses_page(self, client: Browser) -> None:
        foreign = token_of(client.another(), "/inloggen")
        client.get("/inloggen")
        client.post("/inloggen", {"email": "anna@example.org", "csrf_token": foreign}, status=400)

    def it_takes_no_token_from_before_signing_in(self, client: Browser, db: Session, cast: Cast) -> None:
        before = token_of(client, "/inloggen")
        with client.client.session_transaction() as session:
            session.clear()  # as web.auth.sign_in does
        client.sign_in(cast.anna)
        client.post("/ik/overal-uitloggen", {"csrf_token": before}, status=400)
        assert db.get_one(Account, cast.anna.id).session_version == 1

    def it_does_nothing_anywhere(self, app: Flask, client: Browser, cast: Cast) -> None:
        """Every route that takes a POST, as somebody who may: never anything but the kind page (or no such thing)."""
        for route in app.url_map.iter_rules():
            if "POST" not in (route.methods or ()):
                continue
            access = declared(app.view_functions[route.endpoint])
            who = cast.greet if access != PUBLIC else None
            browser = client.another()
            if who is not None:
                browser.sign_in(who)
            with app.test_request_context():
                values = {name: _value(app, route.endpoint, name) for name in route.arguments}
                address = app.url_map.bind("localhost").build(route.endpoint, values)
            assert browser.client.post(address).status_code in (302, 400), route


def _value(app: Flask, endpoint: str, name: str) -> object:
    return {"part": "wat", "token": "x", "name": "x", "code": DRIFTBUURT}.get(name, 1)


def it_takes_a_post_with_the_token(client: Browser, db: Session) -> None:
    page = client.get("/inloggen")
    assert client.submit(page, "/inloggen", action="/inloggen", email="anna@example.org", follow=False).status == 302
    assert db.exec(select(OutboxMessage)).all()


@pytest.mark.parametrize(("who", "path"), PAGES)
def it_puts_the_token_in_every_form(client: Browser, cast: Cast, who: str, path: str) -> None:
    if who != "stranger":
        client.sign_in(getattr(cast, who))
    page = client.get(path)
    forms = [form for form in page.all("form") if form.get("method") == "post"]
    assert forms
    for form in forms:
        tokens = [e.get("value") for e in form.iter() if e.get("name") == "csrf_token"]
        assert len(tokens) == 1, form.attrib
        assert tokens[0]


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def it_draws_no_form_without_it(path: Path) -> None:
    """A form that a template draws itself (not with the form macro) has the token too."""
    for form in re.findall(r"<form\b.*?</form>", path.read_text(), re.DOTALL):
        opening = form.split(">", 1)[0]
        if 'method="post"' in opening or 'method="{{' in opening:
            assert "csrf" in form, opening


def it_draws_forms_that_post_in_lower_case() -> None:
    """So that the test above finds them all."""
    for path in TEMPLATES.rglob("*.html"):
        assert not re.search(r"method=\"?(POST|Post)", path.read_text()), path
