"""The word list of prompts as tables: genres, dances, tempi, metres, ensembles, settings, densities, lengths.

Tempi are in beats per minute as the metre counts them; those of Italian terms are the middle of the range printed on
metronomes, those of dances are usual in teaching books and session playing, both rounded: they are assumptions, and a
prompt's notes say so. `sideman.compose.lexicon` makes meanings of these tables.
"""

from __future__ import annotations

GENRES = {
    "blues": "blues, bluesy, delta blues, chicago blues, blues rock, boogie, boogie woogie",
    "classical": (
        "classical, classical music, baroque, romantic era, sonata, sonatina, symphony, symphonic, concerto, "
        "fugue, prelude, nocturne, etude, chamber music, opera, renaissance, impressionist, rondo, "
        "invention, toccata, serenade, mozart, beethoven, bach, chopin"
    ),
    "country": (
        "country, country music, bluegrass, honky tonk country, nashville, western, country and western, hillbilly"
    ),
    "disco": "disco, eurodisco, nu disco, italo disco",
    "hiphop": (
        "hip hop, hiphop, hip hop music, rap, trap, boom bap, drill, lo fi hip hop, lofi hip hop, g funk, grime"
    ),
    "jazz": (
        "jazz, jazzy, bebop, bop, hard bop, swing, swinging, dixieland, cool jazz, smooth jazz, jazz fusion, "
        "fusion, latin jazz, big band, modal jazz, gypsy jazz, soul jazz, new orleans, free jazz, acid jazz, "
        "jazz standard"
    ),
    "metal": (
        "metal, heavy metal, thrash, thrash metal, death metal, black metal, doom metal, power metal, metalcore, djent"
    ),
    "pop": (
        "pop, pop music, synth pop, synthpop, k pop, kpop, j pop, jpop, indie pop, dance pop, britpop, "
        "chart pop, electropop, teen pop, pop rock, city pop"
    ),
    "reggae": "reggae, ska, dub, rocksteady, dancehall, roots reggae",
    "rock": (
        "rock, hard rock, punk, punk rock, pop punk, indie rock, indie, grunge, rockabilly, rock n roll, "
        "rock and roll, progressive rock, prog rock, prog, psychedelic rock, folk rock, country rock, "
        "alternative rock, surf rock, garage rock, classic rock, soft rock, glam rock, post rock, emo"
    ),
    "folk": (
        "folk, folk music, folk song, folk tune, traditional, celtic, irish, scottish, klezmer, fiddle tune, "
        "folky, singer songwriter, old time"
    ),
    "ragtime": "ragtime, rag, ragtimes",
    "soul": ("soul, soul music, r&b, rnb, r and b, rhythm and blues, funk, motown, neo soul, p funk, northern soul"),
    "latin": (
        "latin, bossa nova, bossa, samba, salsa, tango, rumba, mambo, cha cha, cha cha cha, cumbia, "
        "merengue, bachata, bolero, reggaeton, mariachi, flamenco, cuban, brazilian, afro cuban, habanera"
    ),
    "soundtrack": (
        "soundtrack, film, movie, cinema, cinematic, film music, film score, movie score, game, video game, "
        "game music, video game music, videogame, chiptune, boss battle, battle music, trailer, tv, "
        "musical theatre, broadway, anime"
    ),
    "electronic": (
        "electronic, techno, house, edm, trance, dubstep, drum and bass, drum n bass, dnb, d&b, jungle, "
        "deep house, electro, electronica, synthwave, idm, hardstyle, eurodance, dance music, rave, garage, "
        "breakbeat, downtempo, trip hop, electronic dance music, vaporwave, house music"
    ),
    "world": (
        "world music, african, indian, arabic, middle eastern, oriental, chinese, japanese, turkish, balkan, "
        "afrobeat, highlife, raga, gamelan, hawaiian, polynesian, asian, persian"
    ),
    "religious": (
        "religious, hymn, gospel, church, church music, sacred, christmas carol, carol, chorale, spiritual, "
        "worship, psalm, liturgical, christmas, mass"
    ),
    "children": "children, child, kids, kid, nursery rhyme, nursery, lullaby, cradle song, berceuse",
    "ambient": ("ambient, new age, drone, soundscape, background music, ambience, lo fi, lofi, chillout, atmospheric"),
}

