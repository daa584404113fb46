// Single frames jump; the mean that forgets old ones does not.

/** An exponential mean over time of vectors of one length. */
export class Smoother {
  #mean: number[] | null = null;
  #at = 0;

  /**
   * @param constant seconds after which an old value counts about a third
   * @param forget seconds without a value after which the next one begins anew
   */
  constructor(
    readonly constant = 1.2,
    readonly forget = 3,
  ) {}

  /** The mean with one more value, read at `now` seconds. */
  add(values: readonly number[], now: number): number[] {
    const apart = Math.max(0, now - this.#at);
    const old = this.#mean;
    if (!old || old.length !== values.length || apart > this.forget) this.#mean = [...values];
    else {
      const weight = 1 - Math.exp(-apart / this.constant);
      this.#mean = old.map((value, index) => value + weight * ((values[index] ?? 0) - value));
    }
    this.#at = now;
    return [...this.#mean];
  }

  reset(): void {
    this.#mean = null;
  }
}
