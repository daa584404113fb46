"""Prompts: what a sentence asks for, what it leaves open, and what is said about words that could not be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sideman.compose.controls import GENRES, STYLES, Controls
from sideman.compose.lexicon import PHRASES
from sideman.compose.prompt import describe, lexicon, parse
from sideman.core.errors import UsageError
from sideman.mood.names import mood
from sideman.symbolic.score import METRES


def feel(name, **more):
    """Controls as a dict: a mood word's point, and others."""
    valence, arousal = mood(name)
    return {"valence": valence, "arousal": arousal, **more}


ROCK_BAND = (29, 27, 33, 128)
ORCHESTRA = (73, 68, 71, 70, 60, 56, 57, 47, 40, 41, 42, 43)

SENTENCES = {
    # the whole of it
    "a slow sad waltz in D minor for piano and cello": feel(
        "sad", tempo_bpm=66, key=(2, True), metre=(3, 4), instruments=(0, 42)
    ),
    "A slow, sad, waltz; in D minor; for piano & cello.": feel(
        "sad", tempo_bpm=66, key=(2, True), metre=(3, 4), instruments=(0, 42)
    ),
    "fast bebop at 220 bpm for sax, piano, double bass and drums": {
        "genre": "jazz", "tempo_bpm": 220, "instruments": (65, 0, 43, 128),
    },
    "12-bar blues in E for guitar, bass and drums": {
        "genre": "blues", "bars": 12, "key": (4, False), "instruments": (25, 33, 128),
    },
    "thrash metal in E minor, 180 bpm, distorted guitar, bass, drums": feel(
        "aggressive", genre="metal", tempo_bpm=180, key=(4, True), instruments=(30, 33, 128)
    ),
    "lo-fi hip hop beat, 80 bpm, rhodes, upright bass and drums": feel(
        "relaxed", genre="hiphop", tempo_bpm=80, instruments=(4, 32, 128)
    ),
    "ENERGETIC METAL IN E MINOR AT 180 BPM": feel("energetic", genre="metal", tempo_bpm=180, key=(4, True)),
    "a cheerful sea shanty for accordion, fiddle and choir": feel(
        "cheerful", genre="folk", tempo_bpm=108, metre=(4, 4), instruments=(21, 110, 52)
    ),
    "Children's song in C major, 8 bars, simple": {"genre": "children", "key": (0, False), "bars": 8, "density": 1},
    "a trance track at 138 bpm in A minor with pads and synth bass": {
        "genre": "electronic", "tempo_bpm": 138, "metre": (4, 4), "key": (9, True), "instruments": (89, 38),
    },
    "reggae in 4/4 with organ, guitar, bass and drums": {
        "genre": "reggae", "metre": (4, 4), "instruments": (16, 25, 33, 128),
    },
    # genres
    "bossa nova": {"genre": "latin", "tempo_bpm": 132, "metre": (4, 4)},
    "swing": {"genre": "jazz"},
    "techno": {"genre": "electronic", "tempo_bpm": 130, "metre": (4, 4)},
    "deep house": {"genre": "electronic", "tempo_bpm": 124, "metre": (4, 4)},
    "EDM": {"genre": "electronic"},
    "hip hop": {"genre": "hiphop"},
    "hip-hop": {"genre": "hiphop"},
    "rap": {"genre": "hiphop"},
    "trap": {"genre": "hiphop"},
    "R&B": {"genre": "soul"},
    "funk": {"genre": "soul"},
    "Motown": {"genre": "soul"},
    "bluegrass": {"genre": "country"},
    "heavy metal": {"genre": "metal"},
    "a baroque piece": {"genre": "classical"},
    "piano sonata": {"genre": "classical", "instruments": (0,), "style": "piano"},
    "a hymn": {"genre": "religious"},
    "gospel": {"genre": "religious"},
    "film music": {"genre": "soundtrack"},
    "cinematic": {"genre": "soundtrack"},
    "ska": {"genre": "reggae"},
    "dub": {"genre": "reggae"},
    "rock 'n' roll": {"genre": "rock"},
    "k-pop, upbeat": feel("cheerful", genre="pop"),
    "80s synth pop, 120 bpm": {"genre": "pop", "tempo_bpm": 120},
    "world music": {"genre": "world"},
    "ambient": {"genre": "ambient"},
    "jazz pop": {"genre": "pop"},
    "folk rock": {"genre": "rock"},
    "drum and bass": {"genre": "electronic", "tempo_bpm": 172, "metre": (4, 4)},
    # dances
    "a rag": {"genre": "ragtime", "tempo_bpm": 88, "metre": (2, 4)},
    "minuet": {"genre": "classical", "tempo_bpm": 120, "metre": (3, 4)},
    "jig": {"genre": "folk", "tempo_bpm": 172.5, "metre": (6, 8)},
    "a reel": {"genre": "folk", "tempo_bpm": 200, "metre": (4, 4)},
    "slow reel": {"genre": "folk", "tempo_bpm": 66, "metre": (4, 4)},
    "polka": {"genre": "folk", "tempo_bpm": 120, "metre": (2, 4)},
    "tango": {"genre": "latin", "tempo_bpm": 120, "metre": (4, 4)},
    "march": {"tempo_bpm": 116, "metre": (2, 4)},
    "march in 4/4": {"tempo_bpm": 116, "metre": (4, 4)},
    "jazz waltz": {"genre": "jazz", "metre": (3, 4)},
    "a rock jig": {"genre": "rock", "tempo_bpm": 172.5, "metre": (6, 8)},
    "lullaby": feel("peaceful", genre="children", tempo_bpm=66),
    "sad lullaby": feel("sad", genre="children", tempo_bpm=66),
    # tempi
    "slow": {"tempo_bpm": 66},
    "mid-tempo": {"tempo_bpm": 108},
    "fast": {"tempo_bpm": 144},
    "largo": {"tempo_bpm": 50},
    "Adagio": {"tempo_bpm": 58},
    "andante": {"tempo_bpm": 76},
    "presto": {"tempo_bpm": 184},
    "allegro ma non troppo": {"tempo_bpm": 120},
    "very slow": {"tempo_bpm": 54},
    "very fast": {"tempo_bpm": 160},
    "not too fast": {"tempo_bpm": 126},
    "at 90 bpm": {"tempo_bpm": 90},
    "120 BPM": {"tempo_bpm": 120},
    "130bpm": {"tempo_bpm": 130},
    "tempo 100": {"tempo_bpm": 100},
    "tempo: 100": {"tempo_bpm": 100},
    "BPM = 90": {"tempo_bpm": 90},
    "♩=72": {"tempo_bpm": 72},
    "♩ = 72 in 6/8": {"tempo_bpm": 72, "metre": (6, 8)},
    "♩. = 60 in 6/8": {"tempo_bpm": 90, "metre": (6, 8)},
    "90 beats per minute": {"tempo_bpm": 90},
    "one hundred and twenty beats a minute": {"tempo_bpm": 120},
    "ninety-six bpm": {"tempo_bpm": 96},
    "100-120 bpm": {"tempo_bpm": 110},
    "between 100 and 110 bpm": {"tempo_bpm": 105},
    "piano at 96": {"tempo_bpm": 96, "instruments": (0,)},
    "92.5 bpm": {"tempo_bpm": 92.5},
    "slow, 180 bpm": {"tempo_bpm": 180},
    "6/8 at 100 bpm": {"tempo_bpm": 150, "metre": (6, 8)},
    "twelve-eight at 60 bpm": {"tempo_bpm": 90, "metre": (12, 8)},
    "jig in G at 120 bpm": {"genre": "folk", "tempo_bpm": 180, "metre": (6, 8), "key": (7, False)},
    # keys
    "in D minor": {"key": (2, True)},
    "in F# major": {"key": (6, False)},
    "in F♯ major": {"key": (6, False)},
    "E-flat major": {"key": (3, False)},
    "E flat": {"key": (3, False)},
    "in G": {"key": (7, False)},
    "in g": {"key": (7, False)},
    "in A": {"key": (9, False)},
    "in c minor": {"key": (0, True)},
    "in Dm": {"key": (2, True)},
    "c#m": {"key": (1, True)},
    "key of Bb minor": {"key": (10, True)},
    "in 7A": {"key": (2, True)},
    "piece in A minor key": {"key": (9, True)},
    "a piece in a minor key": {"valence": -0.45},
    "a minor waltz": {"valence": -0.45, "metre": (3, 4)},
    "a minor waltz in D": {"key": (2, True), "metre": (3, 4)},
    "A MINOR WALTZ FOR PIANO": {"valence": -0.45, "metre": (3, 4), "instruments": (0,)},
    "something in major": {"valence": 0.45},
    "a sad piece in minor": feel("sad"),
    "in a slow tempo": {"tempo_bpm": 66},
    "IN A SLOW TEMPO": {"tempo_bpm": 66},
    "I am in love": feel("romantic"),
    # metres
    "3/4": {"metre": (3, 4)},
    "in three-four time": {"metre": (3, 4)},
    "six-eight": {"metre": (6, 8)},
    "5/4 jazz": {"genre": "jazz", "metre": (5, 4)},
    "waltz in 4/4": {"metre": (4, 4)},
    "common time": {"metre": (4, 4)},
    # lengths
    "16 bars": {"bars": 16},
    "8 measures": {"bars": 8},
    "sixteen bars": {"bars": 16},
    "a 4-bar loop": {"bars": 4},
    "30 seconds": {"bars": 15, "tempo_bpm": 120, "metre": (4, 4)},
    "two minutes at 100 bpm": {"bars": 50, "tempo_bpm": 100, "metre": (4, 4)},
    "half a minute in 3/4 at 90 bpm": {"bars": 15, "tempo_bpm": 90, "metre": (3, 4)},
    "1:30 at 120": {"bars": 45, "tempo_bpm": 120, "metre": (4, 4)},
    "a minute and a half of pop": {"genre": "pop", "bars": 45, "tempo_bpm": 120, "metre": (4, 4)},
    # instruments
    "for piano and cello": {"instruments": (0, 42)},
    "string quartet": {"genre": "classical", "instruments": (40, 41, 42)},
    "piano trio": {"genre": "classical", "instruments": (0, 40, 42)},
    "jazz trio": {"genre": "jazz", "instruments": (0, 32, 128), "style": "band"},
    "rock band": {"genre": "rock", "instruments": ROCK_BAND, "style": "band"},
    "orchestra": {"genre": "classical", "instruments": ORCHESTRA},
    "EPIC ORCHESTRAL SOUNDTRACK!!!": feel("epic", genre="soundtrack", instruments=ORCHESTRA),
    "a cappella": {"instruments": (52,), "style": "voices"},
    "for choir": {"instruments": (52,), "style": "voices"},
    "choir with organ": {"instruments": (52, 16)},
    "solo piano": {"instruments": (0,), "style": "piano"},
    "for solo violin": {"instruments": (40,)},
    "drums and bass": {"instruments": (128, 33)},
    "drum solo": {"instruments": (128,), "style": "drums"},
    "strings, brass and woodwinds": {"instruments": (48, 61, 68, 70, 71, 73)},
    "mandolin and ukulele": {"instruments": (25, 24)},
    "piano piano piano": {"instruments": (0,)},
    "rock band without drums": {"genre": "rock", "instruments": (29, 27, 33), "style": "band"},
    "rock song without drums": {"genre": "rock", "instruments": (29, 27, 33)},
    "rock band without guitar": {"genre": "rock", "instruments": (33, 128), "style": "band"},
    "piano, bass, no drums": {"instruments": (0, 33)},
    "no drums, bass or guitar in this pop song": {"genre": "pop", "instruments": (0,)},
    "without drums and with piano": {"instruments": (0,)},
    "not with drums, but with piano": {"instruments": (0,)},
    "heavy metal, no vocals": {"genre": "metal"},
    # moods
    "happy": feel("happy"),
    "very sad": {"valence": -1.0, "arousal": -0.56},
    "slightly dark": {"valence": -0.32, "arousal": 0.05},
    "not happy": {"valence": -0.4, "arousal": -0.25},
    "not too sad": {"valence": -0.38, "arousal": -0.2},
    "happy but calm": {"valence": 0.72, "arousal": -0.29},
    "don't make it sad": {"valence": 0.38, "arousal": 0.2},
    "laid-back": feel("relaxed"),
    "full of joy": feel("joyful"),
    "valence -0.3, arousal 0.4": {"valence": -0.3, "arousal": 0.4},
    "happy, arousal -0.5": {"valence": 0.8, "arousal": -0.5},
    # density and style
    "sparse": {"density": 1},
    "dense": {"density": 6},
    "very dense": {"density": 7},
    "busy": {"density": 5},
    "minimal": {"density": 0},
    "density 3": {"density": 3},
    "lead sheet": {"style": "lead-sheet"},
    "piano piece": {"instruments": (0,), "style": "piano"},
    # slips
    "meloncholic": feel("melancholic"),
    "guittar": {"instruments": (25,)},
    "strign quartet": {"genre": "classical", "instruments": (40, 41, 42)},
    "strong": None,
    # nothing
    "": None,
    "   \n": None,
    "!?": None,
    "something nice": None,
    "traurige Klaviermusik in d-Moll": None,
    "une valse triste": None,
    "asdf qwer": None,
}  # fmt: skip


