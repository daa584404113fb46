"""Bodies: counted while they come, wherever they come."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from sideman.web.bodies import Bodies
from sideman.web.settings import Settings


async def reading_app(scope, receive, send):
    body = await Request(scope, receive).body()
    await JSONResponse({"got": len(body)})(scope, receive, send)


async def swallowing_app(scope, receive, send):
    """As frameworks do that take any error of reading for a mistake of the client."""
    try:
        await Request(scope, receive).body()
    except Exception:  # noqa: BLE001 - that is the point
        await JSONResponse({"detail": "bad"}, 400)(scope, receive, send)
        return
    await JSONResponse({})(scope, receive, send)


async def deaf_app(scope, receive, send):
    await JSONResponse({"busy": True}, 429)(scope, receive, send)


def ask(chunks, path="/api/v1/classify", app=reading_app, headers=(), pause_s=0.0, **settings):
    """Send a body in chunks: (status, how many were taken)."""
    left, sent, taken = list(chunks), [], 0
    scope = {
        "type": "http", "method": "POST", "path": path,
        "headers": [(b"transfer-encoding", b"chunked"), *headers],
    }  # fmt: skip

    async def receive():
        nonlocal taken
        await asyncio.sleep(pause_s)
        if not left:
            return {"type": "http.disconnect"}
        taken += 1
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    asyncio.run(Bodies(app, Settings(**settings))(scope, receive, send))
    starts = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert len(starts) <= 1
    if starts:
        assert not sent[-1].get("more_body", False)
    return (starts[0] if starts else None), taken


def test_what_is_small_enough_passes():
    assert ask([b"x" * 100] * 10, most_body_bytes=1000)[0] == 200


@pytest.mark.parametrize("app", [reading_app, swallowing_app])
def test_one_byte_too_many_is_413_whatever_the_application_makes_of_it(app):
    assert ask([b"x" * 100] * 10 + [b"x"], most_body_bytes=1000, app=app)[0] == 413


@pytest.mark.parametrize(
    "kind", [b"application/json", b"application/x-www-form-urlencoded; charset=utf-8", b"text/plain"]
)
def test_text_stays_small_also_where_uploads_may_be_large(kind):
    headers = [(b"content-type", kind)]
    assert ask([b"x" * 2000], headers=headers, most_plain_bytes=1000)[0] == 413
    assert ask([b"x" * 2000], headers=[(b"content-type", b"audio/mpeg")], most_plain_bytes=1000)[0] == 200


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/library/scan", "/api/v1/classify/x", "/", "/rest/ping"])
def test_only_uploads_may_be_large(path):
    assert ask([b"x" * 2000], path=path, most_plain_bytes=1000)[0] == 413


@pytest.mark.parametrize("settings", [{"body_idle_s": 0.02}, {"body_total_s": 0.1}], ids=["idle", "in all"])
@pytest.mark.parametrize("app", [reading_app, swallowing_app])
def test_who_is_too_slow_is_told_408(settings, app):
    status, taken = ask([b"x"] * 100, pause_s=0.04, app=app, **settings)
    assert status == 408
    assert taken < 100


def test_an_answer_before_the_body_was_read_waits_for_a_sender_so_that_he_sees_it():
    assert ask([b"x"] * 50, app=deaf_app) == (429, 50)


def test_a_sender_without_end_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr("sideman.web.bodies._LINGER_S", 0.1)
    status, taken = ask([b"x"] * 100_000, app=deaf_app, pause_s=0.01)
    assert status == 429
    assert taken < 20


def test_a_client_that_left_is_not_answered():
    async def leaving(scope, receive, send):
        raise ClientDisconnect

    assert ask([b"x"], app=leaving) == (None, 0)


def test_errors_of_the_application_go_on():
    async def broken(scope, receive, send):
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        ask([b"x"], app=broken)


def test_a_piece_to_start_from_is_small_and_a_wish_smaller():
    score = [(b"content-type", b"multipart/form-data; boundary=b")]
    sound = [(b"content-type", b"application/octet-stream")]
    mega = b"x" * 1024 * 1024
    assert ask([mega] * 3, path="/api/v1/compose", headers=score)[0] == 200
    assert ask([mega] * 5, path="/api/v1/compose", headers=score)[0] == 413
    for path in ("/api/v1/compose", "/api/v1/compose/understand"):  # these are held in memory
        assert ask([mega] * 2, path=path, headers=sound)[0] == 413


def test_a_server_that_ends_says_so_to_who_still_sends():
    async def ended(scope, receive, send):
        raise asyncio.CancelledError

    assert ask([b"x"], app=ended)[0] == 503
