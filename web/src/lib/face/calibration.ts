// A face at rest looks sad or cross to the network in many people. What it says of the user's own resting face is
// therefore taken off whatever it says later.

/** What the network should say of a face at rest: neutral, and a little of everything else. */
const AT_REST = [0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05];
/** Shares below this are noise; without a floor their ratios would decide. */
const FLOOR = 0.02;

/** The mean of several readings of the resting face; null for none. */
export function neutralOf(readings: readonly (readonly number[])[]): number[] | null {
  const first = readings[0];
  if (!first) return null;
  return first.map((_, index) => readings.reduce((sum, one) => sum + (one[index] ?? 0), 0) / readings.length);
}

/**
 * Shares read relative to the resting face: `neutral` itself becomes "at rest", and what is above it there stands out.
 * Each share is divided by what the resting face had of it, as one corrects for a changed prior.
 */
export function relativeTo(neutral: readonly number[] | null, shares: readonly number[]): number[] {
  if (!neutral) return [...shares];
  const weights = shares.map((share, index) => ((AT_REST[index] ?? FLOOR) * (share + FLOOR)) / ((neutral[index] ?? 0) + FLOOR));
  const total = weights.reduce((sum, one) => sum + one, 0);
  return weights.map((one) => one / total);
}

/** Collects readings of the resting face for some seconds. */
export class Calibrator {
  readonly #readings: number[][] = [];
  readonly #begun: number;
  #missed = 0;

  /**
   * @param now seconds, of any clock
   * @param seconds how long at least
   * @param least readings at least: slow machines take longer
   * @param patience seconds after which it is a failure if most frames showed no readable face
   */
  constructor(
    now: number,
    readonly seconds = 3,
    readonly least = 4,
    readonly patience = 20,
  ) {
    this.#begun = now;
  }

  add(shares: readonly number[]): void {
    this.#readings.push([...shares]);
  }

  /** A frame without a readable face. */
  miss(): void {
    this.#missed++;
  }

  /** 0 to 1. */
  progress(now: number): number {
    return Math.max(0, Math.min((now - this.#begun) / this.seconds, this.#readings.length / this.least, 1));
  }

  /** The resting face once there is enough of it, "failed" where hardly any comes, else null. */
  result(now: number): number[] | "failed" | null {
    if (this.progress(now) >= 1) return neutralOf(this.#readings);
    return now - this.#begun > this.patience && this.#missed > this.#readings.length ? "failed" : null;
  }
}
