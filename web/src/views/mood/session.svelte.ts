// One use of the camera: from frames to a suggestion, the resting face, and recordings of own expressions.
import { Calibrator, relativeTo } from "../../lib/face/calibration";
import { Camera } from "../../lib/face/camera.svelte";
import { likeliest, named, POINTS, pointOf, type Point, type Share } from "../../lib/face/expressions";
import type { PersonalModel, Take } from "../../lib/face/personal";
import { troubleWith, type Reading, type Trouble } from "../../lib/face/reading";
import { Smoother } from "../../lib/face/smoothing";
import { rounded } from "../../lib/face/takes";

/** Seconds without a readable face after which a suggestion is withdrawn. */
const LASTS = 2;
const COUNTDOWN = 3;

interface Recording {
  label: string;
  of: number;
  from: number;
  vectors: number[][];
}

export class CameraSession {
  readonly camera = new Camera(
    (reading, now) => this.#read(reading, now),
    () => this.#forget(),
  );
  trouble = $state<Trouble | null>(null);
  /** What the expression is read as; empty while there is nothing to read. */
  shares = $state.raw<Share[]>([]);
  calibrated = $state(false);
  /** 0 to 1 while the resting face is learnt, else null. */
  calibrating = $state<number | null>(null);
  calibrationFailed = $state(false);
  /** Seconds until a recording begins, or null. */
  countdown = $state<number | null>(null);
  /** Frames recorded, or null. */
  recorded = $state<number | null>(null);
  /** Read by this model instead of the general table; null for the table. */
  own = $state.raw<PersonalModel | null>(null);
  #neutral: number[] | null = null;
  #calibrator: Calibrator | null = null;
  #smoother = new Smoother();
  #readAt = 0;
  #recording: Recording | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param points where the labels of own expressions lie
   * @param ontake is given a recording when it is complete
   */
  constructor(
    readonly points: () => Readonly<Record<string, Point>>,
    readonly ontake: (take: Take) => void,
  ) {}

  /** The likeliest expression and the point of all of them; null while there is nothing to read. */
  get suggestion(): { name: string; point: Point } | null {
    const first = likeliest(this.shares);
    return first ? { name: first.name, point: pointOf(this.shares, this.own ? this.points() : POINTS) } : null;
  }

  useModel(model: PersonalModel | null): void {
    this.own = model;
    this.#smoother.reset();
    this.shares = [];
  }

  calibrate(): void {
    this.calibrationFailed = false;
    this.calibrating = 0;
    this.#calibrator = new Calibrator(performance.now() / 1000);
  }

  /** Counts down, then keeps the next `of` readable frames. */
  record(label: string, of: number): void {
    if (this.#recording || this.camera.phase !== "on") return;
    this.#recording = { label, of, from: performance.now() / 1000 + COUNTDOWN, vectors: [] };
    this.countdown = COUNTDOWN;
    this.#timer = setInterval(() => {
      if (this.countdown === null || this.countdown <= 1) {
        clearInterval(this.#timer);
        this.countdown = null;
        this.recorded = 0;
      } else this.countdown -= 1;
    }, 1000);
  }

  #read(reading: Reading, now: number): void {
    this.trouble = troubleWith(reading);
    const usable = this.trouble === null && reading.shares !== null && reading.vector !== null;
    if (usable) this.#calibrator?.add(reading.shares ?? []);
    else this.#calibrator?.miss();
    this.#calibrated(now);
    if (usable) {
      this.#kept(reading.vector ?? [], now);
      this.#suggest(reading.shares ?? [], reading.vector ?? [], now);
      this.#readAt = now;
    } else if (now - this.#readAt > LASTS) {
      this.shares = [];
      this.#smoother.reset();
    }
  }

  #suggest(shares: readonly number[], vector: readonly number[], now: number): void {
    const read = this.own ? this.own.shares(vector) : named(relativeTo(this.#neutral, shares));
    const smooth = this.#smoother.add(
      read.map((one) => one.share),
      now,
    );
    this.shares = read.map(({ name }, index) => ({ name, share: smooth[index] ?? 0 }));
  }

  #calibrated(now: number): void {
    if (!this.#calibrator) return;
    this.calibrating = this.#calibrator.progress(now);
    const found = this.#calibrator.result(now);
    if (found === null) return;
    this.#calibrator = null;
    this.calibrating = null;
    this.calibrationFailed = found === "failed";
    if (found === "failed") return;
    this.#neutral = found;
    this.calibrated = true;
    this.#smoother.reset();
  }

  #kept(vector: readonly number[], now: number): void {
    const recording = this.#recording;
    if (!recording || this.countdown !== null || now < recording.from) return;
    recording.vectors.push(rounded(vector));
    this.recorded = recording.vectors.length;
    if (recording.vectors.length < recording.of) return;
    this.#recording = null;
    this.recorded = null;
    const { label, vectors } = recording;
    this.ontake({ id: newId(), label, at: new Date().toISOString(), vectors });
  }

  #forget(): void {
    clearInterval(this.#timer);
    this.#neutral = this.#calibrator = this.#recording = null;
    this.#smoother.reset();
    this.trouble = this.calibrating = this.countdown = this.recorded = null;
    this.shares = [];
    this.calibrated = this.calibrationFailed = false;
  }
}

function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
