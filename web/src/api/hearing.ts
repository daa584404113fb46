// What is heard in one recording: an upload, or a track of the library.
import { ApiError, events, type Query, type ServerEvent } from "./client";
import type { Track } from "./track";
import { words } from "../strings";

export interface Segment {
  start_s: number;
  end_s: number;
  probabilities: Record<string, number>;
}

export interface Tempo {
  bpm: number | null;
  /** Probability that listeners tap this tempo. */
  confidence: number;
  alternatives_bpm: number[];
  beats_s: number[];
}

export interface Key {
  key: string | null;
  confidence: number;
  alternatives: string[];
  /** From A = 440 Hz. */
  tuning_cents: number;
}

export interface Similar {
  track: Track;
  /** Up to 1. */
  similarity: number;
}

export interface Heard {
  name: string;
  duration_s: number;
  genre: string;
  unsure: boolean;
  probabilities: Record<string, number>;
  not_music: number;
  tempo_bpm: number | null;
  key: string | null;
  /** -1 to 1. */
  valence: number | null;
  /** -1 to 1. */
  arousal: number | null;
  mood: string | null;
  /** Probability that both signs are what listeners would say. */
  mood_confidence: number | null;
  model: string;
  timeline?: Segment[] | null;
  tempo?: Tempo | null;
  key_estimate?: Key | null;
  similar?: Similar[] | null;
  /** What was odd about the file, a line each. */
  notes?: string[];
}

export interface Listened {
  heard: Heard;
  /** Lowest and highest sample of each column, -1 to 1. */
  waveform: { duration_s: number; low: number[]; high: number[] };
  /** A picture as base64: time left to right, low frequencies below. */
  spectrogram: { png: string; low_hz: number; high_hz: number; scale: string };
  chroma: { png: string; names: string[] };
}

export interface Region {
  start_s: number;
  end_s: number;
  low_hz: number;
  high_hz: number;
  /** Of all that spoke for the genre. */
  share: number;
}

export interface Explained {
  genre: string;
  answer: string;
  probability: number;
  start_s: number;
  duration_s: number;
  total_s: number;
  note: string;
  regions?: Region[];
  deletion?: { faithful: boolean } | null;
  overlay: { png: string; start_s: number; duration_s: number; low_hz: number; high_hz: number } | null;
}

export interface Progress {
  stage: string;
  done_s: number;
  total_s: number | null;
}

/** Wait for the result of server-sent events. */
export async function followed<T>(answer: AsyncGenerator<ServerEvent>, onprogress: (progress: Progress) => void): Promise<T> {
  for await (const { event, data } of answer) {
    if (event === "progress") onprogress(data as Progress);
    else if (event === "result") return data as T;
    else if (event === "problem") {
      const problem = data as { status?: number; detail?: string };
      throw new ApiError(problem.status ?? 500, problem.detail ?? words.failed(problem.status ?? 500));
    }
  }
  throw new ApiError(0, words.unreachable);
}

function form(file: File): FormData {
  const body = new FormData();
  body.append("file", file, file.name);
  return body;
}

/** Of what: a file of the user's, or a track of the library by its number. */
export type Source = File | number;

function asked<T>(what: string, source: Source, query: Query, signal: AbortSignal, onprogress: (progress: Progress) => void): Promise<T> {
  const answer =
    typeof source === "number"
      ? events(`/library/tracks/${source}/${what}`, undefined, query, signal)
      : events(`/${what}`, form(source), query, signal);
  return followed<T>(answer, onprogress);
}

/** Everything that the Listen view shows, from one pass over a recording. */
export function listen(source: Source, signal: AbortSignal, onprogress: (progress: Progress) => void): Promise<Listened> {
  return asked("listen", source, { similar: 5 }, signal, onprogress);
}

/** Where in time and frequency a genre was heard. */
export function explain(source: Source, genre: string, signal: AbortSignal, onprogress: (progress: Progress) => void): Promise<Explained> {
  return asked("explain", source, { genre, method: "occlusion" }, signal, onprogress);
}
