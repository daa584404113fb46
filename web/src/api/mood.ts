// Moods and recommendations.
import { get, post } from "./client";
import type { Track } from "./track";

export interface Mood {
  name: string;
  /** -1 to 1. */
  valence: number;
  /** -1 to 1. */
  arousal: number;
  synonyms: string[];
}

export interface Wish {
  mood?: string;
  valence?: number;
  arousal?: number;
  lift?: boolean;
  minutes?: number;
  query?: string;
  language?: string;
  artist?: string;
  random_seed?: number;
}

/** A search somewhere else, as a text: it is asked only when a person opens it. */
export interface Elsewhere {
  service: string;
  terms: string;
  url: string;
}

export interface Recommendation {
  title: string;
  valence: number;
  arousal: number;
  mood: string;
  lift: boolean;
  duration_s: number;
  tracks: Track[];
  /** What each track was chosen for: valence and arousal. */
  points: [number, number][] | null;
  query?: string | null;
  /** Why there are no tracks. */
  note?: string | null;
  elsewhere: Elsewhere;
}

export function moods(signal?: AbortSignal): Promise<Mood[]> {
  return get<Mood[]>("/moods", {}, signal);
}

export function recommend(wish: Wish, signal?: AbortSignal): Promise<Recommendation> {
  return post<Recommendation>("/recommendations", wish, {}, signal);
}

/** The word whose point is nearest; null for no words. */
export function nearest(valence: number, arousal: number, known: readonly Mood[]): Mood | null {
  let best: Mood | null = null;
  let least = Infinity;
  for (const mood of known) {
    const apart = Math.hypot(mood.valence - valence, mood.arousal - arousal);
    if (apart < least) [best, least] = [mood, apart];
  }
  return best;
}

/** The mood that a word means, by name or synonym; null for none. Case, spaces and hyphens do not matter. */
export function meant(word: string, known: readonly Mood[]): Mood | null {
  const plain = (text: string): string => text.toLowerCase().replace(/[\s-]+/g, " ").trim();
  const wanted = plain(word);
  if (!wanted) return null;
  return known.find((mood) => plain(mood.name) === wanted) ?? known.find((mood) => mood.synonyms.some((one) => plain(one) === wanted)) ?? null;
}

/** The address of a search elsewhere if it is one that a page may link to, else null. */
export function linkOf(elsewhere: Elsewhere): string | null {
  return elsewhere.url.startsWith("https://") ? elsewhere.url : null;
}
