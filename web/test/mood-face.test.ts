import { describe, expect, it } from "vitest";
import { Calibrator, neutralOf, relativeTo } from "../src/lib/face/calibration";
import { EXPRESSIONS, likeliest, named, POINTS, pointOf } from "../src/lib/face/expressions";
import { troubleWith, type Reading } from "../src/lib/face/reading";
import { Smoother } from "../src/lib/face/smoothing";

// A face that looks sad to the network even at rest.
const RESTING = [0.3, 0.02, 0.6, 0.03, 0.02, 0.01, 0.02];

describe("expressions and points", () => {
  it("have a point each, within the plane", () => {
    expect(Object.keys(POINTS)).toEqual([...EXPRESSIONS]);
    for (const { valence, arousal } of Object.values(POINTS)) expect(Math.max(Math.abs(valence), Math.abs(arousal))).toBeLessThanOrEqual(1);
  });

  it("give the mean of the points, weighed by the shares", () => {
    const both = pointOf(named([0, 0.5, 0.5, 0, 0, 0, 0]));
    expect(both.valence).toBeCloseTo(0.025);
    expect(both.arousal).toBeCloseTo(0.05);
  });

  it("do not count names without a point, and need not come to one", () => {
    expect(pointOf([{ name: "happy", share: 0.5 }, { name: "unheard of", share: 0.5 }])).toEqual(POINTS.happy);
    expect(pointOf([])).toEqual({ valence: 0, arousal: 0 });
  });
});

describe("the resting face", () => {
  it("is the mean of what was read", () => {
    expect(neutralOf([[1, 0], [0, 1]])).toEqual([0.5, 0.5]);
    expect(neutralOf([])).toBeNull();
  });

  it("is neutral once it is known, however sad it looks", () => {
    expect(likeliest(named(RESTING))?.name).toBe("sad");
    expect(likeliest(named(relativeTo(RESTING, RESTING)))).toEqual({ name: "neutral", share: expect.closeTo(0.7, 5) });
  });

  it("lets a smile through that the look of sadness would have hidden", () => {
    const smile = [0.05, 0.4, 0.5, 0.02, 0.01, 0.01, 0.01];
    expect(likeliest(named(smile))?.name).toBe("sad");
    expect(likeliest(named(relativeTo(RESTING, smile)))?.name).toBe("happy");
  });

  it("leaves shares as they are where it is not known, and keeps them together 1 where it is", () => {
    expect(relativeTo(null, RESTING)).toEqual(RESTING);
    const shares = relativeTo(RESTING, [0, 0, 0, 1, 0, 0, 0]);
    expect(shares.reduce((sum, one) => sum + one)).toBeCloseTo(1);
  });

  it("does not make much of shares that are next to nothing", () => {
    const trembling = relativeTo([0.999, 0.0001, 0.0001, 0.0001, 0.0001, 0.0005, 0.0001], [0.99, 0.008, 0.0001, 0.0001, 0.0001, 0.0016, 0.0001]);
    expect(likeliest(named(trembling))?.name).toBe("neutral");
  });

  it("needs both time and readings", () => {
    const quick = new Calibrator(100, 3, 2, 20);
    quick.add(RESTING);
    quick.add(RESTING);
    expect(quick.result(101)).toBeNull();
    expect(quick.progress(101.5)).toBeCloseTo(0.5);
    expect(quick.result(103)).toEqual(neutralOf([RESTING, RESTING]));
    const slow = new Calibrator(100, 3, 2, 20);
    slow.add(RESTING);
    expect(slow.result(110)).toBeNull();
    slow.add(RESTING);
    expect(slow.result(111)).not.toBeNull();
  });

  it("is given up where hardly a face is seen, not where frames are slow to come", () => {
    const slow = new Calibrator(100, 3, 4, 20);
    slow.add(RESTING);
    expect(slow.result(125)).toBeNull();
    slow.miss();
    slow.miss();
    expect(slow.result(119)).toBeNull();
    expect(slow.result(125)).toBe("failed");
  });
});

describe("smoothing", () => {
  it("follows slowly: one frame does not decide, a second of frames does", () => {
    const smoother = new Smoother(1, 3);
    smoother.add([1, 0], 0);
    expect(smoother.add([0, 1], 0.1)[1]).toBeLessThan(0.15);
    let last: number[] = [];
    for (let now = 0.2; now < 2.5; now += 0.1) last = smoother.add([0, 1], now);
    expect(last[1]).toBeGreaterThan(0.85);
  });

  it("counts by time, not by frames", () => {
    const often = new Smoother(1, 3);
    const seldom = new Smoother(1, 3);
    often.add([0], 0);
    seldom.add([0], 0);
    let last: number[] = [];
    for (let frame = 1; frame <= 10; frame++) last = often.add([1], frame / 10);
    expect(seldom.add([1], 1)[0]).toBeCloseTo(last[0] ?? 0);
  });

  it("begins anew after a gap, a change of what is read, and when told to", () => {
    const smoother = new Smoother(1, 3);
    smoother.add([1, 0], 0);
    expect(smoother.add([0, 1], 4)).toEqual([0, 1]);
    expect(smoother.add([0.2, 0.3, 0.5], 4.1)).toEqual([0.2, 0.3, 0.5]);
    smoother.reset();
    expect(smoother.add([1, 0, 0], 4.2)).toEqual([1, 0, 0]);
  });
});

describe("a frame", () => {
  const fine: Reading = { faces: 1, height: 0.6, light: 0.5, shares: RESTING, vector: [] };

  it("can be used with one face near enough", () => {
    expect(troubleWith(fine)).toBeNull();
  });

  it("tells why it cannot", () => {
    expect(troubleWith({ ...fine, faces: 0, height: 0 })).toBe("none");
    expect(troubleWith({ ...fine, faces: 0, height: 0, light: 0.05 })).toBe("dark");
    expect(troubleWith({ ...fine, faces: 2 })).toBe("several");
    expect(troubleWith({ ...fine, height: 0.1 })).toBe("far");
  });

  it("of a dark room with a face that is seen all the same is used", () => {
    expect(troubleWith({ ...fine, light: 0.05 })).toBeNull();
  });
});