def test_the_table_is_long_enough_to_mean_something():
    assert len(SENTENCES) >= 120


@pytest.mark.parametrize("sentence, expected", SENTENCES.items(), ids=list(SENTENCES))
def test_a_sentence_asks_for(sentence, expected):
    if expected is None:
        with pytest.raises(UsageError, match=r"ask for genres .*moods .*instruments, a tempo"):
            parse(sentence)
        return
    assert parse(sentence).controls == Controls(**expected)


@pytest.mark.parametrize(
    "sentence, message",
    [
        ("999 bpm", "outside 20 to 400"), ("jazz at 10 bpm", "outside 20 to 400"),
        ("300 bpm in 6/8", "450 quarter notes"),
        ("0 bars", "outside 1 to 512"), ("1000 bars of jazz", "outside 1 to 512"),
        ("three hours, 90 minutes", "outside 1 to 512"),
        ("2.5 bars", "whole numbers"), ("11/8", "'11/8' is not a metre"), ("valence 2", "outside -1 to 1"),
        ("density 9", "not a level"), ("jazz " * 500, "2000 at most"),
    ],
)  # fmt: skip
def test_figures_that_cannot_be_are_refused(sentence, message):
    with pytest.raises(UsageError, match=message):
        parse(sentence)


@pytest.mark.parametrize(
    "sentence, note",
    [
        ("slow", "'slow' is taken as 66 bpm"),
        ("slow at 180 bpm", "'slow' gives way to '180 bpm'"),
        ("waltz in 4/4", "'waltz' gives way to '4/4'"),
        ("jazz pop", "'jazz' gives way to 'pop'"),
        ("pop. jazz", "'jazz' gives way to 'pop'"),
        ("6/8 at 80 bpm", "in 6/8 a beat is a dotted quarter: 80 bpm are 120 quarter notes per minute"),
        ("jig", "'jig' suggests 115 bpm"),
        ("30 seconds", "'30 seconds' makes 15 bars at this tempo and metre, taking 120 bpm and 4/4"),
        ("in D", "'D' is taken as D major"),
        ("in minor", "minor without a keynote is taken as valence -0.45"),
        ("meloncholic", "'meloncholic' was read as 'melancholic'"),
        ("mandolin", "there is no mandolin in General MIDI; in its place: acoustic guitar"),
        ("jazz in D dorian", "D dorian: only major and minor keys are known"),
        ("pop, not jazz", "'jazz' cannot be ruled out, only asked for"),
        ("not happy", "'not happy' is taken as half its opposite"),
        ("string quartet", "a score has one track per instrument: the violins share theirs"),
        ("pop without synths", "'synths' would not play anyway"),
        ("pop for piano without piano", "leaving these instruments out leaves none: the choice is left open"),
    ],
)
def test_assumptions_and_conflicts_are_told(sentence, note):
    assert note in parse(sentence).notes


