// Tags: what would be written, writing it, and taking it back.
import { get, post } from "./client";
import type { Job } from "./jobs";

export const TAG_FIELDS = ["genre", "mood", "bpm", "key"] as const;
export type TagField = (typeof TAG_FIELDS)[number];

export interface TagWish {
  query?: string;
  ids?: number[];
  fields: TagField[];
  /** 0 to 1; left out, each field has its own rule. */
  min_confidence?: number;
  force?: boolean;
  top?: number;
  key_style?: "short" | "camelot";
}

export interface TagChange {
  id: number | null;
  path: string;
  label: string;
  fields: Partial<Record<TagField, { old: string[]; new: string[] }>>;
}

export interface TagPlan {
  changes: TagChange[];
  problems: { path: string; detail: string }[];
  /** False where there are more changes than were asked for. */
  complete: boolean;
}

export interface Written {
  batch: number | null;
  written: number;
  failed: number;
  outcomes: { path: string; state: string; detail?: string | null }[];
}

export interface Batch {
  batch: number;
  /** Seconds since 1970. */
  at: number;
  command: string;
  states: Record<string, number>;
}

export interface Undoing {
  batch: number;
  changes: TagChange[];
  left: { path: string; detail: string }[];
}

export const planTags = (wish: TagWish, signal?: AbortSignal): Promise<TagPlan> => post("/library/tags/plan", wish, {}, signal);

export const writeTags = (wish: TagWish): Promise<Job<Written>> => post("/library/tags/write", wish);

export const tagHistory = (signal?: AbortSignal): Promise<Batch[]> => get("/library/tags/history", {}, signal);

export const planUndo = (batch: number): Promise<Undoing> => post("/library/tags/undo", { batch, dry_run: true });

export const undoTags = (batch: number): Promise<Job<Written>> => post("/library/tags/undo", { batch });
