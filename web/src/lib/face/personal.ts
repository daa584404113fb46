// A small model of one person's own expressions, trained in the page: softmax regression on the vectors that the
// expression network makes of a face. Some dozen examples are enough for it; it knows nobody else.
import type { Share } from "./expressions";

/** One recording: several frames of one expression. */
export interface Take {
  id: string;
  /** A mood word. */
  label: string;
  /** ISO 8601. */
  at: string;
  vectors: number[][];
}

/** How often the model is right about examples that it was not trained on. */
export interface LeftOut {
  /** "take": whole recordings were left out. "sample": frames, whose neighbours of the same second remain: too good. */
  by: "take" | "sample";
  right: number;
  of: number;
}

const ROUNDS = 80;
const RATE = 1.5;
/** Pulls weights to zero: with few examples a model must not be too sure. */
const DECAY = 0.01;
/** Frames that are trained on, and times that a part is left out, at most: training must not hold up the page. */
const MOST = 160;
const FOLDS = 5;

interface Example {
  take: number;
  label: number;
  vector: readonly number[];
}

interface Fitted {
  mean: Float64Array;
  /** A row of weights per label, each with its bias at the end. */
  rows: Float64Array[];
}

/** What is left of a vector without what all faces here have in common, at unit length. */
function centred(vector: readonly number[], mean: Float64Array): Float64Array {
  const out = new Float64Array(mean.length);
  let square = 0;
  for (let at = 0; at < out.length; at++) {
    const value = vector[at]! - mean[at]!;
    out[at] = value;
    square += value * value;
  }
  const length = Math.sqrt(square) || 1;
  return out.map((value) => value / length);
}

function softmax(scores: number[]): number[] {
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const total = weights.reduce((sum, one) => sum + one, 0);
  return weights.map((one) => one / total);
}

function score(row: Float64Array, vector: Float64Array): number {
  let sum = row[vector.length]!;
  for (let at = 0; at < vector.length; at++) sum += row[at]! * vector[at]!;
  return sum;
}

function meanOf(examples: readonly Example[]): Float64Array {
  const mean = new Float64Array(examples[0]?.vector.length ?? 0);
  for (const { vector } of examples) for (let at = 0; at < mean.length; at++) mean[at]! += vector[at]! / examples.length;
  return mean;
}

function fit(examples: readonly Example[], labels: number): Fitted {
  const mean = meanOf(examples);
  const size = mean.length;
  const vectors = examples.map((one) => centred(one.vector, mean));
  const rows = Array.from({ length: labels }, () => new Float64Array(size + 1));
  const counts = rows.map((_, label) => examples.filter((one) => one.label === label).length);
  for (let round = 0; round < ROUNDS; round++) {
    const steps = rows.map(() => new Float64Array(size + 1));
    for (const [n, { label }] of examples.entries()) {
      const vector = vectors[n]!;
      const shares = softmax(rows.map((row) => score(row, vector)));
      for (const [index, step] of steps.entries()) {
        // every label counts the same, however often it was recorded
        const off = (shares[index]! - (index === label ? 1 : 0)) / counts[label]!;
        for (let at = 0; at < size; at++) step[at]! += off * vector[at]!;
        step[size]! += off;
      }
    }
    for (const [index, row] of rows.entries()) {
      const step = steps[index]!;
      for (let at = 0; at < size; at++) row[at] = row[at]! * (1 - RATE * DECAY) - RATE * step[at]!;
      row[size]! -= RATE * step[size]!;
    }
  }
  return { mean, rows };
}

function sharesOf({ mean, rows }: Fitted, vector: readonly number[]): number[] {
  const own = centred(vector, mean);
  return softmax(rows.map((row) => score(row, own)));
}

function best(shares: readonly number[]): number {
  return shares.indexOf(Math.max(...shares));
}

/** Why there is nothing to train yet: "labels" for fewer than two expressions; null if there is enough. */
export function lacks(takes: readonly Take[]): "labels" | null {
  return new Set(takes.filter((take) => take.vectors.length > 0).map((take) => take.label)).size < 2 ? "labels" : null;
}

export class PersonalModel {
  readonly labels: readonly string[];
  readonly leftOut: LeftOut;
  readonly #fitted: Fitted;

  /** Trains on recordings of at least two expressions. */
  constructor(takes: readonly Take[]) {
    this.labels = [...new Set(takes.map((take) => take.label))].sort();
    const frames = takes.reduce((sum, take) => sum + take.vectors.length, 0);
    const every = Math.ceil(frames / MOST);
    const examples = takes.flatMap((take, number) =>
      take.vectors
        .filter((_, index) => index % every === 0)
        .map((vector): Example => ({ take: number, label: this.labels.indexOf(take.label), vector })),
    );
    this.#fitted = fit(examples, this.labels.length);
    this.leftOut = this.#judge(takes, examples);
  }

  /** Shares of the labels for one face, 0 to 1, together 1. */
  shares(vector: readonly number[]): Share[] {
    const found = sharesOf(this.#fitted, vector);
    return this.labels.map((name, index) => ({ name, share: found[index]! }));
  }

  #judge(takes: readonly Take[], examples: readonly Example[]): LeftOut {
    const twice = this.labels.every((label) => takes.filter((take) => take.label === label).length > 1);
    // recordings of one label go to different parts, so that none is left without examples
    const part = new Map<number, number>();
    for (const label of this.labels) {
      const own = takes.flatMap((take, number) => (take.label === label ? [number] : []));
      own.forEach((number, index) => part.set(number, index % FOLDS));
    }
    const parts = examples.map((one, index) => (twice ? part.get(one.take)! : index % FOLDS));
    let right = 0;
    for (const left of new Set(parts)) {
      const rest = examples.filter((_, index) => parts[index] !== left);
      if (new Set(rest.map((one) => one.label)).size < this.labels.length) continue;
      const fitted = fit(rest, this.labels.length);
      right += examples.filter((one, index) => parts[index] === left && best(sharesOf(fitted, one.vector)) === one.label).length;
    }
    return { by: twice ? "take" : "sample", right, of: examples.length };
  }
}
