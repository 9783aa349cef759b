"""A browser for tests: it keeps cookies, fills in real forms, and inspects every page it gets for free."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import html5lib
from flask import Flask
from sqlalchemy import event
from sqlmodel import Session
from werkzeug.test import TestResponse

from matching.models import Account

HTML = "{http://www.w3.org/1999/xhtml}"
VALUED = ("input", "select", "textarea")


class Page:
    """A fetched page that has been inspected: valid HTML, a title, one h1, unique ids, labelled controls."""

    def __init__(self, response: TestResponse) -> None:
        self.status = response.status_code
        self.location = response.headers.get("Location", "")
        self.headers = response.headers
        self.text = response.get_data(as_text=True)
        self.root = None
        if response.mimetype == "text/html" and not 300 <= self.status < 400:
            self.root = self._parse()
            self._inspect()

    def _parse(self) -> Any:
        parser = html5lib.HTMLParser(strict=False)
        root = parser.parse(self.text)
        # Named SVG attributes and void elements are fine; what browsers have to repair is not.
        assert not parser.errors, f"invalid HTML: {parser.errors[:3]}"
        return root

    def _inspect(self) -> None:
        assert (self.one("title").text or "").strip(), "a page needs a title"
        assert len(self.all("h1")) == 1, "a page has one h1"
        ids = [element.get("id") for element in self.root.iter() if element.get("id")]
        twice = {name for name in ids if ids.count(name) > 1}
        assert not twice, f"ids used twice: {twice}"
        self._inspect_labels(set(ids))
        for element in self.root.iter():
            assert not element.get("style"), "the content policy forbids inline style"
            assert not any(name.startswith("on") for name in element.attrib), "no inline script"

    def _inspect_labels(self, ids: set[str | None]) -> None:
        labelled = {label.get("for") for label in self.all("label")}
        inside = {child for label in self.all("label") for child in label.iter()}
        for control in (c for name in VALUED for c in self.all(name)):
            if control.get("type") in ("hidden", "submit") or control in inside:
                continue
            named = control.get("aria-label") or control.get("aria-labelledby")
            assert named or control.get("id") in labelled, f"no label: {control.attrib}"
        for element in self.root.iter():
            for name in (element.get("aria-describedby") or "").split():
                assert name in ids, f"aria-describedby points nowhere: {name}"

    def all(self, tag: str, **attributes: str) -> list[Any]:
        """All elements with this tag and these attributes (class_ for class)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [e for e in self.root.iter(HTML + tag) if all(e.get(k) == v for k, v in wanted.items())]

    def one(self, tag: str, **attributes: str) -> Any:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    @property
    def h1(self) -> str:
        return words(self.one("h1"))

    @property
    def words(self) -> str:
        """The visible text of the main part, on one line."""
        return words(self.one("main"))

    def form_values(self, action: str | None = None) -> dict[str, list[str]]:
        """What a browser would send for the form (the only one, or the one with this action)."""
        forms = [f for f in self.all("form") if action is None or f.get("action") == action]
        forms = forms if action is not None else [f for f in forms if f.get("action") != "/taal"]
        assert len(forms) == 1, f"{len(forms)} forms"
        values: dict[str, list[str]] = {}
        for element in forms[0].iter():
            tag, name = str(element.tag).removeprefix(HTML), element.get("name")
            if tag not in VALUED or not name:
                continue
            if tag == "textarea":
                values.setdefault(name, []).append((element.text or "").removeprefix("\n"))
            elif tag == "select":
                chosen = [o for o in element.iter(HTML + "option") if o.get("selected") is not None]
                options = chosen or list(element.iter(HTML + "option"))[:1]
                values.setdefault(name, []).extend(o.get("value", o.text or "") for o in options)
            elif element.get("type") in ("checkbox", "radio"):
                if element.get("checked") is not None:
                    values.setdefault(name, []).append(element.get("value", "on"))
            elif element.get("type") != "submit":
                values.setdefault(name, []).append(element.get("value", ""))
        return values

    def errors(self) -> dict[str, str]:
        """Field name to its error sentence."""
        found = {}
        for control in (c for name in VALUED for c in self.all(name)):
            for described in (control.get("aria-describedby") or "").split():
                for element in self.root.iter():
                    if element.get("id") == described and "error-message" in (element.get("class") or ""):
                        found[control.get("name")] = words(element)
        for group in self.all("fieldset"):
            for described in (group.get("aria-describedby") or "").split():
                for element in self.root.iter():
                    if element.get("id") == described and "error-message" in (element.get("class") or ""):
                        named = (c.get("name") for c in group.iter() if c.tag != HTML + "button")
                        name = next(filter(None, named), "")
                        found[name] = words(element)
        return found


def words(element: Any) -> str:
    """The text of an element with white space folded."""
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


class Browser:
    """One person's browser."""

    def __init__(self, app: Flask, db: Session) -> None:
        self.app, self.db = app, db
        self.client = app.test_client()

    def another(self) -> "Browser":
        """A second browser on the same site: somebody else's."""
        return Browser(self.app, self.db)

    def sign_in(self, person: Account) -> "Browser":
        """Signed in as `person`, without walking through the sign-in page (tests/web/test_account.py does)."""
        with self.client.session_transaction() as session:
            session["_user_id"] = f"{person.id}.{person.session_version}"
            session["_fresh"] = True
        return self

    def get(self, path: str, *, follow: bool = False, status: int | None = 200, **kwargs: Any) -> Page:
        return self._page(self.client.get(path, follow_redirects=follow, **kwargs), None if follow else status)

    def post(self, path: str, data: Any = None, *, follow: bool = False, status: int | None = None, **kw: Any) -> Page:
        return self._page(self.client.post(path, data=data or {}, follow_redirects=follow, **kw), status)

    def submit(self, page: Page, path: str, follow: bool = True, action: str | None = None, **changes: Any) -> Page:
        """Send the page's form as it stands, with some fields filled in differently; None leaves one out."""
        values: dict[str, Any] = {**page.form_values(action), **changes}
        return self.post(path, {k: v for k, v in values.items() if v is not None}, follow=follow)

    def _page(self, response: TestResponse, status: int | None) -> Page:
        assert response.status_code != 500, response.get_data(as_text=True)[:2000]
        if status is not None:
            assert response.status_code == status, f"{response.status_code}, not {status}: {response.location}"
        self.db.expire_all()  # what the page changed is read afresh
        return Page(response)

    @contextmanager
    def count_queries(self) -> Iterator[list[str]]:
        """Collects the SQL statements that the app sends meanwhile."""
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                seen.append(statement)

        engine = self.app.extensions["omzien.engine"]
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)
