import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Entry, Scoreboard } from "../src/api/lab";
import { honesty, parts, protocolsOf, rowsOf, sorted } from "../src/views/lab/board";

const board = JSON.parse(readFileSync(new URL("../../docs/scoreboard.json", import.meta.url), "utf-8")) as Scoreboard;
const entry = (model: string, protocol: string, mean: number): Entry => ({ model, protocol, leaky: protocol === "segments-random", balanced_accuracy: { mean } });

describe("the scoreboard", () => {
  it("has a row for each model and a column for each protocol, the flattering one first", () => {
    expect(parts(board)).toEqual(["audio", "segments", "table"]);
    expect(protocolsOf(board, "audio")).toEqual(["segments-random", "holdout", "tracks", "fault-filtered", "artists"]);
    const rows = rowsOf(board, "segments", "accuracy");
    expect(rows.map(({ model }) => model)).toContain("mlp-58");
    expect(rows.every(({ difference }) => difference !== null && difference > 0)).toBe(true);
  });

  it("leaves out those that count the length of the clip", () => {
    const plain = board["table-knn-tracks-no-length"]?.accuracy?.mean;
    expect(plain).toBeDefined();
    expect(rowsOf(board, "table", "accuracy").find(({ model }) => model === "knn")?.figures.tracks?.mean).toBe(plain);
  });

  it("sorts by any column, and what is lacking comes last both ways", () => {
    const rows = rowsOf({ "x-a-artists": entry("a", "artists", 0.2), "x-b-artists": entry("b", "artists", 0.4), "x-c-tracks": entry("c", "tracks", 0.9) }, "x", "balanced_accuracy");
    expect(sorted(rows, "artists", true).map(({ model }) => model)).toEqual(["b", "a", "c"]);
    expect(sorted(rows, "artists", false).map(({ model }) => model)).toEqual(["a", "b", "c"]);
    expect(sorted(rows, "model", true).map(({ model }) => model)).toEqual(["c", "b", "a"]);
  });

  it("tells flattering splits from honest ones", () => {
    expect(["segments-random", "tracks", "artists"].map(honesty)).toEqual(["flattering", "middling", "honest"]);
  });
});
