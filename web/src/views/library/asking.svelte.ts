// A question to the server: the answer, or the line to show instead; an older answer never replaces a newer one.
import { ApiError } from "../../api/client";

export class Asked<Answer> {
  answer = $state.raw<Answer | null>(null);
  problem = $state("");
  busy = $state(false);
  #stop: AbortController | null = null;

  async ask(question: (signal: AbortSignal) => Promise<Answer>): Promise<Answer | null> {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.busy = true;
    try {
      const answer = await question(stop.signal);
      if (stop.signal.aborted) return null;
      this.answer = answer;
      this.problem = "";
      return answer;
    } catch (error) {
      if (!stop.signal.aborted) this.problem = lineOf(error);
      return null;
    } finally {
      if (this.#stop === stop) this.busy = false;
    }
  }

  forget(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.busy = false;
    this.answer = null;
    this.problem = "";
  }
}

/** What went wrong, in one line. */
export function lineOf(error: unknown): string {
  return error instanceof ApiError || error instanceof Error ? error.message : String(error);
}
