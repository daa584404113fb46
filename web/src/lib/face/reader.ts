// The page's side of the worker that reads faces.
import type { Reading } from "./reading";
import type { Asked, Told } from "./worker";

/** The part of a Worker that is used. */
export interface Beside {
  postMessage(message: Asked, transfer?: Transferable[]): void;
  addEventListener(type: "message" | "error", listener: (event: Event) => void): void;
  terminate(): void;
}

function started(): Beside {
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "faces" });
}

/** Reads faces; made when the camera is switched on and closed with it. */
export class FaceReader {
  readonly #worker: Beside;
  readonly #waiting = new Map<number, { resolve: (reading: Reading) => void; reject: (error: Error) => void }>();
  #ready: { resolve: (backend: string) => void; reject: (error: Error) => void } | null = null;
  #next = 0;
  #closed = false;

  constructor(start: () => Beside = started) {
    this.#worker = start();
    this.#worker.addEventListener("message", (event) => this.#told((event as MessageEvent<Told>).data));
    this.#worker.addEventListener("error", () => this.#fail(new Error("the worker did not start")));
  }

  /** Fetches the networks from our own server; returns what they run on. */
  load(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
      this.#worker.postMessage({ kind: "load" });
    });
  }

  /** Reads one frame, which is used up. Rejects if it cannot, and once the reader is closed. */
  look(bitmap: ImageBitmap): Promise<Reading> {
    if (this.#closed) return Promise.reject(new Error("closed"));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ kind: "look", id, bitmap }, [bitmap]);
    });
  }

  close(): void {
    this.#closed = true;
    this.#worker.terminate();
    this.#fail(new Error("closed"));
  }

  #told(message: Told): void {
    if (message.kind === "ready") this.#ready?.resolve(message.backend);
    else if (message.kind === "seen") {
      this.#waiting.get(message.id)?.resolve(message.reading);
      this.#waiting.delete(message.id);
    } else if (message.id === null) this.#ready?.reject(new Error(message.message));
    else {
      this.#waiting.get(message.id)?.reject(new Error(message.message));
      this.#waiting.delete(message.id);
    }
  }

  #fail(error: Error): void {
    this.#ready?.reject(error);
    for (const one of this.#waiting.values()) one.reject(error);
    this.#waiting.clear();
  }
}
