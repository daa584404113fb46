// What the network names, and where each expression lies between unpleasant and pleasant, calm and excited.

/** In the order of the network's outputs. */
export const EXPRESSIONS = ["neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"] as const;
export type Expression = (typeof EXPRESSIONS)[number];

export interface Point {
  /** Unpleasant -1 to pleasant 1. */
  valence: number;
  /** Calm -1 to excited 1. */
  arousal: number;
}

/**
 * The one table from expression to mood. Where the mood words have the same word its point is taken; fear is "anxious"
 * ("scary" is said of music, not of people); disgust has no mood word and lies where Russell's circle has it.
 */
export const POINTS: Record<Expression, Point> = {
  neutral: { valence: 0, arousal: 0 },
  happy: { valence: 0.8, arousal: 0.5 },
  sad: { valence: -0.75, arousal: -0.4 },
  angry: { valence: -0.75, arousal: 0.8 },
  fearful: { valence: -0.65, arousal: 0.5 },
  disgusted: { valence: -0.6, arousal: 0.35 },
  surprised: { valence: 0.15, arousal: 0.75 },
};

/** A name with its share of the whole, 0 to 1. */
export interface Share {
  name: string;
  share: number;
}

/** Shares of the seven expressions by name. */
export function named(shares: readonly number[]): Share[] {
  return EXPRESSIONS.map((name, index) => ({ name, share: shares[index] ?? 0 }));
}

/** The likeliest; null for an empty list. */
export function likeliest(shares: readonly Share[]): Share | null {
  return shares.reduce<Share | null>((best, one) => (best === null || one.share > best.share ? one : best), null);
}

/** The mean of the points, each weighed by its share; names without a point do not count. */
export function pointOf(shares: readonly Share[], points: Readonly<Record<string, Point>> = POINTS): Point {
  let total = 0;
  let valence = 0;
  let arousal = 0;
  for (const { name, share } of shares) {
    const point = points[name];
    if (!point) continue;
    total += share;
    valence += share * point.valence;
    arousal += share * point.arousal;
  }
  return total > 0 ? { valence: valence / total, arousal: arousal / total } : { valence: 0, arousal: 0 };
}
