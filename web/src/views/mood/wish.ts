// What the form holds, and what is asked of the server for it.
import type { Mood, Wish } from "../../api/mood";

export interface Choice {
  /** -1 to 1. */
  valence: number;
  /** -1 to 1. */
  arousal: number;
  lift: boolean;
  minutes: number | null;
  artist: string;
  language: string;
  query: string;
}

export function emptyChoice(): Choice {
  return { valence: 0, arousal: 0, lift: false, minutes: 30, artist: "", language: "", query: "" };
}

/** A point that has a name is asked by it; what was left empty is left out. */
export function wishOf(choice: Choice, moods: readonly Mood[]): Wish {
  const named = moods.find((mood) => mood.valence === choice.valence && mood.arousal === choice.arousal);
  const wish: Wish = named ? { mood: named.name } : { valence: choice.valence, arousal: choice.arousal };
  wish.lift = choice.lift;
  if (choice.minutes) wish.minutes = choice.minutes;
  for (const field of ["artist", "language", "query"] as const) {
    const text = choice[field].trim();
    if (text) wish[field] = text;
  }
  return wish;
}
