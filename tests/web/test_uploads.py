import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from sideman.core.errors import OutputError, SidemanError, UsageError
from sideman.web.problems import MediaTypeError
from sideman.web.scratch import Scratch
from sideman.web.uploads import received, shown_name


def request_of(body, kind, query=b"", step=7):
    pieces = [body[i : i + step] for i in range(0, len(body), step)] or [b""]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        return messages.pop(0)

    headers = [(b"content-type", kind.encode())] if kind else []
    return Request({"type": "http", "method": "POST", "headers": headers, "query_string": query, "path": "/"}, receive)


def take(folder, body, kind, query=b"", **known):
    """Names and contents of what came; afterwards nothing must be left."""

    async def story():
        async with received(request_of(body, kind, query), folder, **known) as form:
            assert all(upload.path.parent == folder for upload in form.files.values())
            files = {part: (upload.name, upload.path.read_bytes()) for part, upload in form.files.items()}
            return files, form.texts

    try:
        return asyncio.run(story())
    finally:
        assert list(folder.iterdir()) == []


def multipart(*parts):
    body = b"".join(
        b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    )
    return body + b"--b--\r\n"


KIND = "multipart/form-data; boundary=b"


def test_a_file_arrives_byte_by_byte_as_it_was(tmp_path):
    content = bytes(range(256)) * 20 + b"\r\n--a not the end\r\n--"
    files, _ = take(tmp_path, multipart(('name="file"; filename="a.wav"', content)), KIND)
    assert files == {"file": ("a.wav", content)}


def test_raw_bytes_are_a_file_too(tmp_path):
    assert take(tmp_path, b"abc", "audio/mpeg", b"name=x.mp3") == ({"file": ("x.mp3", b"abc")}, {})
    assert take(tmp_path, b"abc", "") == ({"file": ("upload", b"abc")}, {})


def test_texts_and_files_come_together(tmp_path):
    body = multipart(('name="wish"', "süß".encode()), ('name="source"; filename="x.mid"', b"MThd"))
    files, texts = take(tmp_path, body, KIND, files=("source",), texts=("wish",))
    assert texts == {"wish": "süß"}
    assert files == {"source": ("x.mid", b"MThd")}


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_bodies_that_are_no_files_are_not_taken_for_some(tmp_path, kind):
    with pytest.raises(MediaTypeError, match="octet-stream"):
        take(tmp_path, b"{}", kind)


@pytest.mark.parametrize(
    "body, told",
    [
        (multipart(('name="other"; filename="x"', b"x")), "unknown part 'other'; there may be: file"),
        (multipart(("", b"x")), "unknown part"),
        (multipart(('name="file"', b"x"), ('name="file"', b"y")), "twice"),
        (multipart(('name="file"', b"x"))[:-6], "breaks off"),
        (b"--b--\r\n", "no part 'file'"),
        (multipart(('name="file"; filename="' + "x" * 9000 + '"', b"x")), "too long|Maximum header size"),
    ],
)
def test_forms_that_make_no_sense_are_refused_and_leave_nothing(tmp_path, body, told):
    with pytest.raises(UsageError, match=told):
        take(tmp_path, body, KIND)


def test_too_many_parts_and_too_long_texts(tmp_path):
    texts = tuple(f"t{i}" for i in range(40))
    body = multipart(*((f'name="{name}"', b"x") for name in texts))
    with pytest.raises(UsageError, match="more than 16 parts"):
        take(tmp_path, body, KIND, texts=texts)
    with pytest.raises(UsageError, match="longer than 64 KiB"):
        take(tmp_path, multipart(('name="t"', b"x" * 70_000)), KIND, texts=("t",))


def test_an_upload_that_cannot_be_kept_is_no_failure_of_its_sender(tmp_path):
    async def story():
        async with received(request_of(b"x" * 100_000, "audio/mpeg", step=50_000), tmp_path / "gone"):
            pass

    with pytest.raises(OutputError, match="try again later"):
        asyncio.run(story())


@given(
    st.binary(max_size=300), st.sampled_from([KIND, "multipart/form-data; boundary=", "multipart/form-data", "audio/x"])
)
def test_any_bytes_are_a_file_or_refused(tmp_path_factory, body, kind):
    folder = tmp_path_factory.mktemp("any")
    with contextlib.suppress(SidemanError):
        files, _ = take(folder, body, kind)
        assert list(files) == ["file"]


@given(st.text())
def test_a_shown_name_is_one_short_line_without_folders(name):
    shown = shown_name(name)
    assert shown
    assert len(shown) <= 120
    assert "/" not in shown
    assert "\\" not in shown
    assert shown.isprintable()


def test_a_private_folder_is_for_its_server_alone_and_goes_with_it(tmp_path):
    first = Scratch(tmp_path)
    assert first.folder.stat().st_mode & 0o777 == 0o700
    with first.file() as path:
        path.write_bytes(b"x")
    assert not path.exists()
    second = Scratch(tmp_path)
    assert first.folder.exists(), "a folder whose server lives was taken for abandoned"
    first.close()
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_crashed_server_left_is_removed_and_nothing_else(tmp_path):
    left = tmp_path / "sideman-serve-dead"
    left.mkdir()
    (left / "lock").touch()
    (left / "upload-x").write_text("x")
    strange = tmp_path / "sideman-serve-notours"
    strange.mkdir()
    (strange / "file").write_text("x")
    (tmp_path / "sideman-serve-link").symlink_to(strange)
    Scratch(tmp_path).close()
    assert not left.exists()
    assert (strange / "file").exists()
