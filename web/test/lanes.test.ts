import { describe, expect, it } from "vitest";
import { likeliest, mel, runs } from "../src/views/listen/lanes";
import { moved, scaled, tickLabel, ticks } from "../src/ui/timeView";

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
    expect(ticks({ from_s: 0, to_s: 12 }, 6)).toEqual([0, 2, 4, 6, 8, 10, 12]);
    expect(ticks({ from_s: 3.1, to_s: 9 }, 6)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(ticks({ from_s: 0, to_s: 3600 }, 5).length).toBeLessThanOrEqual(6);
    expect(ticks({ from_s: 0, to_s: 0.04 }, 5)).toEqual([0]);
  });

  it("times: with a decimal where marks are closer than seconds", () => {
    expect(ticks({ from_s: 0, to_s: 1 }, 2).map(tickLabel)).toEqual(["0:00", "0:00.5", "0:01"]);
    expect(ticks({ from_s: 0.65, to_s: 1.1 }, 5).map(tickLabel)).toEqual(["0:00.7", "0:00.8", "0:00.9", "0:01", "0:01.1"]);
  });
});

describe("the part of a recording that is shown", () => {
  it("keeps the time under the pointer where it is", () => {
    expect(scaled({ from_s: 0, to_s: 100 }, 0.5, 40, 100)).toEqual({ from_s: 20, to_s: 70 });
  });

  it("never leaves the recording, is never longer than it nor too short to be seen", () => {
    expect(scaled({ from_s: 50, to_s: 100 }, 0.5, 100, 100)).toEqual({ from_s: 75, to_s: 100 });
    expect(scaled({ from_s: 75, to_s: 100 }, 8, 80, 100)).toEqual({ from_s: 0, to_s: 100 });
    const least = scaled({ from_s: 0, to_s: 100 }, 1e-6, 0, 100);
    expect(least.to_s - least.from_s).toBeCloseTo(100 / 32);
    expect(scaled({ from_s: 0, to_s: 0.3 }, 0.5, 0, 0.3)).toEqual({ from_s: 0, to_s: 0.3 });
    expect(moved({ from_s: 10, to_s: 20 }, 95, 100)).toEqual({ from_s: 90, to_s: 100 });
    expect(moved({ from_s: 10, to_s: 20 }, -5, 100)).toEqual({ from_s: 0, to_s: 10 });
  });
});
