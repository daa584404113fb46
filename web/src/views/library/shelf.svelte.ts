// The state of the library, and the job that changes it (a scan, a writing of tags); outlives the tabs.
import { ApiError } from "../../api/client";
import { finished, follow, jobs, type Job } from "../../api/jobs";
import { libraryState, scan, type LibraryState } from "../../api/library";
import { lineOf } from "./asking.svelte";

class Shelf {
  state = $state.raw<LibraryState | null>(null);
  /** Whether there is no library at all, or nothing in it. */
  empty = $state(false);
  problem = $state("");
  /** The running scan, or the one that ended last. */
  scan = $state.raw<Job | null>(null);
  /** Counts scans and tag writes that have ended: who shows tracks asks anew. */
  changes = $state(0);
  #starting = false;

  get scanning(): boolean {
    return this.scan !== null && !finished(this.scan);
  }

  async refresh(): Promise<void> {
    try {
      this.state = await libraryState();
      this.empty = this.state.tracks === 0;
      this.problem = "";
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.empty = true;
        this.problem = "";
      } else this.problem = lineOf(error);
    }
  }

  /** After tracks have changed. */
  changed(): void {
    this.changes += 1;
    void this.refresh();
  }

  async startScan(): Promise<void> {
    if (this.#starting || this.scanning) return;
    this.#starting = true;
    try {
      const begun = await scan();
      this.#starting = false;
      await this.#watch(begun);
    } catch (error) {
      // Begun elsewhere, such as in another window: that one is shown.
      if (!(error instanceof ApiError && error.status === 409 && (await this.find()))) this.problem = lineOf(error);
    } finally {
      this.#starting = false;
    }
  }

  /** A scan that was begun before the page was opened. */
  async find(): Promise<boolean> {
    if (this.scanning) return true;
    try {
      const running = (await jobs()).find((job) => job.kind === "scan" && !finished(job));
      if (running) void this.#watch(running);
      return running !== undefined;
    } catch {
      return false; // who may not see the jobs still has the library
    }
  }

  async #watch(job: Job): Promise<void> {
    this.problem = "";
    try {
      this.scan = await follow(job, (now) => (this.scan = now));
    } catch (error) {
      this.scan = null;
      this.problem = lineOf(error);
    }
    this.changed();
  }
}

export const shelf = new Shelf();
