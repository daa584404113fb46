// The library as a whole.
import { get } from "./client";

export interface Distribution {
  counts: Record<string, number>;
  unknown: number;
  /** Width of a range that is named by its lower edge; null where values are names. */
  step: number | null;
}

export interface File {
  id: number;
  path: string;
}

export interface Disagreement extends File {
  field: "genre" | "tempo" | "key";
  tagged: string;
  heard: string;
  confidence: number;
  note: string;
}

export interface Pair {
  files: File[];
  cosine: number;
  same_recording: boolean | null;
}

export interface Leveled extends File {
  loudness_lufs: number | null;
  peak_db: number | null;
}

export interface Insights {
  tracks: number;
  missing: number;
  analysed: number;
  unsure: number;
  artists: number;
  albums: number;
  hours: number;
  gigabytes: number;
  distributions: Record<string, Distribution>;
  disagreements: Record<string, Disagreement[]>;
  equal_audio: File[][];
  alike: Pair[];
  faults: { unreadable: (File & { error: string | null })[]; silent: Leveled[]; quiet: Leveled[]; full_scale: Leveled[] };
}

export const insights = (query: string, signal?: AbortSignal): Promise<Insights> => get("/insights", { query }, signal);
