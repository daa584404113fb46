// The scoreboard as a table: a row a model, a column a protocol.
import type { Entry, Figure, Scoreboard } from "../../api/lab";

export const FIGURES = ["balanced_accuracy", "accuracy", "macro_f1", "segment_accuracy"] as const;
export type FigureName = (typeof FIGURES)[number];
/** From the most flattering to the most honest. */
const PROTOCOLS = ["segments-random", "holdout", "tracks", "fault-filtered", "artists"];

export interface Row {
  model: string;
  parameters: number | null;
  figures: Record<string, Figure>;
  /** What the flattering split adds to the honest one, 0 to 1; null where one is lacking. */
  difference: number | null;
  notes: string[];
}

/** Whether a protocol flatters, is honest about artists, or neither. */
export function honesty(protocol: string): "flattering" | "honest" | "middling" {
  if (protocol === "segments-random") return "flattering";
  return protocol === "artists" || protocol === "fault-filtered" ? "honest" : "middling";
}

/** What the entries were trained on: the first word of their names. */
export function parts(board: Scoreboard): string[] {
  return [...new Set(Object.keys(board).map((name) => name.split("-")[0] ?? ""))].sort();
}

/** Entries of a part. Those that count the length of a clip as a feature are left out: it tells of the data set only. */
function entriesOf(board: Scoreboard, part: string): Entry[] {
  return Object.entries(board)
    .filter(([name]) => name.startsWith(`${part}-`) && (!name.endsWith("-length") || name.endsWith("-no-length")))
    .map(([, entry]) => entry);
}

export function protocolsOf(board: Scoreboard, part: string): string[] {
  const found = new Set(entriesOf(board, part).map(({ protocol }) => protocol));
  return PROTOCOLS.filter((name) => found.has(name));
}

export function rowsOf(board: Scoreboard, part: string, figure: FigureName): Row[] {
  const rows = new Map<string, Row>();
  for (const entry of entriesOf(board, part)) {
    const row = rows.get(entry.model) ?? { model: entry.model, parameters: entry.parameters ?? null, figures: {}, difference: null, notes: [] };
    const told = entry[figure];
    if (told) row.figures[entry.protocol] = told;
    row.notes = [...new Set([...row.notes, ...(entry.notes ?? [])])];
    rows.set(entry.model, row);
  }
  for (const row of rows.values()) {
    const [flattering, honest] = [row.figures["segments-random"], row.figures.artists];
    if (flattering && honest) row.difference = flattering.mean - honest.mean;
  }
  return [...rows.values()];
}

/** What each protocol of a part kept apart, as its first entry says. */
export function keptApart(board: Scoreboard, part: string, protocol: string): string[] {
  return entriesOf(board, part).find((entry) => entry.protocol === protocol)?.kept_apart ?? [];
}

/** Sorted by "model", "parameters", "difference" or a protocol; what is lacking comes last. */
export function sorted(rows: readonly Row[], by: string, down: boolean): Row[] {
  const value = (row: Row): string | number | null => {
    if (by === "model") return row.model;
    if (by === "parameters") return row.parameters;
    return by === "difference" ? row.difference : (row.figures[by]?.mean ?? null);
  };
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    const order = typeof x === "string" ? x.localeCompare(String(y)) : x - Number(y);
    return down ? -order : order;
  });
}
