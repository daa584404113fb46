// The recordings of this visit: heard one after the other, kept while the page is open.
import { explain, listen, type Explained, type Listened, type Progress, type Source } from "../../api/hearing";
import { ApiError, url } from "../../api/client";
import { words } from "../../strings";

export type State = "waiting" | "hearing" | "done" | "failed" | "cancelled";
/** More at once are for `sideman scan`. */
export const MOST = 50;

function told(error: unknown): string {
  return error instanceof ApiError ? error.message : words.failed(500);
}

function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** What spoke for a genre, while it is looked for and when it is found. */
export class Reason {
  running = $state(false);
  progress = $state.raw<Progress | null>(null);
  found = $state.raw<Explained | null>(null);
  error = $state("");
  #stop: AbortController | null = null;

  async ask(source: Source, genre: string): Promise<void> {
    this.cancel();
    const stop = (this.#stop = new AbortController());
    this.running = true;
    this.error = "";
    this.found = this.progress = null;
    try {
      this.found = await explain(source, genre, stop.signal, (progress) => (this.progress = progress));
    } catch (error) {
      if (!aborted(error)) this.error = told(error);
    } finally {
      if (this.#stop === stop) this.running = false;
    }
  }

  cancel(): void {
    this.#stop?.abort();
    this.running = false;
  }
}

/** One recording. */
export class Recording {
  state = $state<State>("waiting");
  progress = $state.raw<Progress | null>(null);
  listened = $state.raw<Listened | null>(null);
  error = $state("");
  readonly reason = new Reason();
  /** Where the browser plays it from. */
  readonly audio: string;
  #stop = new AbortController();

  constructor(
    readonly id: number,
    readonly source: Source,
    readonly name: string,
  ) {
    this.audio = typeof source === "number" ? url(`/library/tracks/${source}/audio`) : URL.createObjectURL(source);
  }

  async hear(): Promise<void> {
    this.state = "hearing";
    try {
      await this.#readable();
      this.listened = await listen(this.source, this.#stop.signal, (progress) => (this.progress = progress));
      this.state = "done";
    } catch (error) {
      this.error = aborted(error) ? "" : told(error);
      this.state = aborted(error) ? "cancelled" : "failed";
    }
  }

  /** A file that has gone would look like a server that has. */
  async #readable(): Promise<void> {
    if (typeof this.source === "number") return;
    try {
      // Of a file that has gone Chromium gives no first byte, as of an empty one; only reading all of it fails.
      const first = await this.source.slice(0, 1).arrayBuffer();
      if (first.byteLength === 0) await this.source.arrayBuffer();
    } catch {
      throw new ApiError(0, words.listen.unreadable(this.name));
    }
  }

  wait(): void {
    this.#stop = new AbortController();
    this.progress = null;
    this.error = "";
    this.state = "waiting";
  }

  cancel(): void {
    if (this.state === "waiting") this.state = "cancelled";
    this.#stop.abort();
    this.reason.cancel();
  }

  forget(): void {
    this.cancel();
    if (typeof this.source !== "number") URL.revokeObjectURL(this.audio);
  }
}

class Desk {
  recordings = $state.raw<readonly Recording[]>([]);
  shown = $state.raw<Recording | null>(null);
  /** Files that were more than can be taken at once. */
  leftOut = $state(0);
  #next = 0;
  #busy = false;

  /** Hear files; the first of them is shown. */
  add(files: readonly File[]): void {
    this.leftOut = Math.max(0, files.length - MOST);
    this.#take(files.slice(0, MOST).map((file) => new Recording(this.#next++, file, file.name)));
  }

  /** Hear a track of the library, or show what was heard before. */
  addTrack(id: number): void {
    const known = this.recordings.find(({ source, state }) => source === id && state !== "failed" && state !== "cancelled");
    if (known) this.shown = known;
    else this.#take([new Recording(this.#next++, id, words.listen.track(id))]);
  }

  again(recording: Recording): void {
    recording.wait();
    void this.#work();
  }

  remove(recording: Recording): void {
    recording.forget();
    const at = this.recordings.indexOf(recording);
    this.recordings = this.recordings.filter((one) => one !== recording);
    if (this.shown === recording) this.shown = this.recordings[Math.min(at, this.recordings.length - 1)] ?? null;
  }

  cancelAll(): void {
    for (const recording of this.recordings) if (recording.state === "waiting" || recording.state === "hearing") recording.cancel();
  }

  #take(recordings: Recording[]): void {
    this.recordings = [...this.recordings, ...recordings];
    if (recordings[0]) this.shown = recordings[0];
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (;;) {
        // What is looked at comes first.
        const next = this.shown?.state === "waiting" ? this.shown : this.recordings.find(({ state }) => state === "waiting");
        if (!next) return;
        await next.hear();
      }
    } finally {
      this.#busy = false;
    }
  }
}

export const desk = new Desk();