# phrases: (metre or "", beats per minute or 0, genre where none is named, mood where none is named)
DANCES: dict[str, tuple[str, float, str, str]] = {
    "waltz": ("3/4", 0, "", ""),
    "viennese waltz": ("3/4", 174, "classical", ""),
    "jazz waltz": ("3/4", 0, "jazz", ""),
    "minuet, menuet, menuetto": ("3/4", 120, "classical", ""),
    "mazurka": ("3/4", 140, "classical", ""),
    "polonaise": ("3/4", 96, "classical", ""),
    "sarabande": ("3/4", 56, "classical", ""),
    "scherzo": ("3/4", 168, "classical", "playful"),
    "landler": ("3/4", 108, "folk", ""),
    "gavotte": ("2/2", 132, "classical", ""),
    "bourree": ("2/2", 152, "classical", ""),
    "siciliano, siciliana": ("6/8", 40, "classical", "gentle"),
    "barcarolle": ("6/8", 50, "classical", "gentle"),
    "tarantella": ("6/8", 150, "folk", "energetic"),
    "gigue": ("6/8", 100, "classical", ""),
    "jig": ("6/8", 115, "folk", ""),
    "slip jig": ("9/8", 115, "folk", ""),
    "irish slide": ("12/8", 130, "folk", ""),
    "reel": ("4/4", 200, "folk", ""),
    "hornpipe": ("4/4", 160, "folk", ""),
    "strathspey": ("4/4", 120, "folk", ""),
    "polka": ("2/4", 120, "folk", ""),
    "galop": ("2/4", 140, "classical", "excited"),
    "sea shanty, shanty, sea chanty": ("4/4", 108, "folk", ""),
    "march": ("2/4", 116, "", ""),
    "military march, marching band": ("2/4", 120, "", "proud"),
    "funeral march, dirge": ("4/4", 54, "", "tragic"),
    "wedding march": ("4/4", 104, "classical", "triumphant"),
    "tango": ("4/4", 120, "latin", ""),
    "habanera": ("2/4", 66, "latin", ""),
    "samba": ("2/4", 100, "latin", ""),
    "bossa nova, bossa": ("4/4", 132, "latin", ""),
    "salsa": ("4/4", 184, "latin", ""),
    "bolero": ("4/4", 96, "latin", ""),
    "cha cha, cha cha cha": ("4/4", 120, "latin", ""),
    "merengue": ("2/4", 136, "latin", ""),
    "techno": ("4/4", 130, "", ""),
    "house, deep house, house music": ("4/4", 124, "", ""),
    "trance": ("4/4", 136, "", ""),
    "drum and bass, drum n bass, dnb, d&b, jungle": ("4/4", 172, "", ""),
    "dubstep": ("4/4", 140, "", ""),
    "eurodisco, nu disco, italo disco": ("4/4", 118, "", ""),
    "rag, ragtimes": ("2/4", 88, "", ""),
    "ballad, power ballad": ("", 70, "", ""),
    "lullaby, cradle song, berceuse": ("", 66, "", "peaceful"),
    "nocturne": ("", 60, "", "dreamy"),
    "anthem": ("", 100, "", "proud"),
    "battle music, boss battle": ("", 150, "", "tense"),
    "lo fi hip hop, lofi hip hop": ("", 80, "", "relaxed"),
    "death metal, thrash, thrash metal": ("", 180, "", "aggressive"),
    "bebop": ("", 220, "", ""),
}

TEMPI = {
    40: "grave, larghissimo, extremely slow",
    50: "largo, lento",
    58: "adagio, larghetto",
    66: "slow, slower, slowly, slow paced, unhurried",
    76: "andante, adagietto, walking pace",
    84: "andantino",
    92: "moderate, moderate tempo, medium slow",
    108: "moderato, mid tempo, midtempo, medium, medium tempo, allegretto",
    116: "allegro moderato, medium fast",
    120: "allegro ma non troppo, marching pace",
    132: "allegro, quick, quickly, brisk, briskly",
    144: "fast, fast paced, uptempo, up tempo, speedy, rapid, vivo, faster",
    160: "vivace, allegro vivace, very quick",
    184: "presto, breakneck, very very fast",
    200: "prestissimo",
}

METRES = {
    "4/4": "common time, four on the floor",
    "3/4": "waltz time, triple time, three quarter time, in three, in 3",
    "2/2": "cut time, alla breve",
    "6/8": "compound time",
    "12/8": "shuffle, shuffled, slow blues feel",
    "5/4": "in five, in 5",
    "7/8": "in seven, in 7",
}

