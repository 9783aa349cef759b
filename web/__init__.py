"""The Flask app."""

import json
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from wsgiref.headers import Headers

from flask import Flask, Request, Response, current_app, request
from flask_compress import Compress
from flask_login import current_user
from flask_wtf import CSRFProtect
from sqlalchemy import select
from sqlmodel import col
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from matching.models import Gemeente
from matching.models.encrypted import use_keys
from web import access, auth, errors, i18n, navigation, views, worker
from web import db as database
from web.config import Settings, from_environment
from web.icons import icon, sprite
from web.safe_paths import local_path

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
STATIC_HEADERS = {name: value for name, value in HEADERS.items() if name != "Cache-Control"}
HTTPS_ONLY = "max-age=31536000; includeSubDomains"  # where the site is served over https


class PageRequest(Request):
    """HEAD is a GET of which the body is not sent: views need to know of GET and POST only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method = "GET" if self.method == "HEAD" else self.method


def create_app(settings: Settings | None = None) -> Flask:
    """The application for `settings` (from the environment when None), ready to serve."""
    settings = settings or from_environment()
    app = Flask(__name__, static_folder=None)
    app.request_class = PageRequest
    app.config.from_mapping(
        OMZIEN=settings,
        SECRET_KEY=settings.secret_key,
        TESTING=settings.testing,
        MAX_CONTENT_LENGTH=256 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_NAME="omzien",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        WTF_CSRF_TIME_LIMIT=None,  # the session's own end is enough; an old tab must not lose a text
        BABEL_TRANSLATION_DIRECTORIES=str(Path(__file__).parent.parent / "translations"),
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=4,
        COMPRESS_LEVEL=5,
        COMPRESS_MIN_SIZE=800,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    use_keys(settings.field_keys)
    database.init_app(app, settings.database_url)
    auth.init_app(app)
    CSRFProtect(app)
    i18n.init_app(app)
    access.init_app(app)
    errors.init_app(app)
    Compress(app)
    views.init_app(app, demo=settings.demo)
    worker.init_app(app)
    app.after_request(_headers)
    app.context_processor(_context)
    _static_files(app)
    return app


def _static_files(app: Flask) -> None:
    """Built files are served compressed and cached for ever: their names hold their content's hash."""
    manifest = json.loads((STATIC / "manifest.json").read_text()) if STATIC.exists() else {}
    app.jinja_env.globals.update(
        asset=lambda name: f"/static/{manifest[name]}", icon=icon, sprite=sprite, languages=i18n.LANGUAGES
    )
    proxies = app.config["OMZIEN"].proxies
    inner = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies) if proxies else app.wsgi_app
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]  # the documented way to wrap a Flask app
        inner, root=str(STATIC) if STATIC.exists() else None, prefix="static/",
        immutable_file_test=lambda path, url: path.rsplit("/", 1)[-1] in set(manifest.values()),
        add_headers_function=_static_headers,
    )  # fmt: skip


def _static_headers(headers: Headers, _path: str, _url: str) -> None:
    for name, value in STATIC_HEADERS.items():
        headers[name] = value


def _headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", HTTPS_ONLY)
    return response


def _context() -> dict[str, Any]:
    return {
        "gemeente": gemeente(),
        "nav": navigation.items(),
        "locale": i18n.language(),
        "user": current_user,
        "here": local_path(request.full_path if request.method == "GET" else request.path),
    }


def gemeente() -> Any:
    """The gemeente on the front page: code, name, phone. Kept for a minute: it hardly ever changes."""
    kept = current_app.extensions.get("omzien.gemeente")
    if kept is None or kept[0] < monotonic():
        wanted = current_app.config["OMZIEN"].gemeente
        query = select(col(Gemeente.code), col(Gemeente.name), col(Gemeente.phone), col(Gemeente.phone_hours)).order_by(
            col(Gemeente.code)
        )
        found = database.db().connection().execute(query.where(col(Gemeente.code) == wanted) if wanted else query)
        kept = (monotonic() + 60, found.first())
        current_app.extensions["omzien.gemeente"] = kept
    return kept[1]
