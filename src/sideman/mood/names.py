"""The one table of mood words: each a point of valence (how pleasant) and arousal (how excited), both -1..1.

The plane is Russell's circumplex (Russell 1980, "A circumplex model of affect"). The points are our judgement, not
measurements: words of Russell's own lie in his order around the circle, except that "happy" and its kin are placed
higher in arousal, as people mean them of music; words said of music rather than of people (dark, bright, epic) are
placed by what they ask of a composer. The published norms of single words (Warriner, Kuperman, Brysbaert 2013) were not
used: they rate the word, where "dark" is hardly unpleasant, and their licence does not allow them here. No point lies
on an edge between two levels of the compose vocabulary.
"""

from __future__ import annotations

import difflib
import re
import unicodedata

from sideman.core.errors import UsageError

Point = tuple[float, float]  # valence, arousal

MOODS: dict[str, Point] = {
    # pleasant and excited
    "happy": (0.8, 0.5),
    "joyful": (0.9, 0.55),
    "cheerful": (0.75, 0.4),
    "playful": (0.65, 0.5),
    "excited": (0.7, 0.8),
    "energetic": (0.45, 0.85),
    "triumphant": (0.75, 0.75),
    "epic": (0.35, 0.8),
    "bright": (0.7, 0.3),
    "funny": (0.7, 0.35),
    "groovy": (0.5, 0.5),
    "proud": (0.5, 0.4),
    "passionate": (0.3, 0.65),
    "magical": (0.5, 0.15),
    "surprised": (0.15, 0.75),
    # unpleasant and excited
    "tense": (-0.5, 0.65),
    "angry": (-0.75, 0.8),
    "aggressive": (-0.65, 0.9),
    "scary": (-0.8, 0.65),
    "anxious": (-0.65, 0.5),
    "frantic": (-0.3, 0.95),
    "dramatic": (-0.25, 0.7),
    "mysterious": (-0.3, -0.1),
    "dark": (-0.65, 0.1),
    "eerie": (-0.55, 0.15),
    "tragic": (-0.85, 0.1),
    # unpleasant and calm
    "sad": (-0.75, -0.4),
    "melancholic": (-0.5, -0.5),
    "gloomy": (-0.7, -0.45),
    "depressed": (-0.9, -0.5),
    "lonely": (-0.65, -0.5),
    "nostalgic": (-0.15, -0.4),
    "solemn": (-0.25, -0.45),
    "bored": (-0.4, -0.7),
    "tired": (-0.3, -0.8),
    # pleasant and calm
    "calm": (0.5, -0.7),
    "peaceful": (0.65, -0.7),
    "relaxed": (0.65, -0.65),
    "serene": (0.7, -0.75),
    "gentle": (0.4, -0.5),
    "dreamy": (0.35, -0.55),
    "sleepy": (0.1, -0.9),
    "romantic": (0.55, -0.3),
    "tender": (0.45, -0.45),
    "content": (0.7, -0.35),
    "warm": (0.55, -0.25),
    "hopeful": (0.55, 0.15),
    "bittersweet": (0.0, -0.3),
    "neutral": (0.0, 0.0),
}

