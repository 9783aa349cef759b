"""What every answer carries, whatever kind it is; cookies; where one may be sent on to; too much; not found."""

import json
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlmodel import Session

from matching.models.base import utcnow
from matching.services import passwords
from tests.browse import Browser
from tests.people import Cast
from web import HEADERS, STATIC
from web.safe_paths import local_path

EVIL = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "/\0/evil.example",
    "//evil.example/%2e%2e",
    "https:/\\evil.example",
    "/ik\\..\\..//evil.example",
    "/" + "x" * 600,
    "",
]


def kinds(client: Browser, cast: Cast) -> Iterator[tuple[str, object]]:
    """An answer of every kind."""
    browser = client.client
    yield "page", browser.get("/")
    yield "head", browser.head("/")
    yield "redirect", browser.get("/ik")
    yield "not found", browser.get("/bestaat-niet")
    yield "not allowed", browser.get("/uitloggen")
    yield "refused form", browser.post("/inloggen", data={"email": ""})
    yield "too large", browser.post("/inloggen", data={"email": "x" * 300_000})
    yield "options", browser.options("/")
    client.sign_in(cast.anna)
    yield "forbidden", browser.get("/beheer/medewerkers")
    yield "member's page", browser.get("/ik")


def it_protects_every_kind_of_answer(client: Browser, cast: Cast) -> None:
    for kind, response in kinds(client, cast):
        for name, value in HEADERS.items():
            assert response.headers.get(name) == value, (kind, name)


def it_allows_no_inline_code_and_no_third_party() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy


def it_asks_for_https_where_it_is_served_so(app: Flask, client: Browser) -> None:
    assert "Strict-Transport-Security" not in client.get("/").headers
    app.config["SESSION_COOKIE_SECURE"] = True
    try:
        headers = client.get("/taal", status=405).headers
    finally:
        app.config["SESSION_COOKIE_SECURE"] = False
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")


class DescribeTheCookie:
    def it_has_its_flags(self, app: Flask, client: Browser, db: Session, cast: Cast) -> None:
        passwords.set_password(db, cast.anna, "vier woorden op rij", now=utcnow())
        db.commit()
        app.config["SESSION_COOKIE_SECURE"] = True
        try:
            answer = client.client.post("/inloggen", data={"email": cast.anna.email, "password": "vier woorden op rij"})
        finally:
            app.config["SESSION_COOKIE_SECURE"] = False
        (cookie,) = answer.headers.getlist("Set-Cookie")
        flags = {part.strip().split("=")[0] for part in cookie.split(";")[1:]}
        assert {"Secure", "HttpOnly", "SameSite", "Path", "Expires"} <= flags
        assert "SameSite=Lax" in cookie
        assert "Domain" not in flags

    def it_is_not_set_on_whoever_looks_at_a_static_file(self, client: Browser) -> None:
        assert "Set-Cookie" not in client.client.get(f"/static/{_manifest()['site.css']}").headers

    @pytest.mark.parametrize("value", ["x", "", "1.2.3", "eyJfdXNlcl9pZCI6IjEuMSJ9.x.y", "\u00e9", "." * 4000])
    def it_does_not_mind_a_made_up_one(self, client: Browser, value: str) -> None:
        client.client.set_cookie("omzien", value)
        assert client.get("/ik", status=302).location.startswith("/inloggen")

    @pytest.mark.parametrize("who", ["x", "1", "1.", ".1", "1.x", "-1.1", "1.1.1", "999999.1"])
    def it_does_not_mind_a_strange_person_in_it(self, client: Browser, who: str) -> None:
        with client.client.session_transaction() as session:
            session["_user_id"] = who
        assert client.get("/ik", status=302).location.startswith("/inloggen")


