import { describe, expect, it } from "vitest";
import { likeliest, mel, runs } from "../src/views/listen/lanes";
import { ticks } from "../src/ui/timeView";

const segment = (start_s: number, end_s: number, jazz: number) => ({ start_s, end_s, probabilities: { jazz, rock: 1 - jazz } });

describe("genre over time", () => {
  it("takes neighbours of one genre together, by the mean over time", () => {
    const found = runs([segment(0, 2, 0.9), segment(2, 3, 0.6), segment(3, 5, 0.2)]);
    expect(found.map(({ start_s, end_s, genre }) => [start_s, end_s, genre])).toEqual([
      [0, 3, "jazz"],
      [3, 5, "rock"],
    ]);
    expect(found[0]?.probability).toBeCloseTo(0.8);
  });

  it("has no stretches where nothing was told", () => {
    expect(runs([])).toEqual([]);
  });

  it("names the likeliest in any order", () => {
    expect(likeliest({ jazz: 0.2, rock: 0.7, pop: 0.1 })).toEqual(["rock", 0.7]);
  });
});

describe("axes", () => {
  it("mel: linear to 1 kHz, then 27 steps for a factor of 6.4", () => {
    expect(mel(500)).toBeCloseTo(7.5);
    expect(mel(1000)).toBeCloseTo(15);
    expect(mel(6400)).toBeCloseTo(42);
  });

  it("times: round steps, no more than there is room for", () => {
    expect(ticks(12, 6)).toEqual([0, 2, 4, 6, 8, 10, 12]);
    expect(ticks(3600, 5).length).toBeLessThanOrEqual(6);
    expect(ticks(0.4, 5)).toEqual([0]);
  });
});
