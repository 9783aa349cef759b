"""Refusals in words. Nothing a person sends may end in a 500."""

from flask import Flask, current_app, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError, StatementError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from matching.errors import IllegalMove, NotAllowed, NotFound, TooManyAttempts
from matching.models.encrypted import NoKey


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(NotFound, lambda error: _page(404))
    app.register_error_handler(NotAllowed, lambda error: _page(403))
    app.register_error_handler(IllegalMove, lambda error: _page(409))
    app.register_error_handler(TooManyAttempts, _too_many)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(NoKey, _no_key)
    app.register_error_handler(StatementError, _statement)
    app.register_error_handler(Exception, _bug)


def _texts(code: int) -> tuple[str, str]:
    known = {
        400: (
            _("We did not understand this"),
            _("Go back and try again. What you typed is often still there."),
        ),
        403: (
            _("This page is not for you"),
            _("You are signed in, but this page belongs to somebody else's work."),
        ),
        404: (
            _("We cannot find this page"),
            _("Perhaps the address has a typing error, or the page is gone."),
        ),
        405: (
            _("This does not work this way"),
            _("Go back to the page you came from and use the button there."),
        ),
        409: (
            _("This has changed in the meantime"),
            _("Somebody was just before you. Look again how it stands now."),
        ),
        410: (_("This page is gone"), _("It was removed. Start again from the front page.")),
        413: (_("This is too much at once"), _("Make your text shorter and send it again.")),
        429: (_("Please wait a moment"), _("You tried this often. Wait a while and try again.")),
    }
    broken = (
        _("Something went wrong on our side"),
        _("It is not your fault. Try again in a few minutes, or call us."),
    )
    return known.get(code, broken if code >= 500 else known[400])


def _page(code: int, text: str = "") -> tuple[str, int]:
    title, usual = _texts(code)
    return render_template("errors/error.html", title=title, text=text or usual, code=code), code


def _http(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.code is None or error.code < 400:
        return error  # a redirect
    return _page(error.code)


def _csrf(_error: CSRFError) -> tuple[str, int]:
    return _page(400, _("This page was open for too long. Go back, reload it and send it again."))


def _too_many(error: TooManyAttempts) -> tuple[str, int]:
    return _page(429, _("You tried this often. Try again in %(minutes)s minutes.", minutes=error.minutes))


def _busy(error: OperationalError) -> tuple[str, int]:
    """The database is away or too busy: say so, and let monitors tell it from a bug."""
    current_app.logger.error("database: %s", type(error.orig).__name__, exc_info=error)
    return _page(ServiceUnavailable.code)


def _no_key(error: NoKey) -> tuple[str, int]:
    """What is stored cannot be read: the operator reads what to do in the log, a person that it is not lost."""
    current_app.logger.error("keys: %s Look with: omzien keys check", error)
    return _page(
        ServiceUnavailable.code,
        _("We cannot open what you told us at this moment. It is kept safe. Try again later, or call us."),
    )


def _statement(error: StatementError) -> tuple[str, int]:
    """SQLAlchemy wraps what goes wrong while a value is encrypted."""
    return _no_key(error.orig) if isinstance(error.orig, NoKey) else _bug(error)


def _bug(error: Exception) -> tuple[str, int]:
    current_app.logger.exception("error in %s", request.endpoint, exc_info=error)
    return _page(InternalServerError.code)
