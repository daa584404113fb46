"""Who may come in: names the server answers to, sites a browser may come from, and the secret."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from sideman.web.settings import Settings, is_loopback

_COOKIE = "sideman_session_"
_SLOW_S = 1.0
_MOST_SLOWED = 16
_TICKET_S = 300.0
_WILDCARDS = ("0.0.0.0", "::", "")


class Access:
    """The rules of one server."""

    def __init__(self, settings: Settings) -> None:
        self._token = settings.token
        # Browsers share cookies between the ports of a machine: each secret has a cookie of its own.
        self._cookie = _COOKIE + self._made_of_secret(b"sideman cookie 1")[:12]
        self._everywhere = settings.host.strip("[]") in _WILDCARDS
        self._names = {_plain(name) for name in (settings.host, *settings.allowed_hosts)} - {""}
        self._slowed = 0
        self._tickets: dict[str, float] = {}

    @property
    def needs_token(self) -> bool:
        """Whether there is a secret."""
        return self._token is not None

    def knows_host(self, host: str) -> bool:
        """Whether the server is reached by a name of its own: a site whose name was made to lead here has another.

        Args:
            host: a Host header, with or without port.
        """
        name = _without_port(host)
        if name is None:
            return False
        if is_loopback(name) or name in self._names:
            return True
        return self._everywhere and _is_address(name)

    def same_origin(self, origin: str, host: str) -> bool:
        """Whether a browser's Origin header is this server, by whatever of its names it was called."""
        try:
            told = urlsplit(origin)
            port = told.port
        except ValueError:
            return False
        if told.scheme not in ("http", "https") or told.hostname is None:
            return False
        name = f"[{told.hostname}]" if ":" in told.hostname else told.hostname
        default = 443 if told.scheme == "https" else 80
        known = {f"{name}:{port or default}"} | ({name} if port in (None, default) else set())
        return host.lower() in known

    def right(self, secret: str) -> bool:
        """Whether this is the secret, told in constant time."""
        return self._token is None or hmac.compare_digest(secret.encode("utf-8", "replace"), self._token.encode())

    def ticket(self) -> str:
        """What lets one browser in, once and soon, where others may read along: on a command line, in a history."""
        made = secrets.token_urlsafe(24)
        self._tickets[made] = time.monotonic() + _TICKET_S
        return made

    def right_once(self, shown: str) -> bool:
        """Whether this is the secret, or a :meth:`ticket` that was not used yet."""
        until_s = self._tickets.pop(shown, 0.0)
        return time.monotonic() < until_s or self.right(shown)

    def admits(self, headers: Mapping[str, str]) -> bool | None:
        """Whether the headers (names in lower case) hold the secret; None where they hold none at all."""
        if self._token is None:
            return True
        verdicts = [self._authorised(headers.get("authorization")), self._remembered(headers.get("cookie"))]
        given = [verdict for verdict in verdicts if verdict is not None]
        return any(given) if given else None

    def cookie(self, *, secure: bool) -> str:
        """A Set-Cookie header that stands for the secret, in a browser that has shown it."""
        return f"{self._cookie}={self._mark()}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000" + (
            "; Secure" if secure else ""
        )

    def no_cookie(self) -> str:
        """A Set-Cookie header that takes it back."""
        return f"{self._cookie}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"

    async def slow_down(self) -> bool:
        """Wait after a wrong secret; False where too many wait already, who are to be sent away."""
        if self._slowed >= _MOST_SLOWED:
            return False
        self._slowed += 1
        try:
            await asyncio.sleep(_SLOW_S)
        finally:
            self._slowed -= 1
        return True

    def _mark(self) -> str:
        """What the cookie holds: made of the secret, which cannot be told from it."""
        return self._made_of_secret(b"sideman session 1")

    def _made_of_secret(self, what: bytes) -> str:
        return hmac.new((self._token or "").encode(), what, hashlib.sha256).hexdigest()

    def _authorised(self, header: str | None) -> bool | None:
        if not header:
            return None
        scheme, _, value = header.strip().partition(" ")
        if scheme.lower() == "bearer":
            return self.right(value.strip().encode("latin-1", "replace").decode("utf-8", "replace"))
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
            except (binascii.Error, ValueError):
                return False
            return self.right(pair.partition(":")[2])
        return False

    def _remembered(self, header: str | None) -> bool | None:
        if not header:
            return None
        # Cookies of other servers of this machine come along, and Python's own reader stops at the first odd one.
        pairs = (pair.strip().partition("=") for pair in header.split(";"))
        marks = [value.strip() for name, _, value in pairs if name.strip() == self._cookie]
        if not marks:
            return None
        return any(hmac.compare_digest(mark.encode("utf-8", "replace"), self._mark().encode()) for mark in marks)


def _plain(name: str) -> str:
    return name.strip().strip("[]").rstrip(".").lower()


def _without_port(host: str) -> str | None:
    """The name of a Host header; None where it is none."""
    try:
        told = urlsplit(f"//{host}")
        if told.hostname is None or told.username is not None or told.path or told.query or told.fragment:
            return None
        _ = told.port
    except ValueError:
        return None
    return _plain(told.hostname)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
