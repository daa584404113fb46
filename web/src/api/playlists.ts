// Playlists: made by the server, put right by hand, saved as files.
import { fetched, post } from "./client";
import type { Track } from "./track";

export interface Wanted {
  query?: string;
  /** A track to begin with. */
  seed?: number;
  /** Such as "calm" or "calm->energetic". */
  mood?: string;
  minutes?: number;
  songs?: number;
  spacing?: number;
  random_seed?: number;
  title?: string;
}

export interface Playlist {
  title: string;
  duration_s: number;
  tracks: Track[];
  points: [number, number][] | null;
}

export type ListFormat = "m3u8" | "jspf" | "xml";

export const buildPlaylist = (wanted: Wanted, signal?: AbortSignal): Promise<Playlist> => post("/library/playlists", wanted, {}, signal);

export const exportList = (title: string, ids: number[], format: ListFormat): Promise<Blob> => fetched("/library/playlists/export", { title, tracks: ids, format });

/** A rule that Navidrome keeps up to date. */
export const exportRule = (title: string, query: string, limit?: number): Promise<Blob> =>
  fetched("/library/playlists/export", { title, query, format: "nsp", ...(limit ? { limit } : {}) });
