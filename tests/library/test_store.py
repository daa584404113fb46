"""The database: made, opened, refused, shared."""

import sqlite3
import threading
import time

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.exc import OperationalError

from sideman.core.errors import LibraryError, StoreError
from sideman.library import migrate
from sideman.library.schema import feedback, metadata
from sideman.library.store import HeldError, open_store


def test_a_new_library_has_every_table_and_the_newest_version(store):
    assert set(metadata.tables) <= set(inspect(store.engine).get_table_names())
    with store.read() as connection:
        assert migrate._version(connection, store.url) == migrate.HEAD


def test_the_migrations_lead_to_the_tables_of_the_schema(store):
    """What `schema` says and what the migrations make is the same, so that old and new libraries are alike."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_head_is_the_newest_migration():
    from pathlib import Path

    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_what_is_written_is_there_for_the_next(database):
    row = {"audio_hash": "a" * 40, "kind": "like", "at": 1.0}
    with open_store(database) as first, first.write() as connection:
        connection.execute(feedback.insert().values(**row))
    with open_store(database, create=False) as second, second.read() as connection:
        assert connection.execute(select(feedback.c.kind)).scalar() == "like"


def test_a_write_that_raises_leaves_nothing(store):
    with pytest.raises(RuntimeError), store.write() as connection:
        connection.execute(feedback.insert().values(audio_hash="a" * 40, kind="like", at=1.0))
        raise RuntimeError
    with store.read() as connection:
        assert connection.execute(select(feedback)).all() == []


def test_writers_queue_and_never_dead_lock(database):
    """Each reads first and then writes, the pattern in which SQLite's default transactions dead-lock."""
    open_store(database).close()
    failures = []

    def count_up():
        try:
            with open_store(database) as mine:
                for _ in range(10):
                    with mine.write() as connection:
                        before = len(connection.execute(select(feedback.c.id)).all())
                        connection.execute(feedback.insert().values(audio_hash=f"{before:040}", kind="like", at=1.0))
        except LibraryError as error:
            failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with open_store(database) as store, store.read() as connection:
        assert len(connection.execute(select(feedback.c.id)).all()) == 40


def test_two_may_make_the_library_at_once(database):
    failures = []

    def make():
        try:
            open_store(database).close()
        except LibraryError as error:
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"not a database at all" * 100), "damaged"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: sqlite3.connect(path).executescript("create table files (x)"), "another program"),
    ],
)
def test_what_is_no_library_is_refused_in_one_line(tmp_path, make, says):
    path = tmp_path / "library.db"
    make(path)
    with pytest.raises(LibraryError, match=says) as caught:
        open_store(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_library_of_a_newer_sideman_is_refused(tmp_path):
    path = tmp_path / "library.db"
    with open_store(path) as store, store.write() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    with pytest.raises(LibraryError, match="newer Sideman"):
        open_store(path)


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://nowhere.invalid:1/x", "://", "postgresql://a:b:c/x"])
def test_addresses_that_cannot_be_are_one_line(url):
    with pytest.raises(LibraryError) as caught:
        open_store(url)
    assert "\n" not in str(caught.value)


def test_a_password_is_never_shown():
    with pytest.raises(LibraryError) as caught:
        open_store("postgresql://me:secret@nowhere.invalid:1/x")
    assert "secret" not in str(caught.value)


def test_without_create_a_missing_library_says_what_to_do(tmp_path):
    with pytest.raises(LibraryError, match="sideman scan"):
        open_store(tmp_path / "none.db", create=False)
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("reason", ["database or disk is full", "disk I/O error"])
def test_a_full_disk_is_told_with_what_helps(store, reason):
    """SQLite says the one or the other, by what it was at."""
    with pytest.raises(StoreError, match=r"the disk is full.*free some space"), store.read():
        raise OperationalError("INSERT", {}, sqlite3.OperationalError(reason))


def test_who_does_not_want_to_wait_long_is_told_that_another_program_writes(database):
    with open_store(database) as other, open_store(database, busy_s=0.1) as hasty:
        with other.write() as connection:
            connection.execute(feedback.insert().values(audio_hash="a" * 40, kind="like", at=1.0))
            with pytest.raises(HeldError, match=r"holds the library for over 0\.1 s; try again") as told, hasty.write():
                pass
            with hasty.read() as reading:
                assert reading.execute(select(feedback)).all() == [], "readers do not wait"
        assert told.value.retry_after_s > 0
        with hasty.write() as connection:
            connection.execute(feedback.insert().values(audio_hash="b" * 40, kind="like", at=1.0))


def test_only_so_many_threads_wait_to_write(database):
    with open_store(database, busy_s=20, most_writers=2) as store:
        go, inside = threading.Event(), threading.Event()

        def first():
            with store.write():
                inside.set()
                go.wait(20)

        def second():
            with store.write() as connection:
                connection.execute(feedback.insert().values(audio_hash="a" * 40, kind="like", at=1.0))

        threads = [threading.Thread(target=work) for work in (first, second)]
        threads[0].start()
        assert inside.wait(20)
        threads[1].start()
        end = time.monotonic() + 20
        while store._places._value and time.monotonic() < end:
            time.sleep(0.01)
        with pytest.raises(HeldError, match="too many wait"), store.write():
            pass
        go.set()
        for thread in threads:
            thread.join(20)
        with store.write(), store.read() as connection:
            assert len(connection.execute(select(feedback)).all()) == 1


def test_a_mark_stays_while_nothing_is_written_and_changes_with_every_write(database):
    with open_store(database) as store, open_store(database) as other:
        marks = [store.mark()]
        for writer in (store, other):
            assert store.mark() == marks[-1]
            with store.read() as connection:
                connection.execute(select(feedback)).all()
            with writer.write():
                pass  # nothing
            assert store.mark() == marks[-1]
            with writer.write() as connection:
                connection.execute(feedback.insert().values(audio_hash="a" * 40, kind="like", at=1.0))
                during = store.mark()
            marks.append(store.mark())
            assert marks[-1] not in (marks[-2], during) or store.is_sqlite
            assert marks[-1] != marks[-2]
        with pytest.raises(RuntimeError), store.write() as connection:
            connection.execute(feedback.insert().values(audio_hash="a" * 40, kind="like", at=1.0))
            raise RuntimeError
        if store.is_sqlite:
            assert store.mark() == marks[-1]
            assert store.mark() != other.mark()
