"""Where to go next, when the address says so: only ever a page of our own."""

from urllib.parse import urlsplit


def local_path(path: str | None, default: str = "/") -> str:
    """`path` when it is a path on this site, else `default`. "//evil", "/\\evil", schemes and control
    characters are other sites to some browsers."""
    if not path or not path.startswith("/") or path[1:2] in ("/", "\\") or len(path) > 500:
        return default
    if any(character.isspace() or not character.isprintable() for character in path) or "\\" in path:
        return default
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else default
