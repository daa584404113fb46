"""What the server keeps for a while has a limit, and a full disk is told in a line."""

import asyncio
import shutil
import subprocess
import sys
import tempfile

import pytest

from sideman.core.errors import UsageError
from sideman.web.jobs import Jobs
from sideman.web.problems import FullError
from sideman.web.settings import Settings
from sideman.web.space import Space
from sideman.web.uploads import received
from tests.web.making import API, finished, problem, served
from tests.web.test_uploads import request_of

SOUND = "audio/x"


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch):
    monkeypatch.setattr("sideman.web.space._LOOK_S", -1.0)


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a disk of 2 MB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("needs tmpfs")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("cannot mount a small disk here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_uploads_count_while_they_come_and_until_they_are_done(tmp_path):
    space = Space(tmp_path, 1000, 0)

    async def story():
        async with received(request_of(b"x" * 600, SOUND), tmp_path, space=space):
            assert space.held() == 600
            with pytest.raises(FullError, match="in use"):
                async with received(request_of(b"x" * 500, SOUND), tmp_path, space=space):
                    pass
            assert space.held() == 600
            assert len(list(tmp_path.iterdir())) == 1
            async with received(request_of(b"x" * 400, SOUND), tmp_path, space=space):
                assert space.held() == 1000
        assert space.held() == 0
        assert list(tmp_path.iterdir()) == []

    asyncio.run(story())


def test_what_jobs_made_counts_too(tmp_path):
    space = Space(tmp_path, 1000, 0)
    (tmp_path / "job-1" / "deeper").mkdir(parents=True)
    (tmp_path / "job-1" / "0.flac").write_bytes(b"x" * 300)
    (tmp_path / "job-1" / "deeper" / "1.flac").write_bytes(b"x" * 300)
    assert space.held() == 600
    space.check(400)
    with pytest.raises(FullError):
        space.check(401)


def test_some_room_is_left_on_the_disk_for_others(tmp_path):
    Space(tmp_path, 1000, 0).check()
    with pytest.raises(FullError, match="disk is"):
        Space(tmp_path, 1000, 1 << 60).check()


def test_an_upload_for_which_there_is_no_room_is_refused_and_leaves_nothing():
    with served("/nowhere/none.db", most_body_bytes=200_000, most_kept_bytes=300_000) as client:
        context = client.app.state.context
        kept = context.scratch.folder / "job-1"
        kept.mkdir()
        (kept / "0.flac").write_bytes(b"x" * 200_000)

        def piecewise():
            for _ in range(30):
                yield b"x" * 5000

        for body in (b"x" * 150_000, piecewise()):  # its length is told, or not
            told = client.post(f"{API}/waveform", content=body, headers={"Content-Type": SOUND})
            assert "in use" in problem(told, 507)
        part = {"file": ("a.wav", b"x" * 150_000)}
        assert "in use" in problem(client.post(f"{API}/waveform", files=part), 507)
        assert not list(context.scratch.folder.glob("upload-*"))
        (kept / "1.flac").write_bytes(b"x" * 200_000)
        assert "in use" in problem(client.post(f"{API}/compose", json={"n": 1}), 507)
        for path in kept.iterdir():
            path.unlink()
        context.space.check(150_000)


def test_a_limit_below_one_upload_makes_no_sense():
    with pytest.raises(UsageError, match="--max-temporary"):
        Settings(most_body_bytes=2000, most_kept_bytes=1000)


def test_finished_jobs_are_kept_within_half_of_the_room_and_the_latest_always(tmp_path):
    settings = Settings(most_body_bytes=100, most_kept_bytes=1000)

    async def story():
        jobs = Jobs(settings, tmp_path, Space(tmp_path, 1000, 0))

        async def make(n):
            async def work(job):
                (job.folder / "0.flac").write_bytes(b"x" * n)

            job = jobs.start("compose", work)
            async for _ in jobs.events(job):
                pass
            return job

        first, second, third = [await make(n) for n in (300, 300, 200)]
        assert jobs.all() == [third, second]
        assert not (tmp_path / f"job-{first.id}").exists()
        large = await make(900)
        assert jobs.all() == [large]
        await jobs.close()

    asyncio.run(story())


def test_an_upload_onto_a_full_disk_is_told_so_and_leaves_nothing(full_disk):
    async def story(space):
        async with received(request_of(b"x" * 3_000_000, SOUND, step=65536), full_disk, space=space):
            pass

    for space in (None, Space(full_disk, 1 << 30, 0)):  # the disk itself says so, or it was asked before
        with pytest.raises(FullError, match="disk is"):
            asyncio.run(story(space))
        assert list(full_disk.iterdir()) == []


def test_a_server_on_a_full_disk_says_so_in_a_line(full_disk, monkeypatch, caplog):
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    with served("/nowhere/none.db", least_free_bytes=0) as client:
        folder = client.app.state.context.scratch.folder
        assert folder.parent == full_disk
        answer = client.post(f"{API}/waveform", files={"file": ("x.wav", b"x" * 3_000_000)})
        assert "disk is" in problem(answer, 507)
        assert not list(folder.glob("upload-*"))
        (folder / "rest").write_bytes(b"x" * (shutil.disk_usage(folder).free - 8192))
        job = client.post(f"{API}/compose", json={"engine": "spectra", "seconds": 2, "n": 1, "genre": "jazz"})
        failed = finished(client, job.json())
        assert failed["state"] == "failed"
        assert failed["error"].startswith("the piece cannot be kept: the server's disk is full")
        assert str(full_disk) not in failed["error"]
        assert client.get(f"{API}/health").status_code == 200
    assert "Traceback" not in caplog.text
