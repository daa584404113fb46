"""Names: of General MIDI programmes and drums (General MIDI 1 and GS), of notes and of keys."""

from __future__ import annotations

from sideman.symbolic.score import DRUM_TRACK, Track

PROGRAMS = tuple(
    """Acoustic Grand Piano|Bright Acoustic Piano|Electric Grand Piano|Honky-tonk Piano|Electric Piano 1
Electric Piano 2|Harpsichord|Clavinet|Celesta|Glockenspiel|Music Box|Vibraphone|Marimba|Xylophone|Tubular Bells
Dulcimer|Drawbar Organ|Percussive Organ|Rock Organ|Church Organ|Reed Organ|Accordion|Harmonica|Bandoneon
Nylon Guitar|Steel Guitar|Jazz Guitar|Clean Guitar|Muted Guitar|Overdriven Guitar|Distortion Guitar
Guitar Harmonics|Acoustic Bass|Fingered Bass|Picked Bass|Fretless Bass|Slap Bass 1|Slap Bass 2|Synth Bass 1
Synth Bass 2|Violin|Viola|Cello|Contrabass|Tremolo Strings|Pizzicato Strings|Harp|Timpani|Strings|Slow Strings
Synth Strings 1|Synth Strings 2|Choir Aahs|Voice Oohs|Synth Voice|Orchestra Hit|Trumpet|Trombone|Tuba
Muted Trumpet|French Horn|Brass Section|Synth Brass 1|Synth Brass 2|Soprano Sax|Alto Sax|Tenor Sax|Baritone Sax
Oboe|English Horn|Bassoon|Clarinet|Piccolo|Flute|Recorder|Pan Flute|Bottle|Shakuhachi|Whistle|Ocarina|Square Lead
Saw Lead|Calliope Lead|Chiff Lead|Charang Lead|Voice Lead|Fifths Lead|Bass and Lead|New Age Pad|Warm Pad
Polysynth Pad|Choir Pad|Bowed Pad|Metallic Pad|Halo Pad|Sweep Pad|Rain|Soundtrack|Crystal|Atmosphere|Brightness
Goblins|Echoes|Sci-fi|Sitar|Banjo|Shamisen|Koto|Kalimba|Bagpipe|Fiddle|Shanai|Tinkle Bell|Agogo|Steel Drums
Woodblock|Taiko Drum|Melodic Tom|Synth Drum|Reverse Cymbal|Fret Noise|Breath Noise|Seashore|Bird Tweet|Telephone
Helicopter|Applause|Gunshot""".replace("\n", "|").split("|")
)
_FIRST_DRUM = 27
_DRUMS = tuple(
    """High Q|Slap|Scratch Push|Scratch Pull|Sticks|Square Click|Metronome Click|Metronome Bell|Acoustic Bass Drum
Bass Drum|Side Stick|Snare|Hand Clap|Electric Snare|Low Floor Tom|Closed Hi-hat|High Floor Tom|Pedal Hi-hat|Low Tom
Open Hi-hat|Low-mid Tom|High-mid Tom|Crash Cymbal|High Tom|Ride Cymbal|China Cymbal|Ride Bell|Tambourine
Splash Cymbal|Cowbell|Crash Cymbal 2|Vibraslap|Ride Cymbal 2|High Bongo|Low Bongo|Mute High Conga|Open High Conga
Low Conga|High Timbale|Low Timbale|High Agogo|Low Agogo|Cabasa|Maracas|Short Whistle|Long Whistle|Short Guiro
Long Guiro|Claves|High Woodblock|Low Woodblock|Mute Cuica|Open Cuica|Mute Triangle|Open Triangle|Shaker|Jingle Bell
Bell Tree|Castanets|Mute Surdo|Open Surdo""".replace("\n", "|").split("|")
)
_LETTERS = "FCGDAEB"
_OF_LETTER = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPEST, _FLATTEST = 12, -8  # B sharp and F flat on the line of fifths, where C is 0


def program_name(program: int) -> str:
    """Of a General MIDI programme; "Drums" for the drum set."""
    return "Drums" if program == DRUM_TRACK else PROGRAMS[program]


def track_name(track: Track) -> str:
    """The instrument of a track."""
    return program_name(track.program)


def drum_name(key: int) -> str:
    """Of a key of the drum set; "Drum 100" where General MIDI and GS have none."""
    index = key - _FIRST_DRUM
    return _DRUMS[index] if 0 <= index < len(_DRUMS) else f"Drum {key}"


def spelled(pitch: int, fifths: int) -> tuple[str, int, int]:
    """A pitch as letter, alteration in semitones and octave (C4 is 60), as the key signature suggests.

    On the line of fifths the twelve names from three below the key signature's tonic: in C major E flat to G sharp.
    """
    lowest = min(max(fifths - 3, _FLATTEST), _SHARPEST - 11)
    place = lowest + (pitch * 7 - lowest) % 12
    letter, alter = _LETTERS[(place + 1) % 7], (place + 1) // 7
    return letter, alter, (pitch - alter - _OF_LETTER[letter]) // 12 - 1


def key_name(key: tuple[int, bool], fifths: int) -> str:
    """Such as "E flat minor"; ``fifths`` is the key's signature."""
    letter, alter, _ = spelled(60 + key[0], fifths)
    return f"{letter}{ {-1: ' flat', 0: '', 1: ' sharp'}.get(alter, '') } {'minor' if key[1] else 'major'}"
