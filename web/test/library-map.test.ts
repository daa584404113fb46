import { describe, expect, it } from "vitest";
import { drawnAt, moved, nearestTo, nextTo, under, WHOLE, zoomed } from "../src/views/library/map/plane";

const SIDE = 400;
const CROSS = [{ x: 0, y: 0 }, { x: 0.5, y: 0 }, { x: -0.5, y: 0.1 }, { x: 0, y: 0.5 }, { x: 0.1, y: -0.5 }];

describe("the plane", () => {
  it("is drawn with its middle in the middle and up as up", () => {
    expect(drawnAt({ x: 0, y: 0 }, SIDE, WHOLE)).toEqual({ x: 200, y: 200 });
    expect(drawnAt({ x: 0, y: 1 }, SIDE, WHOLE).y).toBeLessThan(30);
    expect(drawnAt({ x: 1, y: 0 }, SIDE, WHOLE).x).toBeGreaterThan(370);
  });

  it("finds the point under a pixel again, at any zoom", () => {
    const sight = zoomed(WHOLE, 5, { x: 0.3, y: -0.2 });
    const there = drawnAt({ x: 0.4, y: -0.1 }, SIDE, sight);
    expect(under(there, SIDE, sight).x).toBeCloseTo(0.4, 9);
    expect(under(there, SIDE, sight).y).toBeCloseTo(-0.1, 9);
  });

  it("keeps what is pointed at in its place while zooming", () => {
    const at = { x: 0.3, y: 0.4 };
    const before = drawnAt(at, SIDE, WHOLE);
    const after = drawnAt(at, SIDE, zoomed(WHOLE, 3, at));
    expect(after.x).toBeCloseTo(before.x, 6);
    expect(after.y).toBeCloseTo(before.y, 6);
  });

  it("never shows less than the whole, which is centred", () => {
    expect(zoomed({ x: 0.5, y: 0.5, zoom: 1.2 }, 0.1, { x: 0.9, y: 0.9 })).toEqual(WHOLE);
  });

  it("follows a drag, but not beyond its edge", () => {
    const near = zoomed(WHOLE, 4, { x: 0, y: 0 });
    expect(moved(near, 50, 0, SIDE).x).toBeLessThan(0);
    expect(moved(near, 0, 50, SIDE).y).toBeGreaterThan(0);
    expect(moved(near, 1e6, 0, SIDE).x).toBeGreaterThan(-1);
  });
});

describe("walking with the arrows", () => {
  it("goes to the nearest in that direction", () => {
    expect([nextTo(CROSS, 0, 1, 0), nextTo(CROSS, 0, -1, 0), nextTo(CROSS, 0, 0, 1), nextTo(CROSS, 0, 0, -1)]).toEqual([1, 2, 3, 4]);
  });

  it("stays at the edge", () => {
    expect(nextTo(CROSS, 1, 1, 0)).toBe(-1);
  });

  it("takes the point that a click is near to, and none beyond reach", () => {
    expect(nearestTo(CROSS, { x: 0.45, y: 0.02 }, 0.1)).toBe(1);
    expect(nearestTo(CROSS, { x: 0.9, y: 0.9 }, 0.1)).toBe(-1);
  });
});
