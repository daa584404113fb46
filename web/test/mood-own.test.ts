import { describe, expect, it } from "vitest";
import { lacks, PersonalModel, type Take } from "../src/lib/face/personal";
import { VECTOR_LENGTH } from "../src/lib/face/reading";
import { fromFile, rounded, TakesError, toFile } from "../src/lib/face/takes";

/** Numbers from -0.5 to 0.5 that look random and are always the same. */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  };
}

/** A take around a centre that belongs to its label, with a drift that belongs to the take. */
function take(label: string, number: number, { n = 6, apart = 1, drift = 0.3 } = {}): Take {
  const centre = dice([...label].reduce((sum, char) => sum * 31 + char.charCodeAt(0), 7));
  const middle = Array.from({ length: VECTOR_LENGTH }, () => apart * centre());
  const own = dice(number * 977 + 1);
  const moved = middle.map((value) => value + drift * own() + 1);
  const noise = dice(number * 131 + 5);
  const vectors = Array.from({ length: n }, () => moved.map((value) => value + 0.2 * noise()));
  return { id: `take-${label}-${number}`, label, at: "2026-01-02T03:04:05.000Z", vectors };
}

describe("the personal model", () => {
  it("needs two expressions", () => {
    expect(lacks([])).toBe("labels");
    expect(lacks([take("happy", 1), take("happy", 2)])).toBe("labels");
    expect(lacks([take("happy", 1), take("sad", 2)])).toBeNull();
  });

  it("names expressions of a recording it has not seen", () => {
    const model = new PersonalModel([take("happy", 1), take("sad", 2), take("tense", 3)]);
    for (const label of ["happy", "sad", "tense"]) {
      for (const vector of take(label, 50).vectors) {
        const shares = model.shares(vector);
        expect(shares.reduce((sum, one) => sum + one.share, 0)).toBeCloseTo(1);
        expect(shares.reduce((best, one) => (one.share > best.share ? one : best)).name).toBe(label);
      }
    }
  });

  it("is told by left-out recordings where each expression was recorded twice, else by single frames", () => {
    const twice = [take("happy", 1), take("happy", 2), take("sad", 3), take("sad", 4)];
    expect(new PersonalModel(twice).leftOut).toEqual({ by: "take", right: 24, of: 24 });
    expect(new PersonalModel(twice.slice(1)).leftOut.by).toBe("sample");
  });

  it("does not claim to tell apart what cannot be told apart", () => {
    // Labels mean nothing here; only what a take looks like as a whole differs.
    const same = (label: string, number: number): Take => ({ ...take("same", number, { drift: 1 }), label });
    const takes = [same("happy", 1), same("sad", 2), same("happy", 3), same("sad", 4), same("happy", 5), same("sad", 6)];
    const { by, right, of } = new PersonalModel(takes).leftOut;
    expect(by).toBe("take");
    expect(right / of).toBeLessThan(0.7);
  });

  it("trains within seconds on as much as can be kept", { timeout: 20_000 }, () => {
    const begun = performance.now();
    const takes = Array.from({ length: 60 }, (_, number) => take(["happy", "sad", "tense", "calm", "angry"][number % 5] ?? "", number, { n: 30 }));
    expect(new PersonalModel(takes).leftOut.by).toBe("take");
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it("gives an expression that was recorded less its due", () => {
    const model = new PersonalModel([take("happy", 1, { n: 40 }), take("sad", 2, { n: 4 })]);
    const wrong = take("sad", 9).vectors.filter((vector) => (model.shares(vector)[1]?.share ?? 0) < 0.5);
    expect(wrong).toHaveLength(0);
  });
});

describe("recorded expressions as a file", () => {
  const takes = [take("happy", 1), take("sad", 2)].map((one) => ({ ...one, vectors: one.vectors.map(rounded) }));

  it("come back as they were", () => {
    expect(fromFile(toFile(takes))).toEqual(takes);
  });

  const why = (text: string): string => {
    try {
      fromFile(text);
    } catch (error) {
      if (error instanceof TakesError) return error.why;
      throw error;
    }
    return "accepted";
  };
  const changed = (change: (whole: Record<string, unknown>) => void): string => {
    const whole = JSON.parse(toFile(takes)) as Record<string, unknown>;
    change(whole);
    return JSON.stringify(whole);
  };

  it("are refused where they are something else", () => {
    expect(why("")).toBe("unreadable");
    expect(why("null")).toBe("foreign");
    expect(why("[]")).toBe("foreign");
    expect(why(changed((whole) => (whole.format = "other")))).toBe("foreign");
    expect(why(changed((whole) => (whole.version = 2)))).toBe("foreign");
    expect(why(changed((whole) => (whole.takes = [null])))).toBe("foreign");
    expect(why(changed((whole) => (whole.takes = [{ ...takes[0], label: "" }])))).toBe("foreign");
    expect(why(changed((whole) => (whole.takes = [{ ...takes[0], vectors: [[1, 2]] }])))).toBe("foreign");
    expect(why(changed((whole) => (whole.takes = [{ ...takes[0], vectors: [takes[0]?.vectors[0]?.map(String)] }])))).toBe("foreign");
  });

  it("are refused where another network made their vectors, or where they are too many", () => {
    expect(why(changed((whole) => (whole.network = "another")))).toBe("network");
    expect(why(changed((whole) => (whole.takes = Array.from({ length: 201 }, () => takes[0]))))).toBe("size");
  });

  it("hold nothing but words, times and numbers", () => {
    const fields = new Set((JSON.parse(toFile(takes)) as { takes: object[] }).takes.flatMap((one) => Object.keys(one)));
    expect([...fields].sort()).toEqual(["at", "id", "label", "vectors"]);
  });
});