# phrases: programmes, genre where none is named, style where none is named
ENSEMBLES: dict[str, tuple[tuple[int, ...], str, str]] = {
    "string quartet, string trio, quartet of strings": ((40, 41, 42), "classical", ""),
    "string quintet, string orchestra": ((40, 41, 42, 43), "classical", ""),
    "piano trio": ((0, 40, 42), "classical", ""),
    "piano quartet, piano quintet": ((0, 40, 41, 42), "classical", ""),
    "wind quintet, woodwind quintet": ((60, 68, 70, 71, 73), "classical", ""),
    "woodwinds, woodwind, woodwind section": ((68, 70, 71, 73), "", ""),
    "brass quintet": ((56, 60, 57, 58), "classical", ""),
    "brass band, marching band": ((56, 60, 57, 58, 128), "", "band"),
    "sax quartet, saxophone quartet": ((64, 65, 66, 67), "", ""),
    "orchestra, full orchestra, symphony orchestra, orchestral, symphonic": (
        (73, 68, 71, 70, 60, 56, 57, 47, 40, 41, 42, 43), "classical", "",
    ),
    "chamber orchestra, small orchestra": ((73, 68, 60, 40, 41, 42, 43), "classical", ""),
    "jazz trio, jazz piano trio, piano jazz trio": ((0, 32, 128), "jazz", "band"),
    "jazz quartet": ((66, 0, 32, 128), "jazz", "band"),
    "jazz quintet, jazz combo, jazz band": ((56, 66, 0, 32, 128), "jazz", "band"),
    "big band": ((56, 57, 65, 66, 67, 0, 32, 128), "jazz", "band"),
    "gypsy jazz band": ((40, 25, 32), "jazz", "band"),
    "rock band, garage band": ((29, 27, 33, 128), "rock", "band"),
    "power trio": ((29, 33, 128), "rock", "band"),
    "metal band": ((30, 33, 128), "metal", "band"),
    "punk band": ((30, 33, 128), "rock", "band"),
    "pop band": ((0, 27, 33, 128), "pop", "band"),
    "funk band, soul band": ((4, 27, 33, 61, 128), "soul", "band"),
    "blues band": ((27, 16, 33, 128), "blues", "band"),
    "country band": ((25, 27, 33, 128), "country", "band"),
    "bluegrass band": ((105, 110, 25, 32), "country", "band"),
    "reggae band": ((16, 27, 33, 128), "reggae", "band"),
    "salsa band": ((0, 56, 57, 32, 128), "latin", "band"),
    "mariachi band": ((40, 56, 24, 32), "latin", "band"),
    "folk band, celtic band": ((110, 78, 25, 21), "folk", "band"),
    "rhythm section": ((0, 33, 128), "", ""),
    "choir, a cappella, acappella, a capella, satb, vocal ensemble, voices, barbershop, four part choir": (
        (52,), "", "voices",
    ),
    "solo piano, piano solo, piano piece, piano music, pianistic, unaccompanied piano": ((0,), "", "piano"),
    "piano sonata, piano etude, piano prelude": ((0,), "classical", "piano"),
    "piano duet, two pianos": ((0,), "", "piano"),
    "drum solo, drum beat, drum groove, drum pattern, drum loop, percussion only, drums only, drum track": (
        (128,), "", "drums",
    ),
}  # fmt: skip
# What plays where a prompt takes instruments away without naming those that stay.
LINE_UPS: dict[str, tuple[int, ...]] = {
    "blues": (27, 16, 33, 128), "classical": (73, 68, 60, 40, 41, 42, 43), "country": (25, 27, 33, 128),
    "jazz": (66, 0, 32, 128), "metal": (30, 33, 128), "pop": (0, 27, 33, 128), "reggae": (16, 27, 33, 128),
    "rock": (29, 27, 33, 128), "folk": (110, 78, 25, 21), "soul": (4, 27, 33, 61, 128), "latin": (0, 56, 57, 32, 128),
    "disco": (4, 27, 33, 48, 128), "hiphop": (4, 38, 128), "electronic": (81, 89, 38, 128), "ambient": (89, 88, 0),
    "soundtrack": (73, 60, 56, 47, 48),
}  # fmt: skip
USUAL_LINE_UP = LINE_UPS["pop"]

_FAMILY_WORDS = {
    "guitar": range(24, 32), "bass": (*range(32, 40), 43), "string": range(40, 52), "brass": range(56, 64),
    "horn": range(56, 64), "sax": range(64, 68), "saxophone": range(64, 68), "synth": range(80, 104),
    "piano": range(6), "keyboard": range(8), "organ": range(16, 21), "voice": range(52, 55), "vocal": range(52, 55),
    "choir": range(52, 55), "woodwind": range(64, 80),
}  # fmt: skip
REMOVED_WITH: dict[str, tuple[int, ...]] = {word: tuple(programs) for word, programs in _FAMILY_WORDS.items()}
"""Programmes that leave when a general word, in the singular, is ruled out: no guitar means none of any kind."""

