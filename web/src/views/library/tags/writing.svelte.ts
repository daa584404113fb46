// What is to be written into tags, and the job that does it; outlives the tab.
import { finished, follow, jobs, type Job } from "../../../api/jobs";
import { planTags, tagHistory, TAG_FIELDS, undoTags, writeTags, type Batch, type TagField, type TagPlan, type TagWish, type Written } from "../../../api/tags";
import { Asked, lineOf } from "../asking.svelte";
import { shelf } from "../shelf.svelte";

class Writing {
  query = $state("");
  fields = $state<TagField[]>([...TAG_FIELDS]);
  /** Percent; null for each field's own rule. */
  least = $state<number | null>(null);
  force = $state(false);
  top = $state(1);
  camelot = $state(false);
  plan = new Asked<TagPlan>();
  /** What the shown plan was made for: that is what is written, whatever the form says by then. */
  planned = $state.raw<TagWish | null>(null);
  history = new Asked<Batch[]>();
  job = $state.raw<Job<Written> | null>(null);
  /** Whether the job takes back. */
  undoing = $state(false);
  problem = $state("");

  get wish(): TagWish {
    return {
      ...(this.query.trim() ? { query: this.query.trim() } : {}),
      fields: TAG_FIELDS.filter((field) => this.fields.includes(field)),
      force: this.force,
      top: this.top,
      key_style: this.camelot ? "camelot" : "short",
      ...(this.least === null ? {} : { min_confidence: this.least / 100 }),
    };
  }

  get busy(): boolean {
    return this.job !== null && !finished(this.job);
  }

  async show(): Promise<void> {
    if (this.plan.busy) return;
    const wish = this.wish;
    this.job = null;
    if (await this.plan.ask((signal) => planTags(wish, signal))) this.planned = wish;
  }

  async write(): Promise<void> {
    const wish = this.planned;
    if (!wish) return;
    await this.#run(() => writeTags(wish), false);
    this.plan.forget();
    this.planned = null;
  }

  async undo(batch: number): Promise<void> {
    await this.#run(() => undoTags(batch), true);
  }

  async remember(): Promise<void> {
    await this.history.ask(tagHistory);
  }

  /** A writing that was begun before the page was opened. */
  async find(): Promise<void> {
    if (this.busy) return;
    const running = await jobs().catch(() => []);
    const ours = running.find((job) => (job.kind === "tag" || job.kind === "undo") && !finished(job));
    if (ours) await this.#run(() => Promise.resolve(ours as Job<Written>), ours.kind === "undo");
  }

  async #run(start: () => Promise<Job<Written>>, undoing: boolean): Promise<void> {
    this.problem = "";
    this.job = null;
    this.undoing = undoing;
    try {
      this.job = await start();
      this.job = await follow(this.job, (job) => (this.job = job));
    } catch (error) {
      this.problem = lineOf(error);
    }
    shelf.changed();
    await this.remember();
  }
}

export const writing = new Writing();