SYNONYMS: dict[str, str] = {
    synonym: name
    for name, synonyms in {
        "happy": "glad, merry, jolly, feel good, delighted, happiness",
        "joyful": "joyous, jubilant, festive, elated, ecstatic, euphoric, exuberant, blissful, joy",
        "cheerful": "cheery, upbeat, sunny, jaunty, light hearted, lighthearted, carefree",
        "playful": "whimsical, bouncy, mischievous, quirky, cute, frolicsome",
        "excited": "exciting, thrilling, thrilled, exhilarating, excitement",
        "energetic": "lively, vigorous, driving, vibrant, spirited, powerful, wild, pumping, energy",
        "triumphant": "victorious, glorious, majestic, celebratory, triumph, victory",
        "epic": "heroic, grand, adventurous, grandiose",
        "bright": "shiny, sparkling, radiant",
        "funny": "comical, comic, humorous, silly, goofy",
        "groovy": "funky, danceable, grooving",
        "proud": "noble, confident, patriotic",
        "passionate": "fiery, intense, ardent, passion",
        "magical": "enchanting, enchanted, wondrous, fantastical, magic",
        "surprised": "surprising, astonished",
        "tense": "suspenseful, nervous, agitated, restless, stressful, tension, suspense",
        "angry": "furious, enraged, raging, annoyed, anger, rage",
        "aggressive": "brutal, violent, fierce, savage, hostile",
        "scary": "frightening, terrifying, horrifying, horror, creepy, afraid, fearful, fear, terror",
        "anxious": "worried, uneasy, distressed, frustrated, desperate, anxiety",
        "frantic": "chaotic, hectic, manic, crazy",
        "dramatic": "stormy, turbulent, tempestuous, theatrical, drama",
        "mysterious": "mystical, enigmatic, mystic, mystery",
        "dark": "sinister, ominous, menacing, evil, brooding, darkness",
        "eerie": "haunting, spooky, ghostly, haunted, uncanny",
        "tragic": "heartbreaking, devastating, mournful, sorrowful, grieving, anguished, tragedy, grief, sorrow",
        "sad": "unhappy, sorry, tearful, downcast, sombre, somber, sadness",
        "melancholic": "melancholy, wistful, pensive, plaintive, doleful, blue",
        "gloomy": "bleak, dreary, dismal, grim, moody",
        "depressed": "depressing, miserable, hopeless, despairing, despondent, despair",
        "lonely": "lonesome, desolate, forlorn, abandoned, loneliness",
        "nostalgic": "longing, yearning, sentimental, reminiscent, nostalgia",
        "solemn": "serious, grave, funereal, austere",
        "bored": "boring, dull, monotonous, boredom",
        "tired": "weary, exhausted, lethargic, droopy",
        "calm": "calming, quiet, tranquil, placid, calmness, tranquility",
        "peaceful": "soothing, at ease, harmonious, idyllic, pastoral, peace",
        "relaxed": "relaxing, laid back, mellow, chilled, chill, easygoing, easy going, cozy, cosy",
        "serene": "meditative, contemplative, zen, serenity",
        "gentle": "soft, delicate, light",
        "dreamy": "dreamlike, ethereal, floating, hypnotic, airy",
        "sleepy": "drowsy, drowsing",
        "romantic": "loving, lovely, sensual, sweet, seductive, romance, love",
        "tender": "intimate, affectionate, touching, heartfelt",
        "content": "pleased, satisfied, contented, pleasant, comfortable",
        "warm": "warmhearted, comforting",
        "hopeful": "optimistic, uplifting, inspiring, inspirational, encouraging, hope",
        "bittersweet": "wry",
        "neutral": "emotionless",
    }.items()
    for synonym in synonyms.split(", ")
}  # fmt: skip

QUADRANTS: dict[str, Point] = {"Q1": (0.7, 0.7), "Q2": (-0.7, 0.7), "Q3": (-0.7, -0.7), "Q4": (0.7, -0.7)}
"""A point for each quarter of the plane, by the names that data sets use."""
QUADRANT_WORDS = {"Q1": "happy, excited", "Q2": "tense, angry", "Q3": "sad", "Q4": "calm"}


def mood(name: str) -> Point:
    """Valence and arousal of a mood word, a synonym, or a quadrant Q1..Q4; case and hyphens do not matter.

    Raises:
        UsageError: no such word; the message names the nearest ones.
    """
    key = _normal(name)
    if key.upper() in QUADRANTS:
        return QUADRANTS[key.upper()]
    found = MOODS.get(SYNONYMS.get(key, key))
    if found is None:
        close = difflib.get_close_matches(key[:40], [*MOODS, *SYNONYMS], 3, 0.6)
        hint = f"did you mean {' or '.join(close)}?" if close else f"some that are: {', '.join([*MOODS][::6])}"
        raise UsageError(f"{name[:40]!r} is not a mood that is known; {hint}")
    return found


def nearest(valence: float, arousal: float) -> str:
    """The word of `MOODS` whose point is nearest."""
    return min(MOODS, key=lambda name: (MOODS[name][0] - valence) ** 2 + (MOODS[name][1] - arousal) ** 2)


def quadrant(valence: float, arousal: float) -> str:
    """Q1..Q4; what is neither pleasant nor unpleasant counts as pleasant, neither excited nor calm as excited."""
    if valence >= 0:
        return "Q1" if arousal >= 0 else "Q4"
    return "Q2" if arousal >= 0 else "Q3"


def _normal(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", name).lower()))