STYLES = {
    "lead-sheet": "lead sheet, lead sheet style, leadsheet, melody and chords, chord chart, fake book",
    "band": "band, full band, band style, with a band, band arrangement, ensemble piece",
    "voices": "voices style, four part harmony, four voices, four part, sung",
    "drums": "drums style",
    "piano": "for piano alone, on the piano alone, piano arrangement, piano style",
}
DENSITIES = {
    0: "minimal, minimalist, minimalistic, bare",
    1: "sparse, sparsely, few notes, simple, spacious, thin",
    5: "busy, rich, rolling, flowing",
    6: "dense, lush, many notes, complex, virtuosic, ornate",
}
LENGTHS = {8: "short, brief", 4: "loop, riff, jingle", 64: "long, extended, full length"}

DEGREES = {
    "very": 1.4, "really": 1.4, "extremely": 1.6, "super": 1.4, "deeply": 1.4, "so": 1.2, "incredibly": 1.6,
    "quite": 0.85, "rather": 0.85, "fairly": 0.8, "pretty": 0.85, "slightly": 0.5, "bit": 0.5, "little": 0.5,
    "somewhat": 0.6, "mildly": 0.5, "less": 0.5, "more": 1.2, "molto": 1.4, "poco": 0.6, "totally": 1.4,
    "vaguely": 0.4, "moderately": 0.7, "most": 1.4,
}  # fmt: skip
"""How much a word before a mood, tempo or density changes it; 1 leaves it."""
NEGATIONS = frozenset({
    "not", "no", "without", "never", "non", "isn", "aren", "don", "doesn", "minus", "except", "excluding", "nor",
    "neither",
})  # fmt: skip
PASSED_BETWEEN = frozenset({
    "a", "an", "any", "the", "too", "of", "be", "being", "sound", "sounding", "feel", "feeling", "all", "that",
    "have", "has", "use", "make", "making", "it", "want", "to", "with",
})  # fmt: skip
"""Words that may stand between a degree or a negation and what it changes."""

STOP_WORDS = frozenset({
    "a", "about", "accompanied", "accompaniment", "accompanying", "across", "add", "after", "again", "all",
    "also", "am", "an", "and", "any", "anything", "are", "around", "as", "at", "back", "bar", "bars", "based", "beat",
    "be", "beautiful", "been", "between", "begin", "best", "both", "bpm", "but", "by", "can", "compose", "composition",
    "cool", "could", "create", "do", "does", "don", "duet", "duo", "end", "ensemble", "ever", "every", "excerpt",
    "featuring", "feel", "feeling", "feelings", "feels", "few", "file", "for", "from", "generate", "genre", "get",
    "give", "goes", "going", "good", "great", "had", "has", "have", "he", "her", "here", "high", "his", "how",
    "i", "idea", "ideas", "if", "in", "instrument", "instrumental", "instruments", "into", "is", "it", "its",
    "just", "keep", "key", "kind", "let", "like", "ll", "lot", "love", "made", "main", "make", "makes", "making",
    "maybe", "me", "melodies", "melody", "meter", "metre", "midi", "mode", "mood", "more", "much", "music", "my",
    "need", "new", "nice", "no", "nor", "not", "now", "number", "of", "on", "one", "only", "or", "other", "our",
    "out", "over", "own", "part", "parts", "pattern", "per", "perfect", "phrase", "piece", "pieces", "play",
    "played", "playing", "please", "plus", "produce", "quality", "quartet", "quintet", "re", "really", "s",
    "score", "section", "should", "solo", "some", "something", "song", "songs", "sort", "sound", "sounding",
    "sounds", "strong", "style", "t", "take", "tempo", "than", "thank", "thanks", "that", "the", "their", "them",
    "theme", "then", "there", "they", "thing", "this", "through", "time", "to", "tonality", "too", "touch",
    "track", "tracks", "trio", "tune", "tunes", "two", "type", "under", "us", "use", "used", "using", "ve",
    "version", "very", "vibe", "vibes", "want", "was", "we", "well", "were", "what", "when", "where", "which",
    "who", "will", "with", "without", "would", "write", "written", "year", "yellow", "you", "your",
})  # fmt: skip
