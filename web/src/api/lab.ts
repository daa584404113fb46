// Reports, evaluations and the scoreboard of the lab.
import { get, url } from "./client";

/** A figure with its mean over seeds and its interval. */
export interface Figure {
  mean: number;
  per_seed?: number[];
  interval?: [number, number] | null;
}

export interface Entry {
  model: string;
  protocol: string;
  leaky: boolean;
  parameters?: number | null;
  recordings?: number | null;
  kept_apart?: string[];
  notes?: string[];
  accuracy?: Figure | null;
  balanced_accuracy?: Figure | null;
  macro_f1?: Figure | null;
  segment_accuracy?: Figure | null;
}

/** By name, such as "audio-cnn-mel-artists". */
export type Scoreboard = Record<string, Entry>;

export interface LabModel {
  name: string;
  title?: string | null;
  source?: string | null;
}

export interface Report {
  id: string;
  title: string;
  kind: string;
  /** Seconds since 1970. */
  modified_at: number;
  bytes: number;
}

export interface EvaluationHead {
  id: string;
  title?: string | null;
  model?: string | null;
  protocol?: string | null;
  leaky?: boolean | null;
  recordings?: number | null;
  /** 0 to 1. */
  accuracy?: number | null;
  /** 0 to 1. */
  balanced_accuracy?: number | null;
  /** Seconds since 1970. */
  modified_at?: number | null;
}

export interface ClassFigures {
  genre: string;
  tested: number;
  precision: number | null;
  recall: number | null;
  f1: number | null;
}

export interface Evaluation extends EvaluationHead {
  genres: string[];
  notes: string[];
  figures: Partial<Record<"accuracy" | "balanced_accuracy" | "macro_f1" | "segment_accuracy", Figure>> & {
    chance?: number;
    kept_apart?: string[];
    per_class?: ClassFigures[];
    /** Rows are true genres, columns what was named. */
    confusion?: number[][];
  };
}

export interface Lab {
  models: LabModel[];
  scoreboard: Scoreboard | null;
  reports: Report[];
  evaluations: EvaluationHead[];
}

export function lab(signal?: AbortSignal): Promise<Lab> {
  return get<Lab>("/lab", {}, signal);
}

/** Where a report is; it may run no scripts. */
export function reportUrl(id: string): string {
  return url(`/lab/reports/${encodeURIComponent(id)}`);
}

export function evaluation(id: string): Promise<Evaluation> {
  return get<Evaluation>(`/lab/evaluations/${encodeURIComponent(id)}`);
}