@pytest.mark.parametrize(
    "sentence", ["fast, 220 bpm", "slow, 50 bpm", "slow waltz at 72 bpm", "presto, 200 bpm", "in 3/4, a waltz"]
)
def test_figures_that_fit_the_words_are_no_conflict(sentence):
    assert not [note for note in parse(sentence).notes if "gives way" in note]


@pytest.mark.parametrize(
    "sentence, unused",
    [
        ("a slow sad waltz in D minor for piano and cello", ()),
        ("traurige jazz Musik", ("traurige", "Musik")),
        ("play me some purple jazz, purple and green, please", ("purple", "green")),
        ("jazz in D dorian", ("dorian",)),
        ("jazz like it is 1959", ("1959",)),
        ("Could you write a very nice happy song with a piano in it?", ()),
    ],
)
def test_words_that_could_not_be_used_are_told_once(sentence, unused):
    assert parse(sentence).unused == unused


def test_what_was_used_is_told_in_the_order_of_the_text():
    assert parse("A Slow sad waltz in D minor for Piano and cello").used == (
        ("Slow", "tempo_bpm", "66 bpm"),
        ("sad", "mood", "sad: valence -0.75, arousal -0.4"),
        ("waltz", "metre", "3/4"),
        ("D minor", "key", "D minor"),
        ("Piano", "instruments", "piano"),
        ("cello", "instruments", "cello"),
    )


