// Composing: wishes, jobs and pieces, as the server tells them.
import { get, post, url } from "./client";
import type { Job } from "./jobs";

export type Engine = "score" | "spectra";
export type Mode = "new" | "continue" | "harmonise" | "infill" | "style";

/** What may be asked of a piece; null or left out is open. */
export interface Asked {
  prompt?: string | null;
  genre?: string | null;
  mood?: string | null;
  valence?: number | null;
  arousal?: number | null;
  tempo_bpm?: number | null;
  key?: string | null;
  metre?: string | null;
  bars?: number | null;
  seconds?: number | null;
  instruments?: string[] | null;
  density?: number | null;
  style?: string | null;
  engine?: Engine;
}

export interface Wish extends Asked {
  n?: number;
  seed?: number | null;
  temperature?: number;
  strict_key?: boolean;
  mode?: Mode;
  keep_bars?: number | null;
  bars_of?: string | null;
  steps?: number | null;
  guidance?: number | null;
  model?: string;
}

export type Edit = Omit<Wish, "model">;

/** Controls as the server writes them; length in seconds is of spectra only. */
export interface Heading {
  genre: string | null;
  mood: string | null;
  valence: number | null;
  arousal: number | null;
  tempo_bpm: number | null;
  key: string | null;
  metre: string | null;
  bars: number | null;
  seconds: number | null;
  instruments: string[];
  density: number | null;
  style: string | null;
}

export interface Understood {
  controls: Heading;
  described: string;
  unused: string[];
  notes: string[];
  /** Why it cannot be composed as it stands. */
  problem: string | null;
}

export interface Piece {
  index: number;
  engine: Engine;
  seed: number;
  controls: Heading;
  described: string;
  duration_s: number;
  notes: number | null;
  heard: string | null;
  genre_probability: number | null;
  score: number;
  key: string | null;
  longest_run: number | null;
  is_copy: boolean;
  remarks: string[];
  formats: string[];
  peaks: { low: number[]; high: number[] };
}

export interface Composed {
  engine: Engine;
  understood: string;
  unused: string[];
  notes: string[];
  model: string;
  seed: number;
  pieces: Piece[];
}

export type ComposeJob = Job<Composed>;

/** start_s, end_s, MIDI pitch, velocity. */
export type Note = [number, number, number, number];

export interface RollTrack {
  name: string;
  program: number;
  is_drum: boolean;
  notes: Note[];
  /** Of drums: what each pitch is. */
  strokes: Record<string, string>;
}

export interface Roll {
  duration_s: number;
  bars_s: number[];
  tracks: RollTrack[];
}

export interface Maker {
  name: string;
  genres: string[];
  licence: string;
  notice: string | null;
}

export interface Options {
  genres: string[];
  spectra_genres: string[];
  moods: string[];
  instruments: Record<string, string[]>;
  keys: string[];
  metres: string[];
  styles: string[];
  limits: { bars: number; tempo_bpm: [number, number]; seconds: number; spectra_seconds: number; pieces: number; instruments: number; source_bytes: number };
  composers: Maker[];
  imaginers: Maker[];
}

export const composeOptions = (): Promise<Options> => get<Options>("/compose/options");

export const understand = (asked: Asked, signal?: AbortSignal): Promise<Understood> =>
  post<Understood>("/compose/understand", asked, {}, signal);

/** Starts composing, from a piece where `source` is given. */
export function compose(wish: Wish, source: File | null, signal?: AbortSignal): Promise<ComposeJob> {
  if (!source) return post<ComposeJob>("/compose", wish, {}, signal);
  const form = new FormData();
  form.append("wish", JSON.stringify(wish));
  form.append("source", source, source.name);
  return post<ComposeJob>("/compose", form, {}, signal);
}

export const editPiece = (job: string, index: number, edit: Edit): Promise<ComposeJob> =>
  post<ComposeJob>(`/compose/${job}/pieces/${index}/edit`, edit);

export const composeJob = (job: string): Promise<ComposeJob> => get<ComposeJob>(`/jobs/${encodeURIComponent(job)}`);

export const pieceUrl = (job: string, index: number, format: string): string => url(`/compose/${job}/pieces/${index}.${format}`);

export const roll = (job: string, index: number): Promise<Roll> => get<Roll>(`/compose/${job}/pieces/${index}.json`);
