"""What is heard through HTTP is what the Python API hears, in one answer or with progress."""

import ast
import base64
import io
import json
import subprocess
import sys

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

import sideman
from tests.web.servers import EXAMPLES, SONG, song_upload

MP3 = EXAMPLES / "disco nights.mp3"


def events_of(answer):
    """(name, data) of server-sent events."""
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def picture(data):
    return Image.open(io.BytesIO(data))


def test_a_warm_worker_loads_nothing_more_to_hear():
    """What is loaded later is loaded within the limit of memory, where libraries hang, exit or tell odd errors."""
    code = (
        "import sys; from pathlib import Path; from sideman.web.work import hearing\n"
        "hearing.warm_up(); before = set(sys.modules)\n"
        "recording = hearing.Recording(Path(sys.argv[1]), 'x')\n"
        "hearing.classify(recording, hearing.Wanted(timeline=True), report=lambda said: None)\n"
        "hearing.listen(recording, report=lambda said: None)\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    run = [sys.executable, "-c", code, str(EXAMPLES / "Präludium in C.flac")]
    told = subprocess.run(run, capture_output=True, text=True, timeout=120, check=True)
    assert ast.literal_eval(told.stdout) in ([], ["sideman.core.png"])


@pytest.mark.parametrize("path", [SONG, MP3, EXAMPLES / "Präludium in C.flac"], ids=lambda path: path.suffix)
def test_an_upload_is_heard_as_a_file_is(server, path):
    told = server.client.post("/classify", params={"timeline": True}, files=song_upload(path)).json()
    known = sideman.classify(path, timeline=True).to_dict()
    assert told["name"] == path.name
    for field in set(known) - {"path"}:
        assert told[field] == known[field], field
    assert told["notes"] == []


def test_bytes_alone_are_heard_too_and_called_by_the_querys_name(server):
    answer = server.client.post(
        "/classify", params={"name": "/home/me/../x.opus"}, content=SONG.read_bytes(),
        headers={"Content-Type": "application/octet-stream"},
    )  # fmt: skip
    assert answer.json()["name"] == "x.opus"
    assert answer.json()["genre"] == "reggae"


def test_what_is_not_asked_for_is_not_told(server):
    told = server.client.post(
        "/classify", params={"tempo": False, "key": False, "mood": False}, files=song_upload()
    ).json()
    assert (told["tempo"], told["key_estimate"], told["mood"], told["timeline"], told["similar"]) == (None,) * 5
    full = server.client.post("/classify", files=song_upload()).json()
    assert full["tempo"]["bpm"] == full["tempo_bpm"]
    assert full["key_estimate"]["key"] == full["key"]
    assert np.diff(full["tempo"]["beats_s"]).min() > 0.2


def test_a_part_can_be_asked_for(server):
    told = server.client.post("/classify", params={"start_s": 2, "duration_s": 5}, files=song_upload()).json()
    assert told["duration_s"] == pytest.approx(5.0, abs=0.01)
    known = sideman.classify(SONG, start_s=2, duration_s=5)
    assert told["probabilities"]["reggae"] == pytest.approx(known.probabilities["reggae"], abs=1e-4)
    assert server.client.post("/classify", params={"start_s": 500}, files=song_upload()).status_code == 422


@pytest.mark.parametrize(
    "field, value",
    [
        ("start_s", "-1"),
        ("start_s", "nan"),
        ("duration_s", "0"),
        ("duration_s", "inf"),
        ("similar", "99"),
        ("timeline", "perhaps"),
    ],
)
def test_impossible_parameters_are_named(server, field, value):
    answer = server.client.post("/classify", params={field: value}, files=song_upload())
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{field}: ")


def test_similar_tracks_of_the_library_come_with_it(server):
    told = server.client.post("/classify", params={"similar": 3}, files=song_upload()).json()
    assert len(told["similar"]) == 3
    assert told["similar"][0]["track"]["path"].endswith(SONG.name)
    assert told["similar"][0]["similarity"] == pytest.approx(1.0, abs=1e-3)
    likeness = [match["similarity"] for match in told["similar"]]
    assert likeness == sorted(likeness, reverse=True)


def test_without_a_library_there_are_none_and_no_error(own_server):
    told = own_server().client.post("/classify", params={"similar": 3}, files=song_upload()).json()
    assert told["similar"] is None


def test_progress_comes_first_and_the_result_last(server):
    answer = server.client.post("/classify", files=song_upload(MP3), headers={"Accept": "text/event-stream"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events_of(answer)
    assert [name for name, _ in told[:-1]] == ["progress"] * (len(told) - 1)
    assert len(told) >= 3
    assert told[0][1]["done_s"] == 0
    assert told[-2][1]["done_s"] == pytest.approx(told[-2][1]["total_s"], abs=0.1)
    assert told[-1][0] == "result"
    assert told[-1][1] == server.client.post("/classify", files=song_upload(MP3)).json()


def test_a_problem_is_an_event_too(server):
    answer = server.client.post(
        "/classify",
        files={"file": ("notes.txt", b"these are words, no music")},
        headers={"Accept": "text/event-stream"},
    )
    name, told = events_of(answer)[-1]
    assert name == "problem"
    assert told["status"] == 422
    assert told["detail"].startswith("notes.txt: its content is text")


def test_the_timeline_alone(server):
    told = server.client.post("/timeline", files=song_upload()).json()
    assert len(told["genres"]) == 10
    assert told["timeline"][0]["start_s"] == 0
    assert told["timeline"][-1]["end_s"] == pytest.approx(told["duration_s"], abs=0.01)


def test_features_are_those_of_the_command(server):
    from sideman.audio.extract import Recipe, extract

    row = next(iter(extract(SONG, Recipe())))
    told = server.client.post("/features", files=song_upload()).json()
    assert list(told["features"].values()) == pytest.approx(row.tolist())
    answer = server.client.post("/features", params={"format": "csv"}, files=song_upload())
    assert answer.headers["content-type"].startswith("text/csv")
    header, line = answer.text.splitlines()
    assert header.startswith("filename,length,chroma_stft_mean")
    assert line.startswith("one drop.opus,")


def test_the_waveform_has_the_extremes_of_every_column(server):
    samples, _ = soundfile.read(EXAMPLES / "Präludium in C.flac", dtype="float32", always_2d=True)
    told = server.client.post(
        "/waveform", params={"columns": 100}, files=song_upload(EXAMPLES / "Präludium in C.flac")
    ).json()
    assert len(told["low"]) == len(told["high"]) == 100
    assert told["duration_s"] == pytest.approx(12.25, abs=0.01)
    assert max(told["high"]) <= 1.0
    assert max(told["high"]) == pytest.approx(float(samples.mean(1).max().clip(-1, 1)), abs=0.05)
    assert all(low <= high for low, high in zip(told["low"], told["high"], strict=True))


@pytest.mark.parametrize("kind", ["mel", "chroma"])
def test_the_spectrogram_is_a_picture_of_the_asked_size(server, kind):
    answer = server.client.post("/spectrogram", params={"kind": kind, "width": 300, "height": 96}, files=song_upload())
    assert answer.headers["content-type"] == "image/png"
    assert picture(answer.content).size == (300, 96)


def test_a_high_tone_lies_above_a_low_one(server):
    rate = 22050
    time_s = np.arange(2 * rate) / rate
    tones = np.where(time_s < 1, np.sin(2 * np.pi * 200 * time_s), np.sin(2 * np.pi * 5000 * time_s)) * 0.5
    file = io.BytesIO()
    soundfile.write(file, tones, rate, format="WAV")
    png = server.client.post(
        "/spectrogram", params={"width": 40, "height": 128}, files={"file": ("t.wav", file.getvalue())}
    ).content
    light = np.asarray(picture(png).convert("L"), float)
    assert light[:, 5].argmax() > 64  # low: in the lower half
    assert light[:, 35].argmax() < 40  # high: near the top


def test_one_pass_gives_all_that_the_page_shows(server):
    answer = server.client.post("/listen", params={"similar": 2}, files=song_upload())
    told = answer.json()
    assert set(told) == {"heard", "waveform", "spectrogram", "chroma"}
    assert told["heard"]["timeline"]
    assert len(told["heard"]["similar"]) == 2
    assert told["waveform"] == server.client.post("/waveform", files=song_upload()).json()
    columns = len(told["waveform"]["low"])
    assert picture(base64.b64decode(told["spectrogram"]["png"])).size == (columns, 128)
    assert picture(base64.b64decode(told["chroma"]["png"])).size == (columns, 12)
    assert told["chroma"]["names"][0] == "C"
    assert told["spectrogram"]["high_hz"] == 11025
    assert len(answer.content) < 1_500_000


def test_a_track_of_the_library_is_heard_the_same_way(server):
    tracks = server.client.get("/library/tracks").json()["tracks"]
    number = next(track["id"] for track in tracks if track["path"].endswith(SONG.name))
    told = server.client.get(f"/library/tracks/{number}/listen").json()
    uploaded = server.client.post("/listen", files=song_upload()).json()
    assert told["heard"]["probabilities"] == uploaded["heard"]["probabilities"]
    assert told["spectrogram"] == uploaded["spectrogram"]
    assert number not in [match["track"]["id"] for match in told["heard"]["similar"]]
    explained = server.client.get(f"/library/tracks/{number}/explain", params={"genre": "jazz"}).json()
    assert explained["genre"] == "jazz"
    assert server.client.get("/library/tracks/999999/listen").status_code == 404


def test_an_explanation_has_regions_and_a_picture_to_lay_over(server):
    told = server.client.post("/explain", files=song_upload()).json()
    assert told["genre"] == told["answer"] == "reggae"
    assert told["regions"][0]["share"] > 0
    assert told["deletion"]["most"] >= told["deletion"]["least"]
    overlay = told["overlay"]
    laid = picture(base64.b64decode(overlay["png"]))
    assert laid.mode == "RGBA"
    opacity = np.asarray(laid)[..., 3]
    assert opacity.min() < 20 < 200 < opacity.max()
    assert (overlay["low_hz"], overlay["high_hz"]) == (0, pytest.approx(8000, abs=1))
    assert overlay["duration_s"] == pytest.approx(told["duration_s"])
    answer = server.client.post("/explain", params={"genre": "polka"}, files=song_upload())
    assert answer.status_code == 422
    assert "polka" in answer.json()["detail"]


def test_a_file_whose_end_is_missing_is_heard_and_it_is_said(server):
    whole = (EXAMPLES / "boom bap.ogg").read_bytes()
    told = server.client.post("/classify", files={"file": ("cut.ogg", whole[: len(whole) // 2])}).json()
    assert 2 < told["duration_s"] < 9
    assert any("truncated or damaged" in note for note in told["notes"])


@pytest.mark.parametrize(
    "content, told",
    [
        (b"", "is empty"),
        (b"\0" * 5000, "no known sound file"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00", "song.mp3"),
        ((EXAMPLES / "one drop.opus").read_bytes()[:200], "song.mp3"),
    ],
    ids=["empty", "zeros", "wav header only", "opus header only"],
)
def test_what_cannot_be_heard_is_told_in_one_line_with_its_name(server, content, told):
    answer = server.client.post("/classify", files={"file": ("song.mp3", content)})
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert detail.startswith("song.mp3: ")
    assert told in detail
    assert "\n" not in detail
    assert "/tmp" not in detail
    assert "upload-" not in detail


def test_nothing_of_an_upload_is_left(server):
    server.client.post("/classify", files=song_upload())
    server.client.post("/classify", files={"file": ("x", b"no music")})
    server.client.post("/listen", files=song_upload(), headers={"Accept": "text/event-stream"})
    assert server.uploads() == []


def test_silence_and_a_click_are_refused_with_a_reason(server):
    for samples in (np.zeros(22050), np.full(100, 0.5)):
        file = io.BytesIO()
        soundfile.write(file, samples, 22050, format="WAV")
        answer = server.client.post("/classify", files={"file": ("quiet.wav", file.getvalue())})
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("quiet.wav: ")


def test_clients_of_other_libraries_work_as_documented(server):
    with httpx.Client(trust_env=False) as client, SONG.open("rb") as file:
        answer = client.post(f"{server.origin}/api/v1/classify", files={"file": file}, timeout=60)
    assert answer.json()["genre"] == "reggae"