def test_a_wish_is_one_line():
    wish = Controls(
        genre="jazz",
        valence=0.5,
        arousal=-0.7,
        tempo_bpm=90,
        key=(2, True),
        metre=(3, 4),
        bars=16,
        instruments=(0, 33, 128),
    )
    assert (
        describe(wish) == "jazz, calm (valence 0.5, arousal -0.7), 90 bpm, D minor, 3/4, 16 bars, piano + bass + drums"
    )
    assert describe(Controls(tempo_bpm=180, metre=(6, 8), bars=1)) == "120 bpm (dotted quarters), 6/8, 1 bar"
    assert describe(Controls(density=2, style="lead-sheet")) == "density 2 of 7, lead-sheet style"
    assert describe(Controls()) == "anything"


def test_all_that_can_be_said_is_listed_by_sort_and_means_something_alone():
    said = lexicon()
    assert {"genre", "dance", "mood", "tempo", "metre", "instrument", "ensemble", "density", "style", "length"} <= set(
        said
    )
    for kind in set(said) - {"degree", "negation"}:
        for phrase in said[kind]:
            assert parse(phrase).controls.given(), phrase


def test_every_genre_and_style_can_be_asked_for():
    assert {m.controls.genre for m in PHRASES.values()} >= set(GENRES)
    assert {style for m in PHRASES.values() for style in (m.controls.style, m.hints.style)} >= set(STYLES)


