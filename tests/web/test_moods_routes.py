"""Mood words and recommendations over HTTP, with the search elsewhere that nobody follows but the user."""

from urllib.parse import parse_qs, urlsplit

import pytest

from sideman.library.elsewhere import youtube
from sideman.library.filetags import columns
from sideman.library.schema import files
from sideman.library.tags.read import FileTags
from sideman.mood.names import MOODS, mood
from tests.library.make import make_store
from tests.web.making import API, problem, served


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A library of 120 songs; twenty of them say that they are sung in Portuguese."""
    folder = tmp_path_factory.mktemp("moods")
    store = make_store(folder, n=120)
    with store.write() as connection:
        for number in range(1, 21):
            tags = {"title": [f"Canção {number}"], "artist": [f"Cantora {number % 5}"], "language": ["Portuguese"]}
            connection.execute(files.update().where(files.c.id == number).values(**columns(FileTags(tags))))
    store.close()
    with served(folder / "library.db") as made:
        yield made


def _asked(client, **wish):
    answer = client.post(f"{API}/recommendations", json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _searched(told):
    address = urlsplit(told["elsewhere"]["url"])
    assert (address.scheme, address.netloc, address.path) == ("https", "www.youtube.com", "/results")
    found = parse_qs(address.query, strict_parsing=True)
    assert list(found) == ["search_query"]
    assert found["search_query"] == [told["elsewhere"]["terms"]]
    return found["search_query"][0]


def test_all_words_have_their_points(client):
    told = client.get(f"{API}/moods").json()
    assert {entry["name"]: (entry["valence"], entry["arousal"]) for entry in told} == MOODS
    by_name = {entry["name"]: entry for entry in told}
    assert "merry" in by_name["happy"]["synonyms"]
    assert all(mood(word) == MOODS[name] for name, entry in by_name.items() for word in entry["synonyms"])


def test_the_word_nearest_to_a_point(client):
    assert client.get(f"{API}/moods/nearest", params={"valence": 0.5, "arousal": -0.7}).json() == {"name": "calm"}
    for wrong in ({"valence": 2, "arousal": 0}, {"valence": "nan", "arousal": 0}, {"valence": 0}):
        problem(client.get(f"{API}/moods/nearest", params=wrong), 422)


def test_match_stays_in_the_mood_and_lift_leads_out_of_it(client):
    match = _asked(client, mood="sad", minutes=25)
    assert {tuple(point) for point in match["points"]} == {MOODS["sad"]}
    assert (match["mood"], match["lift"], match["note"]) == ("sad", False, None)
    lift = _asked(client, mood="sad", minutes=25, lift=True)
    assert lift["points"][0][0] < 0 < lift["points"][-1][0]
    assert len(lift["tracks"]) == len(lift["points"])
    assert _searched(match) == "sad songs"
    assert _searched(lift) == "happy songs", "who is to be lifted looks for what leads on"


def test_a_point_serves_as_well_as_a_word(client):
    assert _asked(client, valence=0.5, arousal=-0.7)["tracks"] == _asked(client, mood="calm")["tracks"]


def test_language_and_artist_narrow_the_choice_in_every_alternative(client):
    told = _asked(client, mood="happy", language="Portuguese", query="id:1..10 , id:30..60")
    assert {track["id"] for track in told["tracks"]} <= set(range(1, 11))
    assert told["tracks"]
    assert told["query"] == "id:1..10 language:Portuguese , id:30..60 language:Portuguese"
    assert _searched(told) == "Portuguese happy songs"
    sung = _asked(client, mood="happy", language="portuguese", artist="Cantora 3")
    assert {track["artist"] for track in sung["tracks"]} == {"Cantora 3"}
    assert _searched(sung) == "portuguese happy songs Cantora 3"


@pytest.mark.parametrize(
    "artist",
    [
        'AC/DC & "friends"',
        "a , b",
        "x,",
        "=~:regex(((",
        "-not",
        "genre:jazz",
        "Sigur Rós",
        "50% off?#x=1&y",
        "日本",
        "🎵",
        '"',
    ],
)
def test_an_artist_is_never_read_as_a_query_and_the_link_is_encoded(client, artist):
    told = _asked(client, mood="calm", artist=artist)
    assert told["tracks"] == []
    assert told["note"]
    assert _searched(told) == f"calm songs {artist}"
    assert told["elsewhere"]["url"].isascii()
    assert " " not in told["elsewhere"]["url"]


def test_without_a_library_there_is_still_the_search(tmp_path):
    with served(tmp_path / "none.db") as client:
        told = _asked(client, mood="tense", lift=True, artist="Nina Simone")
        assert (told["tracks"], told["points"], told["duration_s"]) == ([], [], 0)
        assert "sideman scan FOLDER" in told["note"]
        assert _searched(told) == "calm songs Nina Simone"


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"mood": "calm", "valence": 0.1, "arousal": 0.1},
        {"valence": 0.1},
        {"mood": "purple"},
        {"valence": 1.1, "arousal": 0},
        {"mood": "calm", "minutes": 0},
        {"mood": "calm", "query": "bpm:x"},
        {"mood": "calm", "artist": "x" * 101},
        {"mood": ["calm"]},
    ],
)
def test_what_makes_no_sense(client, wish):
    problem(client.post(f"{API}/recommendations", json=wish), 422)


def test_a_link_of_many_words_is_cut():
    assert len(youtube("calm", artist="x" * 500).terms) == 200
    assert youtube("calm", genre="jazz").terms == "calm jazz songs"
    assert youtube("calm", artist="caf\udce9").url.endswith("calm+songs+caf%3F")
