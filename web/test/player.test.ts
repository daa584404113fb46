import { beforeAll, describe, expect, it, vi } from "vitest";

let volumeFor: (volume: number, gainDb: number | null, levelled: boolean) => number;

beforeAll(async () => {
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  ({ volumeFor } = await import("../src/ui/player.svelte"));
});

describe("even loudness", () => {
  it("plays a loud recording more quietly, by its ReplayGain", () => {
    expect(volumeFor(1, -6.02, true)).toBeCloseTo(0.5, 3);
    expect(volumeFor(0.5, -6.02, true)).toBeCloseTo(0.25, 3);
  });

  it("leaves a quiet one as it is, for an element cannot amplify", () => {
    expect(volumeFor(0.8, 5, true)).toBe(0.8);
  });

  it("is off where the user says so, and where nothing was measured", () => {
    expect(volumeFor(1, -6, false)).toBe(1);
    expect(volumeFor(1, null, true)).toBe(1);
  });
});