def hundredths(low, high):
    return st.integers(round(100 * low), round(100 * high)).map(lambda n: n / 100)


def wishes():
    def maybe(strategy):
        return st.none() | strategy

    return st.builds(
        Controls,
        genre=maybe(st.sampled_from(GENRES)),
        valence=maybe(hundredths(-1, 1)),
        arousal=maybe(hundredths(-1, 1)),
        tempo_bpm=maybe(st.integers(20, 266).map(lambda beats: 1.5 * beats)),
        key=maybe(st.tuples(st.integers(0, 11), st.booleans())),
        metre=maybe(st.sampled_from(METRES)),
        bars=maybe(st.integers(1, 512)),
        instruments=st.lists(st.integers(0, 128), max_size=5, unique=True).map(tuple),
        density=maybe(st.integers(0, 7)),
        style=maybe(st.sampled_from(STYLES)),
    ).filter(Controls.given)


@given(wishes())
def test_a_described_wish_is_understood_as_itself(wish):
    assert parse(describe(wish)).controls == wish


words = st.sampled_from(
    [*sorted(PHRASES), "not", "no", "very", "too", "in", "a", "A", "D", "Am", "b", "#", "flat", "minor", "at"]
)
numbers = st.integers(0, 400).map(str) | st.sampled_from(
    ["3/4", "6/8", "bars", "bpm", "seconds", "=", ":", "tempo", "♩", ".", "of"]
)


@given(st.text() | st.lists(words | numbers | st.text(max_size=5), max_size=12).map(" ".join))
def test_any_text_is_understood_or_refused_in_one_line(text):
    understood, refusal = None, ""
    try:
        understood = parse(text)
    except UsageError as error:
        refusal = str(error)
    assert (understood is None) == bool(refusal)
    assert "\n" not in refusal
    if understood:
        line = describe(understood.controls)
        assert "\n" not in line
        assert describe(parse(line).controls) == line
