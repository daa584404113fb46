// A track of the library, as `sideman ls --json` tells it. Lists leave out `tags` and `probabilities`.

export interface Track {
  id: number;
  path: string;
  audio_hash: string | null;
  container: string | null;
  /** Bytes. */
  size: number;
  title: string | null;
  artist: string | null;
  albumartist: string | null;
  album: string | null;
  year: number | null;
  track: number | null;
  disc: number | null;
  tag_genres: string[];
  tag_mood: string | null;
  tag_bpm: number | null;
  tag_key: string | null;
  duration_s: number | null;
  /** As heard; the likeliest one also where `unsure`. */
  genre: string | null;
  genre_probability: number | null;
  unsure: boolean | null;
  /** 0 to 1. */
  not_music: number | null;
  /** -1 to 1. */
  valence: number | null;
  /** -1 to 1. */
  arousal: number | null;
  mood: string | null;
  mood_confidence: number | null;
  tempo_bpm: number | null;
  tempo_confidence: number | null;
  first_beat_s: number | null;
  key: string | null;
  key_confidence: number | null;
  loudness_lufs: number | null;
  peak_db: number | null;
  error: string | null;
  missing: boolean;
  /** Seconds since 1970. */
  added_at: number;
  /** Gain that brings it to -18 LUFS. */
  replaygain_db: number | null;
}

export interface WholeTrack extends Track {
  tags: Record<string, string[]>;
  probabilities: Record<string, number>;
}

/** "Artist - Title", or the file's name. */
export function labelOf(track: Pick<Track, "title" | "artist" | "path">): string {
  if (track.title) return track.artist ? `${track.artist} - ${track.title}` : track.title;
  return titleOf(track);
}

/** The title, or the file's name without its ending. */
export function titleOf(track: Pick<Track, "title" | "path">): string {
  if (track.title) return track.title;
  const name = track.path.split(/[\\/]/).pop() ?? track.path;
  return name.replace(/(.)\.[^.]*$/, "$1");
}
