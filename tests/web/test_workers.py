import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager

import psutil
import pytest

from sideman.core.errors import AudioError, MissingExtraError
from sideman.web.problems import BusyError, TooCostlyError, UnexpectedError
from sideman.web.settings import Settings
from sideman.web.workers import Workers
from tests.web import work_for_tests as work

NO_MEMORY = "needs more memory than the 300 MiB that this server allows"


@asynccontextmanager
async def workers(**settings):
    made = Workers(Settings(**{"workers": 1, "queue_n": 4, **settings}))
    try:
        yield made
    finally:
        await made.close()


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 120))


def test_a_worker_answers_tells_its_progress_and_is_used_again():
    async def story():
        async with workers() as made:
            told = []
            assert await made.run(work.add, 2, 3, on_progress=told.append) == 5
            assert told == [{"sum": 5}]
            first = await made.run(work.pid)
            assert first != os.getpid()
            assert await made.run(work.pid) == first

    run(story())


def test_errors_of_ours_keep_their_class_and_the_worker_lives_on():
    async def story():
        async with workers() as made:
            before = await made.run(work.pid)
            with pytest.raises(AudioError, match=r"^song\.mp3: is damaged$"):
                await made.run(work.fail)
            with pytest.raises(MissingExtraError, match="'m4a'") as caught:
                await made.run(work.need_extra)
            assert caught.value.extra == "m4a"
            assert await made.run(work.pid) == before

    run(story())


def test_a_bug_is_one_line_for_the_client_and_a_traceback_in_the_log(caplog):
    async def story():
        async with workers() as made:
            with pytest.raises(UnexpectedError, match=r"^x\.mp3: unexpected ZeroDivisionError; please report this$"):
                await made.run(work.blunder, what="x.mp3")
            assert "1 / 0" in caplog.text
            with pytest.raises(UnexpectedError):
                await made.run(work.unsendable)
            assert await made.run(work.add, 1, 1) == 2

    run(story())


@pytest.mark.parametrize(
    "bad, told",
    [
        ((work.sleep, 60), "took longer than 1 s, the limit of this server"),
        ((work.hoard, 4000), NO_MEMORY),
        ((work.hide_lack_of_memory,), NO_MEMORY),
        ((work.forget_lack_of_memory,), NO_MEMORY),
        ((work.fail_after_lack_of_memory,), NO_MEMORY),
        ((work.end,), r"the worker process was killed \(SIGKILL, perhaps out of memory\)"),
    ],
    ids=["time", "memory", "memory, as another error", "memory, untold", "memory, told later", "death"],
)
def test_a_recording_that_costs_too_much_costs_itself_only(bad, told):
    async def story():
        limit_s = 1.0 if bad[0] is work.sleep else 60.0
        async with workers(time_limit_s=limit_s, memory_bytes=300 << 20) as made:
            before = await made.run(work.pid)
            with pytest.raises(TooCostlyError, match=rf"^song\.mp3: {told}"):
                await made.run(*bad, what="song.mp3")
            after = await made.run(work.pid, time_limit_s=60)
            assert after != before
            assert not psutil.pid_exists(before)

    run(story())


def test_a_worker_that_dies_while_idle_is_replaced_unseen():
    async def story():
        async with workers() as made:
            os.kill(await made.run(work.pid), signal.SIGKILL)
            await asyncio.sleep(0.2)
            assert await made.run(work.add, 1, 2) == 3

    run(story())


def test_a_caller_who_leaves_ends_the_work():
    async def story():
        async with workers() as made:
            began = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(
                made.run(work.sleep, 60, on_progress=lambda told: began.set_result(told["began"]))
            )
            pid = await began
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
            assert made.counts()[:2] == (0, 0)
            assert await made.run(work.add, 1, 2) == 3

    run(story())


def test_who_finds_the_queue_full_is_told_at_once_and_to_come_again():
    async def story():
        async with workers(queue_n=1) as made:
            await made.run(work.pid)
            tasks = [asyncio.create_task(made.run(work.sleep, 2)) for _ in range(2)]
            await asyncio.sleep(0.1)
            began_s = time.monotonic()
            with pytest.raises(BusyError) as caught:
                await made.run(work.pid)
            assert caught.value.retry_after_s >= 1
            with pytest.raises(BusyError), made.admit():
                pass
            assert time.monotonic() - began_s < 1.5
            assert made.counts() == (1, 1, 2)
            assert await asyncio.gather(*tasks) == ["slept", "slept"]
            with made.admit():
                assert await made.run(work.add, 1, 2, admitted=True) == 3

    run(story())


def test_composing_does_not_keep_recordings_waiting():
    async def story():
        async with workers() as made:
            long = asyncio.create_task(made.run(work.sleep, 3, lane="long"))
            assert await made.run(work.add, 1, 2) == 3
            assert not long.done()
            assert await long == "slept"

    run(story())


def test_workers_of_a_closed_server_are_gone():
    async def story():
        async with workers() as made:
            await made.run(work.pid)
            pids = made.process_ids()
            assert pids
        with pytest.raises(BusyError, match="stopping"):
            await made.run(work.pid)
        assert not any(psutil.pid_exists(pid) for pid in pids)

    run(story())
