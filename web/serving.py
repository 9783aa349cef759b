"""Serving: the web under gunicorn, the worker beside it, and in the demo a mail server that keeps what it gets."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from types import FrameType

from web.config import Settings, from_environment


def serve(*, host: str, port: int, workers: int) -> None:
    """Run until a signal or until one of the processes ends; then end them all."""
    settings = from_environment()
    catcher = None
    if settings.demo:
        from web.mail_catcher import start  # only the demo needs it

        catcher = start(settings.mail_folder, port=_free_port())
        os.environ["OMZIEN_SMTP_URL"] = f"smtp://127.0.0.1:{catcher.port}"
    web = [sys.executable, "-m", "gunicorn", "web.wsgi:app", "--preload", "--log-level", "warning"]
    web += ["--bind", f"{host}:{port}", "--workers", str(workers), "--worker-tmp-dir", _memory_folder(settings)]
    children = [
        subprocess.Popen(web),
        subprocess.Popen([sys.executable, "-m", "web.cli", "worker"]),
    ]

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        with suppress(KeyboardInterrupt):  # asked to stop: end the others below
            os.wait()
    finally:
        for child in children:
            if child.poll() is None:
                child.terminate()
        for child in children:
            child.wait(timeout=20)
        if catcher is not None:
            catcher.stop()


def _memory_folder(settings: Settings) -> str:
    """Where workers touch their heartbeat: on a busy disk a heartbeat can block long enough to be killed."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else str(settings.home)  # noqa: S108  # as gunicorn advises


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
