import asyncio
import threading
import time
from contextlib import asynccontextmanager

import pytest

from sideman.core.errors import LibraryError
from sideman.web.jobs import Jobs
from sideman.web.problems import BusyError, ConflictError, NotFoundError
from sideman.web.settings import Settings


@asynccontextmanager
async def kept(folder, **settings):
    made = Jobs(Settings(**settings), folder)
    try:
        yield made
    finally:
        await made.close()


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


async def followed(jobs, job):
    return [(name, info) async for name, info in jobs.events(job)]


def test_a_job_tells_every_step_and_at_last_what_came_of_it(tmp_path):
    async def story():
        async with kept(tmp_path) as jobs:

            async def work(job):
                for i in range(3):
                    job.report(i, 3, "counting", f"at {i}")
                    await asyncio.sleep(0.01)
                return {"sum": 3}

            job = jobs.start("count", work)
            told = await followed(jobs, job)
            assert [name for name, _ in told[-2:]] == ["progress", "done"]
            assert [info.progress.message for name, info in told if info.progress.message][-1] == "at 2"
            last = told[-1][1]
            assert (last.state, last.result, last.error) == ("done", {"sum": 3}, None)
            assert jobs.get(job.id) is job
            assert jobs.all() == [job]

    run(story())


def test_work_that_waits_for_a_worker_is_queued_until_it_begins(tmp_path):
    async def story():
        async with kept(tmp_path) as jobs:
            go = asyncio.Event()

            async def work(job):
                await go.wait()
                job.begin()
                await asyncio.sleep(0.01)

            job = jobs.start("compose", work, waits=True)
            await asyncio.sleep(0.01)
            assert job.state == "queued"
            go.set()
            assert "running" in [info.state for _, info in await followed(jobs, job)]

    run(story())


def test_a_job_that_fails_has_one_line_and_a_bug_does_not_show_its_insides(tmp_path, caplog):
    async def story():
        async with kept(tmp_path) as jobs:

            async def refuse(job):
                raise LibraryError("library.db: is locked")

            async def blunder(job):
                raise KeyError("secret/path")

            jobs_made = [jobs.start("a", refuse), jobs.start("b", blunder)]
            ends = [(await followed(jobs, job))[-1] for job in jobs_made]
            assert [name for name, _ in ends] == ["failed", "failed"]
            assert ends[0][1].error == "library.db: is locked"
            assert ends[1][1].error == "unexpected KeyError; please report this"
            assert "secret/path" in caplog.text

    run(story())


def test_cancelling_stops_the_work_and_removes_its_files(tmp_path):
    async def story():
        async with kept(tmp_path) as jobs:

            async def work(job):
                (job.folder / "piece.wav").write_bytes(b"x")
                await asyncio.sleep(60)

            job = jobs.start("compose", work)
            listener = asyncio.create_task(followed(jobs, job))
            await asyncio.sleep(0.05)
            folder = job.folder
            assert (folder / "piece.wav").exists()
            await jobs.remove(job.id)
            assert not folder.exists()
            assert (await listener)[-1][0] == "cancelled"
            with pytest.raises(NotFoundError):
                jobs.get(job.id)

    run(story())


def test_work_in_a_thread_reports_and_ends_when_it_is_told_to(tmp_path):
    async def story():
        async with kept(tmp_path) as jobs:

            def work(job):
                at = 0
                while not job.stopped():
                    at += 1
                    job.report(at, None, "scanning")
                    time.sleep(0.005)
                return {"stopped_at": at}

            job = jobs.thread("scan", work)
            seen = []
            async for _, info in jobs.events(job):
                seen.append(info.progress.done)
                if len(seen) == 3:
                    break
            await jobs.remove(job.id)
            assert job.state == "cancelled"
            assert job.result["stopped_at"] >= seen[-1] > 0

    run(story())


def test_two_jobs_that_exclude_each_other_do_not_run_at_once(tmp_path):
    async def story():
        async with kept(tmp_path) as jobs:
            go = threading.Event()
            first = jobs.thread("scan", lambda job: go.wait(10), alone="library")
            with pytest.raises(ConflictError, match="scan"):
                jobs.thread("tag", lambda job: None, alone="library")
            go.set()
            await followed(jobs, first)
            assert (await followed(jobs, jobs.thread("tag", lambda job: None, alone="library")))[-1][0] == "done"

    run(story())


def test_jobs_may_be_started_from_another_thread(tmp_path):
    async def story():
        async with kept(tmp_path) as jobs:
            job = await asyncio.to_thread(jobs.thread, "scan", lambda job: {"files": 1})
            assert (await followed(jobs, job))[-1][1].result == {"files": 1}

    run(story())


def test_too_many_unfinished_jobs_are_refused_and_old_ones_forgotten(tmp_path):
    async def story():
        async with kept(tmp_path, queue_n=2, jobs_n=3) as jobs:

            async def forever(job):
                await asyncio.sleep(60)

            async def quick(job):
                (job.folder / "x").write_text("x")

            running = [jobs.start("a", forever), jobs.start("a", forever)]
            with pytest.raises(BusyError):
                jobs.start("a", forever)
            await jobs.remove(running[0].id)
            for _ in range(6):
                await followed(jobs, jobs.start("b", quick))
            jobs.all()
            assert len(jobs.all()) == 3 + 1
            assert len(list(tmp_path.glob("job-*"))) == 3

    run(story())


def test_jobs_are_forgotten_after_their_time(tmp_path):
    async def story():
        async with kept(tmp_path, job_keep_s=0.05) as jobs:

            async def quick(job):
                return None

            job = jobs.start("b", quick)
            await followed(jobs, job)
            await asyncio.sleep(0.1)
            with pytest.raises(NotFoundError):
                jobs.get(job.id)

    run(story())


def test_who_cancels_twice_waits_twice_for_work_in_a_thread(tmp_path):
    async def story():
        async with kept(tmp_path) as jobs:
            begun, go, ended = threading.Event(), threading.Event(), threading.Event()

            def work(job):
                begun.set()
                go.wait(30)
                ended.set()

            job = jobs.thread("tag", work, alone="library")
            await asyncio.to_thread(begun.wait)
            removals = [asyncio.create_task(jobs.remove(job.id)) for _ in range(2)]
            await asyncio.sleep(0.1)
            assert not any(removal.done() for removal in removals)
            with pytest.raises(ConflictError):  # or two would write at once
                jobs.thread("tag", work, alone="library")
            removals[0].cancel()  # who asked has left
            await asyncio.sleep(0.05)
            assert not job.ended
            go.set()
            await removals[1]
            assert ended.is_set()
            assert job.state == "cancelled"

    run(story())
