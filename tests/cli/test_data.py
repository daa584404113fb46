"""``sideman data`` validates, splits and describes data sets; exit codes and streams are as documented."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sideman.cli import data
from sideman.cli.app import app as main_app
from sideman.datasets import manifest, splits
from tests.datasets.music import RATE_HZ, recompressed, tune, write

runner = CliRunner()


def run(*arguments: object) -> Result:
    if not any(group.typer_instance is data.app for group in main_app.registered_groups):
        data.register(main_app)
    return runner.invoke(main_app, ["data", *map(str, arguments)])


def json_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("music")
    for seed in range(6):
        write(root / "jazz" / f"{seed}.wav", tune(seed, 2.6))
        write(root / "rock" / f"{seed}.wav", tune(50 + seed, 2.6))
    write(root / "rock" / "copy.wav", recompressed(tune(52, 2.6))[: int(2.3 * RATE_HZ)])
    return root


def test_a_sound_data_set_is_valid(music: Path) -> None:
    result = run("validate", music, "--workers", 1)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "13 tracks, 2 genres: nothing wrong" in result.stderr


def test_errors_give_exit_code_3_and_json_lines(music: Path, tmp_path: Path) -> None:
    for genre in ("jazz", "rock"):
        write(tmp_path / genre / "a.wav", tune(ord(genre[0]), 1.0))
    (tmp_path / "rock" / "bad.mp3").write_text("no music")
    result = run("validate", tmp_path, "--json", "--workers", 1)
    assert result.exit_code == 3
    (finding,) = json_lines(result.stdout)
    assert (finding["code"], finding["severity"], finding["track"]) == ("unreadable", "error", "rock/bad.mp3")


def test_warnings_pass_unless_strict_and_long_lists_are_cut(music: Path) -> None:
    result = run("validate", music, "--length", 30, "--workers", 1)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 11
    assert "and 3 more (--all lists them)" in result.stdout
    assert len(run("validate", music, "--length", 30, "--all", "--workers", 1).stdout.splitlines()) == 13
    assert run("validate", music, "--length", 30, "--strict", "--workers", 1).exit_code == 3


def test_a_missing_data_set_is_one_line_and_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIDEMAN_DATA", raising=False)
    for arguments in (["validate", tmp_path / "none"], ["validate"], ["split", tmp_path]):
        result = run(*arguments)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
        assert len(result.stderr.splitlines()) == 1


def test_the_data_set_is_named_by_argument_option_or_environment(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIDEMAN_DATA", str(music))
    assert run("split").stdout == run("split", music).stdout == run("split", "--data", music).stdout
    assert run("split", music, "--data", music).exit_code == 2
    assert run("split", music, "--kind", "nonsense").exit_code == 2


def test_a_split_is_printed_or_written_the_same(music: Path, tmp_path: Path) -> None:
    printed = run("split", music, "--folds", 3, "--seed", 4)
    assert printed.exit_code == 0
    rows = list(csv.DictReader(printed.stdout.splitlines()))
    assert {row["fold"] for row in rows} == {"0", "1", "2"}
    assert run("split", music, "--folds", 3, "--seed", 4, "--out", tmp_path / "f.csv").exit_code == 0
    assert (tmp_path / "f.csv").read_text() == printed.stdout
    assert [row.track for row in splits.read_folds(tmp_path / "f.csv")] == [row["track"] for row in rows]
    assert [
        record["fold"] for record in json_lines(run("split", music, "--folds", 3, "--seed", 4, "--json").stdout)
    ] == [int(row["fold"]) for row in rows]


def test_a_dry_run_writes_nothing(music: Path, tmp_path: Path) -> None:
    result = run("split", music, "--out", tmp_path / "f.csv", "--dry-run")
    assert result.exit_code == 0
    assert "would write" in result.stderr
    result = run("describe", music, "--out", tmp_path / "r.html", "--dry-run", "--workers", 1)
    assert result.exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_near_duplicates_are_kept_together_when_asked(music: Path) -> None:
    rows = list(csv.DictReader(run("split", music, "--near-duplicates", "--workers", 1).stdout.splitlines()))
    group = {row["track"]: row["group"] for row in rows}
    assert group["rock/copy.wav"] == group["rock/2.wav"] == "rock/2.wav"
    assert len(set(group.values())) == 12


def test_a_fold_file_that_cuts_an_artist_is_found_out(music: Path, tmp_path: Path) -> None:
    listed = tmp_path / "m.csv"
    artists = {"jazz/0.wav": "Ann", "jazz/1.wav": "Ann"}
    rows = [(music / name, name.partition("/")[0], artist) for name, artist in artists.items()]
    rows += [(music / "rock" / f"{i}.wav", "rock", f"Band {i}") for i in range(3)]
    listed.write_text("path,genre,artist\n" + "".join(f"{p},{g},{a}\n" for p, g, a in rows))
    folds = tmp_path / "f.csv"
    assert run("split", listed, "--folds", 2, "--out", folds).exit_code == 0
    good = run("split", listed, "--check", folds)
    assert (good.exit_code, good.stdout) == (0, "")
    ids = [track.track_id for track in manifest.load(listed).tracks]
    splits.write_folds(folds, [splits.FoldRow(name, "x", name, i % 2) for i, name in enumerate(sorted(ids))])
    bad = run("split", listed, "--check", folds)
    assert bad.exit_code == 3
    assert bad.stdout.startswith("artist: Ann: ")
    (record,) = json_lines(run("split", listed, "--check", folds, "--json").stdout)
    assert (record["kind"], sorted(record["folds"].values())) == ("artist", [0, 1])


def test_a_fold_file_of_another_data_set_is_refused(music: Path, tmp_path: Path) -> None:
    splits.write_folds(tmp_path / "f.csv", [splits.FoldRow("x", "g", "x", 0), splits.FoldRow("y", "g", "y", 1)])
    result = run("split", music, "--check", tmp_path / "f.csv")
    assert result.exit_code == 1
    assert "none of its tracks is in the data set" in result.stderr


def test_describe_writes_a_report_and_a_clean_manifest(music: Path, tmp_path: Path) -> None:
    report, clean = tmp_path / "r.html", tmp_path / "clean.csv"
    result = run("describe", music, "--out", report, "--write-manifest", clean, "--per-genre", 1, "--workers", 1)
    assert result.exit_code == 0, result.stderr
    assert "leave out  rock/copy.wav: a copy of rock/2.wav" in result.stdout
    assert report.read_text(encoding="utf-8").count("<figure>") == 2
    assert len(manifest.load(clean).tracks) == 12


def test_describe_as_json_has_a_line_per_track_and_says_what_failed(music: Path, tmp_path: Path) -> None:
    write(tmp_path / "jazz" / "a.wav", tune(1, 1.5))
    write(tmp_path / "rock" / "quiet.wav", 0 * tune(1, 1.5))
    (tmp_path / "rock" / "bad.wav").write_bytes(b"")
    result = run("describe", tmp_path, "--json", "--workers", 1)
    assert result.exit_code == 3
    records = {record["track"]: record for record in json_lines(result.stdout)}
    assert records["rock/bad.wav"]["error"]
    assert records["rock/quiet.wav"]["level_dbfs"] is None
    assert records["jazz/a.wav"]["leave_out"] is None
    assert records["jazz/a.wav"]["duration_s"] == pytest.approx(1.5)


def test_describe_needs_something_to_do_and_a_place_for_it(music: Path, tmp_path: Path) -> None:
    assert run("describe", music).exit_code == 2
    result = run("describe", music, "--out", tmp_path / "none" / "r.html")
    assert result.exit_code == 1
    assert "its folder does not exist" in result.stderr


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    assert all(name in text for name in ("describe", "validate", "split"))
    assert isinstance(data.app, typer.Typer)


DOCUMENT = Path(__file__).parents[2] / "docs" / "datasets.md"


def test_the_documented_commands_and_code_work(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "music").symlink_to(music, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8")
    commands = re.findall(r"^\$ sideman data (.*)$", text, flags=re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        result = run(*shlex.split(command), *(() if "--check" in command else ("--workers", 1)))
        # the last one checks the folds that the one before wrote, without listening again: nothing is cut
        assert result.exit_code == 0, f"{command}: {result.stderr}"
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(compile(block, str(DOCUMENT), "exec"), {})
    assert {p.name for p in tmp_path.iterdir()} == {"music", "report.html", "clean.csv", "folds.csv"}
