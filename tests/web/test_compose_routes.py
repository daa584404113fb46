"""Composing over HTTP: a wish becomes a job, its pieces are files that keep what was asked."""

import io
import json
import time
import zipfile

import numpy as np
import pytest
import soundfile

from sideman.symbolic.midi import parse_midi, write_midi
from sideman.symbolic.musicxml import write_musicxml
from sideman.symbolic.score import PITCH, START, bar_ticks, quantise
from tests.compose.scores import tune
from tests.web.making import API, finished, problem, served

SMALL = {"bars": 2, "metre": "3/4", "tempo_bpm": 200, "instruments": ["piano", "bass"], "n": 1, "seed": 1}
NO_NOTES = b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A server without a library: composing needs none."""
    with served(tmp_path_factory.mktemp("none") / "library.db") as served_client:
        yield served_client


def start(client, wish, source=None, name="mine.mid"):
    if source is None:
        return client.post(f"{API}/compose", json=wish)
    files = {"source": (name, source, "application/octet-stream")}
    return client.post(f"{API}/compose", data={"wish": json.dumps(wish)}, files=files)


def composed(client, wish, source=None, name="mine.mid"):
    """The job of a wish, done."""
    answer = start(client, wish, source, name)
    assert answer.status_code == 202, answer.text
    job = finished(client, answer.json())
    assert job["state"] == "done", job["error"]
    return job


def edited(client, job, index, change):
    answer = client.post(f"{API}/compose/{job['id']}/pieces/{index}/edit", json=change)
    assert answer.status_code == 202, answer.text
    again = finished(client, answer.json())
    assert again["state"] == "done", again["error"]
    return again


def file(client, job, index, kind, **headers):
    return client.get(f"{API}/compose/{job['id']}/pieces/{index}.{kind}", headers=headers)


def score_of(client, job, index=0):
    return quantise(parse_midi(file(client, job, index, "mid").content), tempo_changes=False)


def bytes_of(score, tmp_path, write=write_midi, name="a.mid"):
    write(score, tmp_path / name)
    return (tmp_path / name).read_bytes()


def notes_between(score, first, last):
    """Programme, start and pitch of the notes in bars ``first`` to ``last``, from 1."""
    length = bar_ticks(score.metres[0][1:])
    return sorted(
        (track.program, int(note[START]), int(note[PITCH]))
        for track in score.tracks
        for note in track.notes
        if (first - 1) * length <= note[START] < last * length
    )


@pytest.fixture(scope="module")
def two(client):
    """A job with two candidates."""
    return composed(client, SMALL | {"genre": "jazz", "n": 2})


def test_the_options_are_what_wishes_may_name(client):
    told = client.get(f"{API}/compose/options").json()
    assert {"jazz", "reggae", "classical"} <= set(told["genres"])
    assert "jazz" in told["spectra_genres"]
    assert "piano" in told["instruments"]["piano"]
    assert "D minor" in told["keys"]
    assert len(told["keys"]) == 24
    assert "6/8" in told["metres"]
    assert [maker["name"] for maker in told["composers"]] == ["open", "research"]
    assert told["composers"][1]["notice"]
    for asked in ({"key": told["keys"][-1]}, {"metre": told["metres"][-1]}, {"mood": told["moods"][0]}):
        assert client.post(f"{API}/compose/understand", json=asked).json()["problem"] is None


def test_a_sentence_and_controls_are_understood_together(client):
    asked = {"prompt": "a slow sad waltz in D minor for piano and cello with a frobnicator", "bars": 8}
    told = client.post(f"{API}/compose/understand", json=asked).json()
    heading = told["controls"]
    assert (heading["key"], heading["metre"], heading["bars"]) == ("D minor", "3/4", 8)
    assert heading["instruments"] == ["piano", "cello"]
    assert heading["mood"] == "sad"
    assert heading["tempo_bpm"] < 80
    assert told["unused"] == ["frobnicator"]
    assert "D minor" in told["described"]
    assert told["problem"] is None


def test_the_tempo_of_a_compound_metre_is_told_as_it_is_counted(client):
    asked = {"metre": "6/8", "tempo_bpm": 60}
    assert client.post(f"{API}/compose/understand", json=asked).json()["controls"]["tempo_bpm"] == 60


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"prompt": "qwertz"}, "understood"),
        ({"prompt": "fast", "tempo_bpm": 40}, "different things"),
        ({"genre": "polka"}, "not known"),
        ({"key": "H flat"}, "no key"),
        ({"instruments": ["vuvuzela"]}, "instrument"),
        ({"bars": 500, "tempo_bpm": 60}, "600 s at most"),
        ({"bars": 500}, "name a tempo"),
        ({"engine": "spectra", "key": "C"}, "genre, mood and length only"),
        ({"engine": "spectra", "seconds": 500}, "too long"),
    ],
)
def test_what_cannot_be_composed_is_told_in_one_line_before_it_is_asked_for(client, asked, said):
    answer = client.post(f"{API}/compose/understand", json=asked)
    assert answer.status_code == 200
    assert said in answer.json()["problem"]
    assert said in problem(start(client, asked), 422)


@pytest.mark.parametrize(
    "wish, said",
    [
        ({"mode": "continue"}, "a piece to start from"),
        ({"mode": "infill"}, "bars to write anew"),
        ({"keep_bars": 3}, "continue"),
        ({"steps": 3}, "spectra"),
        ({"model": "flow"}, "spectra"),
        ({"engine": "spectra", "model": "open"}, "scores"),
        ({"engine": "spectra", "temperature": 1.5}, "temperature"),
        ({"engine": "spectra", "mode": "continue"}, "start from a piece"),
        ({"n": 9}, "n: "),
        ({"n": 0}, "n: "),
        ({"temperature": 7}, "temperature: "),
        ({"instruments": ["piano"] * 11}, "instruments: "),
        ({"tempo": 100}, "tempo: "),
        ({"model": "../../etc"}, "model: "),
        ({"prompt": "x" * 2001}, "prompt: "),
    ],
)
def test_wishes_that_cannot_be_are_refused_in_one_line(client, wish, said):
    line = problem(start(client, wish), 422)
    assert said in line
    assert "--" not in line


def test_a_body_that_is_no_wish_is_refused(client):
    kind = {"content-type": "application/json"}
    for body in (b"{", b"[1]", b'"jazz"', b"\xff\xfe"):
        problem(client.post(f"{API}/compose", content=body, headers=kind), 422)
    files = {"source": ("a.mid", b"MThd", "audio/midi")}
    assert "wish" in problem(client.post(f"{API}/compose", files=files), 422)


def test_a_wish_becomes_pieces_that_keep_it_the_best_first(client, two):
    pieces = two["result"]["pieces"]
    assert sorted(piece["index"] for piece in pieces) == [0, 1]
    assert [piece["score"] for piece in pieces] == sorted((piece["score"] for piece in pieces), reverse=True)
    assert sorted(piece["seed"] for piece in pieces) == [1, 2]
    assert two["progress"]["done"] == two["progress"]["total"] == 2
    for piece in pieces:
        score = score_of(client, two, piece["index"])
        assert score.metres == ((0, 3, 4),)
        assert len(score.bars()) == 2
        assert {track.program for track in score.tracks} == {0, 33}
        assert score.n_notes == piece["notes"]
        assert parse_midi(file(client, two, piece["index"], "mid").content).tempo_bpm == pytest.approx(200, rel=1e-4)
        assert piece["controls"]["instruments"] == ["piano", "bass"]
        assert 0 <= piece["genre_probability"] <= 1
        assert piece["heard"]
        assert piece["longest_run"] >= 0
        assert piece["is_copy"] is False
        assert len(piece["peaks"]["low"]) == len(piece["peaks"]["high"]) == 200
        assert -1 <= min(piece["peaks"]["low"]) < 0 < max(piece["peaks"]["high"]) <= 1


def test_a_piece_comes_in_every_format_that_it_names(client, two):
    begins = {
        "mid": b"MThd", "musicxml": b"<?xml", "wav": b"RIFF", "flac": b"fLaC", "ogg": b"OggS", "png": b"\x89PNG",
        "json": b"{",
    }  # fmt: skip
    piece = two["result"]["pieces"][0]
    assert {"mid", "musicxml", "wav", "flac", "mp3", "ogg", "json"} <= set(piece["formats"])
    for kind in piece["formats"]:
        answer = file(client, two, piece["index"], kind)
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(begins.get(kind, b""))
        assert f'filename="jazz-{piece["seed"]}.{kind}"' in answer.headers["content-disposition"]
        if kind in ("wav", "flac", "mp3", "ogg"):
            samples, rate_hz = soundfile.read(io.BytesIO(answer.content))
            assert rate_hz == 44_100
            assert len(samples) / rate_hz == pytest.approx(piece["duration_s"], abs=0.1)
            assert np.abs(samples).max() > 0.05
    assert problem(file(client, two, piece["index"], "npz"), 404)


def test_the_piano_roll_has_the_notes_of_the_midi_file(client, two):
    roll = file(client, two, 0, "json").json()
    score = parse_midi(file(client, two, 0, "mid").content)
    assert roll["bars_s"] == pytest.approx([0, 0.9], abs=1e-3)
    assert roll["duration_s"] == pytest.approx(score.duration_s, abs=1e-3)
    for track, told in zip(score.tracks, roll["tracks"], strict=True):
        assert told["program"] == track.program
        assert told["name"]
        starts = sorted(score.seconds(track.notes[:, START]))
        assert sorted(note[0] for note in told["notes"]) == pytest.approx(starts, abs=1e-3)
        assert sorted(note[2] for note in told["notes"]) == sorted(track.notes[:, PITCH].tolist())


def test_sound_is_sent_in_ranges(client, two):
    whole = file(client, two, 0, "mp3").content
    part = file(client, two, 0, "mp3", Range="bytes=100-199")
    assert part.status_code == 206
    assert part.content == whole[100:200]
    assert file(client, two, 0, "mp3", Range=f"bytes={len(whole)}-").status_code == 416


def test_the_same_seed_composes_the_same_piece(client, two):
    again = composed(client, SMALL | {"genre": "jazz"})
    assert file(client, again, 0, "mid").content == file(client, two, 0, "mid").content


def test_pieces_are_told_as_they_are_finished(client):
    job = start(client, SMALL | {"n": 3}).json()
    seen, stages, messages = [], set(), set()
    with client.stream("GET", f"{API}/jobs/{job['id']}/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                told = json.loads(line[5:])
                stages.add(told["progress"]["stage"])
                messages.add(told["progress"]["message"])
                seen.append(len((told["result"] or {"pieces": []})["pieces"]))
    assert told["state"] == "done"
    assert seen == sorted(seen)
    assert {1, 2, 3} <= set(seen)
    assert {"composing", "playing"} <= stages
    assert any("bar 1 of 2" in message for message in messages)


def test_a_piece_of_ones_own_is_continued(client, tmp_path):
    own = tune(0, 4)
    job = composed(client, {"mode": "continue", "bars": 6, "n": 1, "seed": 1}, bytes_of(own, tmp_path))
    score = score_of(client, job)
    grid = quantise(own, tempo_changes=False)
    assert notes_between(score, 1, 4) == notes_between(grid, 1, 4)
    assert notes_between(score, 5, 6)


def test_a_melody_is_harmonised_and_stays_note_for_note(client, tmp_path):
    own = tune(0, 4, with_bass=False)
    wish = {"mode": "harmonise", "n": 1, "seed": 1, "instruments": ["acoustic guitar"]}
    score = score_of(client, composed(client, wish, bytes_of(own, tmp_path)))
    kept = [row for row in notes_between(score, 1, 4) if row[0] == own.tracks[0].program]
    assert kept == notes_between(quantise(own, tempo_changes=False), 1, 4)
    assert {25} <= {track.program for track in score.tracks}


def test_a_score_is_read_by_what_it_holds_not_by_its_name(client, tmp_path):
    data = bytes_of(tune(0, 4), tmp_path, write_musicxml, "a.musicxml")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
        )
        archive.writestr("a.xml", data)
    for source in (data, packed.getvalue()):
        job = composed(client, {"mode": "style", "bars": 1, "n": 1, "seed": 1}, source, "../../evil.mid")
        assert job["result"]["pieces"][0]["controls"]["metre"] == "4/4"


@pytest.mark.parametrize(
    "source",
    [
        b"no music",
        b"",
        b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0",
        b"PK\3\4 broken",
        b"<svg/>",
        b"\0" * 5000,
    ],
    ids=["text", "empty", "no notes", "zip", "other xml", "zeros"],
)
def test_a_file_that_is_no_score_fails_in_one_line_that_names_it(client, source):
    answer = start(client, {"mode": "continue", "n": 1}, source, "holiday.mid")
    if answer.status_code == 422:
        problem(answer, 422)
        return
    job = finished(client, answer.json())
    assert job["state"] == "failed"
    assert "holiday.mid" in job["error"]
    assert "\n" not in job["error"]
    assert "/" not in job["error"].replace("and/or", "")


def test_a_score_beyond_two_megabytes_is_refused(client):
    line = problem(start(client, {"mode": "continue"}, b"MThd" + bytes(2 * 1024 * 1024)), 413)
    assert "2 MB" in line


def test_a_piece_to_start_from_needs_something_to_do_with_it(client, tmp_path):
    assert "what to do" in problem(start(client, SMALL, bytes_of(tune(0, 4), tmp_path)), 422)


def test_changed_controls_compose_the_piece_anew_with_all_else_as_it_was(client, two):
    piece = two["result"]["pieces"][0]
    again = edited(client, two, piece["index"], {"tempo_bpm": 120, "instruments": ["flute", "bass"]})
    (changed,) = again["result"]["pieces"]
    assert changed["controls"]["tempo_bpm"] == 120
    assert changed["controls"]["instruments"] == ["flute", "bass"]
    assert changed["seed"] == piece["seed"]
    for name in ("genre", "key", "metre", "bars"):
        assert changed["controls"][name] == piece["controls"][name]


def test_nothing_changed_gives_the_same_controls_and_null_opens_one(client, two):
    piece = two["result"]["pieces"][0]
    (same,) = edited(client, two, piece["index"], {})["result"]["pieces"]
    assert same["controls"] == piece["controls"]
    (opened,) = edited(client, two, piece["index"], {"instruments": None, "bars": 1})["result"]["pieces"]
    assert opened["controls"]["bars"] == 1
    assert opened["controls"]["instruments"]


def test_bars_are_written_anew_and_the_others_stay(client):
    job = composed(client, SMALL | {"bars": 6})
    before = score_of(client, job)
    after = score_of(client, edited(client, job, 0, {"mode": "infill", "bars_of": "3-4", "seed": 7}))
    for first, last in ((1, 2), (5, 6)):
        assert notes_between(after, first, last) == notes_between(before, first, last)
    assert notes_between(after, 3, 4) != notes_between(before, 3, 4)
    answer = client.post(f"{API}/compose/{job['id']}/pieces/0/edit", json={"mode": "infill", "bars_of": "5-80"})
    assert "bars" in finished(client, answer.json())["error"]


def test_a_piece_goes_on(client, two):
    job = edited(client, two, 0, {"mode": "continue", "keep_bars": 2, "bars": 4})
    assert notes_between(score_of(client, job), 1, 2) == notes_between(score_of(client, two), 1, 2)
    assert len(score_of(client, job).bars()) in (3, 4)  # the last may end in silence


def test_edits_that_cannot_be_are_refused(client, two):
    edit = f"{API}/compose/{two['id']}/pieces/0/edit"
    assert "engine" in problem(client.post(edit, json={"engine": "spectra"}), 422)
    assert "bars" in problem(client.post(edit, json={"mode": "infill"}), 422)
    assert "understood" in problem(client.post(edit, json={"prompt": "qwertz"}), 422)
    problem(client.post(edit, json={"model": "open"}), 422)
    problem(client.post(f"{API}/compose/{two['id']}/pieces/7/edit", json={}), 404)


@pytest.mark.parametrize(
    "path",
    ["nowhere/pieces/0.mid", "{id}/pieces/9.mid", "{id}/pieces/0.exe", "{id}/pieces/..%2f0.mid", "{id}/pieces/-1.mid",
     "..%2f..%2fetc/pieces/0.mid", "{id}/pieces/0%00.mid"],
)  # fmt: skip
def test_there_is_nothing_but_pieces(client, two, path):
    answer = client.get(f"{API}/compose/{path.format(id=two['id'])}")
    assert answer.status_code in (404, 422)
    problem(answer, answer.status_code)


def test_imagined_sound_has_a_picture_and_no_score(client):
    job = composed(client, {"engine": "spectra", "genre": "reggae", "seconds": 2, "steps": 2, "n": 2, "seed": 1})
    piece = job["result"]["pieces"][0]
    assert piece["engine"] == "spectra"
    assert piece["duration_s"] == pytest.approx(2, abs=0.05)
    assert piece["notes"] is None
    for kind in piece["formats"]:
        assert file(client, job, piece["index"], kind).status_code == 200
    assert file(client, job, piece["index"], "view").content.startswith(b"\x89PNG")
    samples, rate_hz = soundfile.read(io.BytesIO(file(client, job, piece["index"], "wav").content))
    assert (rate_hz, samples.ndim) == (22_050, 1)
    problem(file(client, job, piece["index"], "mid"), 404)
    (again,) = edited(client, job, piece["index"], {"seconds": 1, "steps": 2})["result"]["pieces"]
    assert again["duration_s"] == pytest.approx(1, abs=0.05)
    assert again["controls"]["genre"] == "reggae"


def test_a_job_that_is_cancelled_ends_at_once_and_the_next_one_is_composed(client):
    job = start(client, {"bars": 200, "tempo_bpm": 120, "n": 8, "instruments": ["piano", "bass", "drums"]}).json()
    end = time.monotonic() + 30
    while client.get(f"{API}/jobs/{job['id']}").json()["progress"]["stage"] != "composing":
        assert time.monotonic() < end
        time.sleep(0.05)
    began = time.monotonic()
    assert client.delete(f"{API}/jobs/{job['id']}").status_code == 204
    assert time.monotonic() - began < 5
    problem(client.get(f"{API}/jobs/{job['id']}"), 404)
    assert composed(client, SMALL)["result"]["pieces"]


def test_files_of_a_job_go_with_it(client, tmp_path):
    job = composed(client, {"mode": "continue", "bars": 5, "n": 1, "seed": 1}, bytes_of(tune(0, 4), tmp_path))
    folder = client.app.state.context.jobs.get(job["id"]).folder
    assert any(folder.iterdir())
    client.delete(f"{API}/jobs/{job['id']}")
    assert not folder.exists()
