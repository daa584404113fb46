"""The programmes of General MIDI: official and everyday names, families, and ranges in which they are playable."""

from __future__ import annotations

from sideman.symbolic.score import DRUM_TRACK, HIGHEST_DRUM, LOWEST_DRUM

# (official name, name used in Sideman), in the order of the programmes; one of both where they are the same.
_TABLE = """
Acoustic Grand Piano = piano; Bright Acoustic Piano; Electric Grand Piano; Honky-tonk Piano
Electric Piano 1 = electric piano; Electric Piano 2 = fm piano; Harpsichord; Clavi = clavinet; Celesta; Glockenspiel
Music Box; Vibraphone; Marimba; Xylophone; Tubular Bells; Dulcimer; Drawbar Organ = organ; Percussive Organ
Rock Organ; Church Organ; Reed Organ; Accordion; Harmonica; Tango Accordion; Acoustic Guitar (nylon) = nylon guitar
Acoustic Guitar (steel) = acoustic guitar; Electric Guitar (jazz) = jazz guitar
Electric Guitar (clean) = electric guitar; Electric Guitar (muted) = muted guitar; Overdriven Guitar
Distortion Guitar = distorted guitar; Guitar Harmonics; Acoustic Bass; Electric Bass (finger) = bass
Electric Bass (pick) = picked bass; Fretless Bass; Slap Bass 1 = slap bass; Slap Bass 2; Synth Bass 1 = synth bass
Synth Bass 2; Violin; Viola; Cello; Contrabass = double bass; Tremolo Strings; Pizzicato Strings
Orchestral Harp = harp; Timpani; String Ensemble 1 = strings; String Ensemble 2; Synth Strings 1 = synth strings
Synth Strings 2; Choir Aahs = choir; Voice Oohs = voice; Synth Voice; Orchestra Hit; Trumpet; Trombone; Tuba
Muted Trumpet; French Horn; Brass Section = brass; Synth Brass 1 = synth brass; Synth Brass 2; Soprano Sax; Alto Sax
Tenor Sax; Baritone Sax; Oboe; English Horn; Bassoon; Clarinet; Piccolo; Flute; Recorder; Pan Flute; Blown Bottle
Shakuhachi; Whistle; Ocarina; Lead 1 (square) = square lead; Lead 2 (sawtooth) = sawtooth lead
Lead 3 (calliope) = calliope lead; Lead 4 (chiff) = chiff lead; Lead 5 (charang) = charang lead
Lead 6 (voice) = voice lead; Lead 7 (fifths) = fifths lead; Lead 8 (bass + lead) = bass lead
Pad 1 (new age) = new age pad; Pad 2 (warm) = warm pad; Pad 3 (polysynth) = polysynth pad; Pad 4 (choir) = choir pad
Pad 5 (bowed) = bowed pad; Pad 6 (metallic) = metallic pad; Pad 7 (halo) = halo pad; Pad 8 (sweep) = sweep pad
FX 1 (rain) = rain effect; FX 2 (soundtrack) = soundtrack effect; FX 3 (crystal) = crystal effect
FX 4 (atmosphere) = atmosphere effect; FX 5 (brightness) = brightness effect; FX 6 (goblins) = goblins effect
FX 7 (echoes) = echoes effect; FX 8 (sci-fi) = sci-fi effect; Sitar; Banjo; Shamisen; Koto; Kalimba
Bag pipe = bagpipe; Fiddle; Shanai; Tinkle Bell; Agogo; Steel Drums; Woodblock; Taiko Drum; Melodic Tom; Synth Drum
Reverse Cymbal; Guitar Fret Noise; Breath Noise; Seashore; Bird Tweet; Telephone Ring; Helicopter; Applause; Gunshot
"""
_PAIRS = [entry.strip().partition(" = ") for line in _TABLE.strip().splitlines() for entry in line.split("; ")]
OFFICIAL_NAMES = tuple(official for official, _, _ in _PAIRS)
NAMES = (*(own or official.lower() for official, _, own in _PAIRS), "drums")
"""Name of each programme 0..127, and of the drums at 128; all different."""