class DescribeGoingOn:
    def it_stays_here_after_signing_in(self, client: Browser, db: Session, cast: Cast) -> None:
        passwords.set_password(db, cast.anna, "vier woorden op rij", now=utcnow())
        db.commit()
        for path in EVIL:
            sent = {"email": cast.anna.email, "password": "vier woorden op rij", "verder": path}
            assert client.another().post("/inloggen", sent).location == "/ik", path

    def it_stays_here_when_it_has_nothing_to_ask(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna)
        for path in EVIL:
            assert local_path(path, "/ik") == "/ik", path
            assert client.get("/inloggen", query_string={"verder": path}, status=302).location == "/ik", path
            assert client.another().post("/taal", {"taal": "en", "verder": path}).location == "/", path

    @pytest.mark.parametrize("path", ["/ik", "/hulpvragen?pagina=2", "/helpen/vragen?lijst", "/zoek?q=a%20b#c", "/é"])
    def it_goes_to_a_page_of_our_own(self, path: str) -> None:
        assert local_path(path) == path

    def it_shows_no_evil_path_in_the_form(self, client: Browser) -> None:
        for path in EVIL:
            page = client.get("/inloggen", query_string={"verder": path})
            assert page.form_values("/inloggen")["verder"] == [""], path


def _manifest() -> dict[str, str]:
    built: dict[str, str] = json.loads((STATIC / "manifest.json").read_text())
    return built


class DescribeStaticFiles:
    @pytest.mark.parametrize("name", ["site.css", "site.js"])
    def it_keeps_them_for_ever(self, client: Browser, name: str) -> None:
        response = client.client.get(f"/static/{_manifest()[name]}")
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]

    @pytest.mark.parametrize("encoding", ["br", "gzip"])
    def it_sends_them_small(self, client: Browser, encoding: str) -> None:
        path = f"/static/{_manifest()['site.css']}"
        small = client.client.get(path, headers={"Accept-Encoding": encoding})
        assert small.headers["Content-Encoding"] == encoding
        assert len(small.data) < len(client.client.get(path).data) / 3

    @pytest.mark.parametrize("path", ["../web/config.py", "..%2fconfig.py", "%2e%2e/config.py", "bestaat-niet.css"])
    def it_sends_nothing_else(self, client: Browser, path: str) -> None:
        assert client.client.get(f"/static/{path}").status_code == 404


def it_sends_pages_small(client: Browser) -> None:
    response = client.client.get("/", headers={"Accept-Encoding": "br, gzip"})
    assert response.headers["Content-Encoding"] == "br"
    assert "Accept-Encoding" in response.headers["Vary"]


class DescribeTooMuch:
    @pytest.mark.parametrize("path", ["/inloggen", "/account/nieuw", "/taal", "/uitloggen"])
    def it_says_so(self, app: Flask, client: Browser, path: str) -> None:
        app.config["WTF_CSRF_ENABLED"] = True  # which reads the form before the page does
        try:
            page = client.post(path, {"email": "x" * 300_000}, status=413)
        finally:
            app.config["WTF_CSRF_ENABLED"] = False
        assert "413" in page.words

    def it_says_so_of_too_many_fields(self, client: Browser) -> None:
        data = "&".join(f"x{number}=" for number in range(20_000))
        response = client.client.post("/inloggen", data=data, content_type="application/x-www-form-urlencoded")
        assert response.status_code in (413, 422)


class DescribeNotFound:
    @pytest.mark.parametrize(
        ("language", "words"), [("nl", "Wij kunnen deze pagina niet vinden"), ("en", "cannot find")]
    )
    def it_says_so_in_both_languages(self, client: Browser, language: str, words: str) -> None:
        page = client.get("/bestaat-niet", status=404, headers={"Accept-Language": language})
        assert page.one("html").get("lang") == language
        if language == "en":
            assert words in page.h1
        else:
            assert "find" not in page.h1
        assert page.all("a", href="/")

    @pytest.mark.parametrize(
        "path", ["/%00", "/%ff", "/\u202e", "//evil.example", "/" + "x" * 5000, "/.env", "/ik/../x"]
    )
    def it_takes_any_address(self, client: Browser, path: str) -> None:
        assert client.get(path, status=None).status in (301, 302, 308, 404)

    @pytest.mark.parametrize("header", ["", "xx", "*", "nl;q=x", "\u00e9", ",,,,", "nl-NL,en;q=0.9," * 300])
    def it_takes_any_language(self, client: Browser, header: str) -> None:
        client.get("/inloggen", headers={"Accept-Language": header.encode("latin-1").decode("latin-1")})
