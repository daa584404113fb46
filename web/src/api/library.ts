// The library: tracks, facets, similar ones, paths, the map, feedback, scans.
import { get, post, send, url } from "./client";
import type { Job } from "./jobs";
import type { Track, WholeTrack } from "./track";

export interface LibraryState {
  url: string;
  tracks: number;
  analysed: number;
  pending: number;
  failed: number;
  missing: number;
  hours: number;
  roots: string[];
}

export interface Count {
  name: string;
  count: number;
}

export interface Facets {
  genres: Count[];
  moods: Count[];
  containers: Count[];
  /** Named by their first year. */
  decades: Count[];
  unsure: number;
  errors: number;
}

export interface Match {
  track: Track;
  similarity: number;
}

export interface Walk {
  tracks: Track[];
  /** Distances from each to the next. */
  steps: number[];
  largest: number;
  direct: number;
}

export interface MapPoint {
  id: number;
  /** -1 to 1. */
  x: number;
  y: number;
  label: string;
  genre: string | null;
  mood: string | null;
}

export interface LibraryMap {
  points: MapPoint[];
  /** Recordings that there are; more than points where a sample is shown. */
  total: number;
  /** Share of the nearest neighbours in sound that are near on the map. */
  neighbours_kept: number;
}

export interface NamedMood {
  name: string;
  valence: number;
  arousal: number;
  synonyms: string[];
}

export type FeedbackKind = "like" | "skip" | "correct";

export const libraryState = (signal?: AbortSignal): Promise<LibraryState> => get("/library", {}, signal);

export const scan = (): Promise<Job> => post("/library/scan", {});

export interface Page {
  query: string;
  /** As in "title" or "-bpm". */
  sort: string;
  limit: number;
  offset: number;
}

export const tracks = (page: Page, signal?: AbortSignal): Promise<{ total: number; tracks: Track[] }> => get("/library/tracks", { ...page }, signal);

export const facets = (query: string, signal?: AbortSignal): Promise<Facets> => get("/library/facets", { query }, signal);

export const track = (id: number, signal?: AbortSignal): Promise<WholeTrack> => get(`/library/tracks/${id}`, {}, signal);

export interface Likeness {
  n?: number;
  query?: string;
  tempo?: number;
  key?: number;
  mood?: number;
  other_artists?: boolean;
}

export const similar = (id: number, how: Likeness = {}, signal?: AbortSignal): Promise<{ seed: Track; matches: Match[] }> =>
  get(`/library/tracks/${id}/similar`, { ...how }, signal);

export const walk = (start: number, end: number, n: number, signal?: AbortSignal): Promise<Walk> => get("/library/path", { start, end, n }, signal);

export const libraryMap = (query: string, most: number, signal?: AbortSignal): Promise<LibraryMap> => get("/library/map", { query, most }, signal);

export const moods = (signal?: AbortSignal): Promise<NamedMood[]> => get("/moods", {}, signal);

/** Keeps a like, a skip or a correction; the numbers by which it can be taken back. */
export const say = (kind: FeedbackKind, ids: number[], what: { genre?: string; mood?: string } = {}): Promise<{ ids: number[] }> =>
  post("/feedback", { kind, tracks: ids, ...what });

export const unsay = (id: number): Promise<void> => send<void>("DELETE", `/feedback/${id}`);

export const audioAddress = (id: number): string => url(`/library/tracks/${id}/audio`);
