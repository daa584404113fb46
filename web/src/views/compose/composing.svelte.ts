// Jobs that compose: the one that runs, and the pieces of all since the page was opened.
import { ApiError } from "../../api/client";
import { compose, composeJob, editPiece, type ComposeJob, type Edit, type Piece, type Wish } from "../../api/compose";
import { cancelJob, follow } from "../../api/jobs";
import { words } from "../../strings";

/** One job's pieces. */
export interface Take {
  job: string;
  title: string;
  model: string;
  notes: string[];
  unused: string[];
  pieces: Piece[];
  finished: boolean;
}

export interface Chosen {
  job: string;
  index: number;
}

const MOST_TAKES = 12;

class Composing {
  takes = $state.raw<Take[]>([]);
  shown = $state("");
  chosen = $state<Chosen | null>(null);
  running = $state(false);
  queued = $state(false);
  done = $state(0);
  total = $state(1);
  message = $state("");
  /** Said once per finished piece, for screen readers. */
  news = $state("");
  error = $state("");
  #job = "";
  #stop: AbortController | null = null;
  /** Whether the job that was asked for is not there. */
  #missing = false;

  get take(): Take | undefined {
    return this.takes.find((take) => take.job === this.shown);
  }

  get piece(): Piece | undefined {
    const chosen = this.chosen;
    return chosen ? this.takes.find((take) => take.job === chosen.job)?.pieces.find((piece) => piece.index === chosen.index) : undefined;
  }

  compose(wish: Wish, source: File | null): Promise<void> {
    return this.#run((signal) => compose(wish, source, signal));
  }

  edit(from: Chosen, edit: Edit): Promise<void> {
    return this.#run(() => editPiece(from.job, from.index, edit));
  }

  /** Shows a job that the server still has, after the page was loaded again. */
  async open(job: string): Promise<void> {
    if (this.takes.some((take) => take.job === job)) return;
    await this.#run(() => composeJob(job));
    if (this.#missing) this.error = words.compose.gone;
  }

  async cancel(): Promise<void> {
    const job = this.#job;
    this.#stop?.abort();
    this.running = false;
    this.news = words.compose.cancelled;
    if (!job) return;
    this.takes = this.takes.filter((take) => take.job !== job);
    if (this.chosen?.job === job) this.chosen = null;
    if (this.shown === job) this.shown = this.takes[0]?.job ?? "";
    try {
      await cancelJob(job);
    } catch {
      // it had ended, or the server has: there is nothing left to cancel
    }
  }

  async #run(start: (signal: AbortSignal) => Promise<ComposeJob>): Promise<void> {
    if (this.running) return;
    const stop = (this.#stop = new AbortController());
    this.#job = "";
    this.#missing = false;
    this.error = "";
    this.news = "";
    this.message = "";
    this.done = 0;
    this.total = 1;
    this.running = this.queued = true;
    try {
      const begun = await start(stop.signal);
      if (stop.signal.aborted) {
        void cancelJob(begun.id).catch(() => undefined);
        return;
      }
      this.#job = begun.id;
      const last = await follow(begun, (job) => this.#take(job), stop.signal);
      if (last.state === "failed") this.error = last.error ?? words.compose.failed;
      else if (last.state === "cancelled") this.news = words.compose.cancelled;
      else if (last.state !== "done") this.error = words.compose.lost;
    } catch (error) {
      if (stop.signal.aborted) return;
      this.#missing = error instanceof ApiError && error.status === 404;
      this.error = error instanceof ApiError ? error.message : words.compose.failed;
    } finally {
      if (this.#stop === stop) this.running = this.queued = false;
    }
  }

  #take(job: ComposeJob): void {
    if (job.kind !== "compose") return;
    this.queued = job.state === "queued";
    this.done = job.progress.done;
    this.total = job.progress.total ?? 1;
    this.message = job.progress.message;
    const result = job.result;
    if (!result) return;
    const before = this.takes.find((take) => take.job === job.id);
    const n = result.pieces.length;
    if (before && n === before.pieces.length && before.finished === (job.state === "done")) return;
    if (n && n !== before?.pieces.length) this.news = words.compose.finishedSoFar(n, job.progress.total ?? n);
    const take: Take = {
      job: job.id, title: result.understood, model: result.model, notes: result.notes, unused: result.unused,
      pieces: result.pieces, finished: job.state === "done",
    };
    this.takes = before ? this.takes.map((one) => (one.job === job.id ? take : one)) : [take, ...this.takes].slice(0, MOST_TAKES);
    if (!n) return;
    if (this.shown !== job.id) {
      this.shown = job.id;
      this.chosen = null;
    }
    // The best is opened once all are ranked; a piece that was opened before stays.
    if (job.state === "done" && this.chosen?.job !== job.id && result.pieces[0]) this.chosen = { job: job.id, index: result.pieces[0].index };
  }
}

export const composing = new Composing();
