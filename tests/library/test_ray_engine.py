"""The Ray engine on a cluster of its own: the same results as the local engine, and resumed by content."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlalchemy import select

from sideman.library.scan import Options, scan
from sideman.library.schema import analyses, details
from sideman.library.store import open_store
from tests.library.sounds import RATE_HZ, collection

pytest.importorskip("ray")
pytest.importorskip("pyarrow")
pytestmark = pytest.mark.timeout(600)

HEARD = [c for c in analyses.c if c.name not in ("analysed_at", "claimed_at", "claimed_by")]


def heard(store):
    with store.read() as connection:
        rows = connection.execute(select(*HEARD).order_by(analyses.c.audio_hash)).all()
        bulky = connection.execute(select(details).order_by(details.c.audio_hash)).all()
    return rows, bulky


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ray") / "music"
    collection(folder, n=5)
    soundfile.write(folder / "silent.wav", np.zeros(RATE_HZ), RATE_HZ)
    return folder


def test_ray_and_the_local_engine_hear_the_same(music, tmp_path):
    from sideman.library.ray_engine import RayEngine

    with open_store(tmp_path / "local.db") as local, open_store(tmp_path / "ray.db") as far:
        # In processes, as a user's scan runs: this one's BLAS may use several threads, and round differently.
        first = scan(local, [music], Options(workers=2))
        work = tmp_path / "work"
        second = scan(far, [music], Options(workers=1), engine=RayEngine(far, work=work))
        assert (first.analysed, first.failed) == (second.analysed, second.failed) == (5, 1)
        assert heard(local) == heard(far)
        assert not work.exists()


def test_shards_of_a_stopped_run_are_not_heard_again(music, tmp_path, monkeypatch):
    """A run that died after its shards were written, before they were merged."""
    from sideman.library.ray_engine import RayEngine

    work = tmp_path / "work"

    class Dying(RayEngine):
        def _run(self, jobs, workers):
            super()._run(jobs[:3], workers)
            raise KeyboardInterrupt

    class Counting(RayEngine):
        jobs = None

        def _run(self, jobs, workers):
            Counting.jobs = [Path(job[1]).name for job in jobs]
            super()._run(jobs, workers)

    with open_store(tmp_path / "ray.db") as store:
        with pytest.raises(KeyboardInterrupt):
            scan(store, [music], Options(workers=1), engine=Dying(store, work=work))
        assert list((work / "shards").glob("*.parquet"))
        (work / "shards" / "cut.parquet").write_bytes(b"PAR1 cut off")
        report = scan(store, [music], Options(workers=1), engine=Counting(store, work=work))
        assert report.analysed + report.failed == 6
        assert len(Counting.jobs) == 3


def test_a_cluster_that_is_not_there_is_one_line(music, tmp_path):
    from sideman.core.errors import LibraryError
    from sideman.library.ray_engine import RayEngine

    with open_store(tmp_path / "ray.db") as store, pytest.raises(LibraryError, match="no Ray cluster") as caught:
        scan(store, [music], Options(workers=1), engine=RayEngine(store, "127.0.0.1:1", tmp_path / "work"))
    assert "\n" not in str(caught.value)
