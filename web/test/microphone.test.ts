import { describe, expect, it } from "vitest";
import { toInt16, wav } from "../src/lib/microphone";

describe("what the microphone recorded", () => {
  it("is a mono 16-bit WAV of all blocks in order", async () => {
    const view = new DataView(await wav([Int16Array.of(1, 2), Int16Array.of(-3)], 48_000).arrayBuffer());
    const text = (at: number): string => String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
    expect([text(0), text(8), text(12), text(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
    expect(view.byteLength).toBe(50);
    expect(view.getUint32(4, true)).toBe(42);
    expect([view.getUint16(20, true), view.getUint16(22, true), view.getUint32(24, true), view.getUint32(28, true)]).toEqual([1, 1, 48_000, 96_000]);
    expect(view.getUint32(40, true)).toBe(6);
    expect([44, 46, 48].map((at) => view.getInt16(at, true))).toEqual([1, 2, -3]);
  });

  it("is clipped, not wrapped around", () => {
    expect([...toInt16(Float32Array.of(0, 0.5, 1, 2, -2))]).toEqual([0, 16384, 32767, 32767, -32767]);
  });
});