ALIASES: dict[str, int] = {
    alias: NAMES.index(name)
    for name, aliases in {
        "piano": "grand piano, acoustic piano, pianoforte, upright piano, concert grand",
        "electric piano": "rhodes, fender rhodes, wurlitzer, e piano, keyboard",
        "fm piano": "dx7, digital piano",
        "honky-tonk piano": "honky tonk, saloon piano, bar piano",
        "harpsichord": "cembalo, spinet",
        "clavinet": "clav",
        "glockenspiel": "glock",
        "vibraphone": "vibe, vibes",
        "tubular bells": "chime, bell, church bell",
        "organ": "hammond, hammond organ, electric organ",
        "church organ": "pipe organ, cathedral organ",
        "reed organ": "harmonium, pump organ",
        "accordion": "squeezebox",
        "harmonica": "mouth organ, blues harp",
        "tango accordion": "bandoneon",
        "nylon guitar": "classical guitar, spanish guitar, flamenco guitar",
        "acoustic guitar": "guitar, steel guitar, steel string guitar, western guitar, folk guitar",
        "electric guitar": "clean guitar, rhythm guitar, clean electric guitar",
        "overdriven guitar": "lead guitar, overdrive guitar",
        "distorted guitar": "heavy guitar, metal guitar, fuzz guitar, distorted electric guitar",
        "acoustic bass": "upright bass, walking bass, string bass, acoustic double bass",
        "bass": "electric bass, bass guitar, fingered bass, electric bass guitar",
        "synth bass": "sub bass, bass synth, acid bass",
        "cello": "violoncello, celli, celli section",
        "double bass": "bowed bass",
        "pizzicato strings": "pizzicato",
        "timpani": "kettledrum",
        "strings": "string section, string ensemble, string",
        "choir": "choral voices",
        "voice": "vocal, singer, human voice, singing",
        "orchestra hit": "orchestral hit",
        "french horn": "horn",
        "brass": "horn section, brass ensemble",
        "soprano sax": "soprano saxophone",
        "alto sax": "sax, saxophone, alto saxophone",
        "tenor sax": "tenor saxophone",
        "baritone sax": "baritone saxophone, bari sax",
        "english horn": "cor anglais",
        "recorder": "block flute",
        "pan flute": "panpipe, pan pipe",
        "whistle": "tin whistle, penny whistle",
        "square lead": "chiptune lead, chip lead",
        "sawtooth lead": "synth, synthesizer, synthesiser, synth lead, lead synth, saw lead",
        "warm pad": "pad, synth pad",
        "kalimba": "thumb piano, mbira",
        "bagpipe": "highland pipe, pipes",
        "steel drums": "steel pan, steelpan",
        "taiko drum": "taiko",
        "melodic tom": "tom tom",
        "drums": "drum, drum kit, drum set, drumset, drumkit, percussion, drum machine",
    }.items()
    for alias in aliases.split(", ")
}

# General MIDI has none of these: the programme that comes nearest plays.
SUBSTITUTES: dict[str, int] = {
    substitute: NAMES.index(name)
    for name, substitutes in {
        "acoustic guitar": "mandolin, bouzouki, balalaika, twelve string guitar, dobro",
        "nylon guitar": "ukulele, lute, oud, vihuela",
        "trumpet": "cornet, flugelhorn, bugle",
        "trombone": "euphonium, baritone horn",
        "clarinet": "bass clarinet",
        "violin": "erhu",
        "dulcimer": "cimbalom, zither",
        "accordion": "concertina, melodica",
        "harpsichord": "clavichord",
        "sawtooth lead": "theremin",
        "drums": "conga, bongo, tabla, cajon, djembe, cymbal, snare, tambourine, shaker, castanet",
    }.items()
    for substitute in substitutes.split(", ")
}

_FAMILY_NAMES = (
    "piano", "chromatic percussion", "organ", "guitar", "bass", "solo strings", "ensemble", "brass",
    "reed", "pipe", "synth lead", "synth pad", "synth effects", "world", "percussive", "sound effects",
)  # fmt: skip
FAMILIES: dict[str, tuple[int, ...]] = {
    **{name: tuple(range(8 * i, 8 * i + 8)) for i, name in enumerate(_FAMILY_NAMES)},
    "drums": (DRUM_TRACK,),
}
"""The families of General MIDI, eight programmes each, and the drums."""

# first programme: (lowest, highest) sounding pitch, up to the next programme named. Orchestral instruments: the usual
# professional range in textbooks of orchestration; synthesisers and effects: judgement, the middle of the keyboard.
_RANGES = {
    0: (21, 108), 4: (28, 103), 6: (29, 89), 7: (29, 88), 8: (60, 108), 9: (79, 108), 10: (60, 96), 11: (53, 89),
    12: (45, 96), 13: (65, 108), 14: (60, 77), 15: (50, 86), 16: (36, 96), 19: (24, 108), 20: (29, 89), 21: (53, 93),
    22: (60, 96), 23: (36, 93), 24: (40, 83), 25: (40, 86), 27: (40, 88), 31: (52, 100), 32: (28, 67), 38: (24, 72),
    40: (55, 103), 41: (48, 91), 42: (36, 84), 43: (28, 67), 44: (28, 103), 46: (23, 103), 47: (36, 60), 48: (28, 103),
    52: (40, 84), 54: (36, 96), 55: (36, 84), 56: (52, 84), 57: (40, 77), 58: (26, 65), 59: (52, 84), 60: (35, 77),
    61: (36, 84), 62: (36, 96), 64: (56, 88), 65: (49, 81), 66: (44, 76), 67: (36, 69), 68: (58, 91), 69: (52, 81),
    70: (34, 75), 71: (50, 94), 72: (74, 108), 73: (60, 98), 74: (65, 98), 75: (67, 96), 76: (60, 96), 77: (62, 86),
    78: (74, 98), 79: (69, 89), 80: (36, 96), 87: (24, 84), 88: (36, 96), 104: (48, 77), 105: (48, 86), 106: (50, 79),
    107: (55, 84), 108: (60, 84), 109: (58, 82), 110: (55, 96), 111: (60, 84), 112: (72, 103), 113: (60, 84),
    114: (52, 89), 115: (53, 79), 116: (36, 60), 117: (36, 72), 119: (36, 84), 128: (LOWEST_DRUM, HIGHEST_DRUM),
}  # fmt: skip
RANGES = tuple(_RANGES[max(first for first in _RANGES if first <= program)] for program in range(129))
"""Lowest and highest sounding pitch of each programme 0..128, as MIDI numbers."""
