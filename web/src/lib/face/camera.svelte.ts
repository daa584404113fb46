// The camera: off until it is asked for, and off again for certain.
import type { Reading } from "./reading";
import { FaceReader } from "./reader";

export type Phase = "off" | "asking" | "loading" | "on";
export type CameraProblem = "refused" | "absent" | "busy" | "insecure" | "ended" | "hidden" | "networks";

const WIDTH = 320;
/** Seconds between frames at least. */
const PAUSE = 0.15;

function problemOf(error: unknown): CameraProblem {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  return name === "NotFoundError" || name === "OverconstrainedError" ? "absent" : "busy";
}

export class Camera {
  phase = $state<Phase>("off");
  problem = $state<CameraProblem | null>(null);
  stream = $state.raw<MediaStream | null>(null);
  #reader: FaceReader | null = null;
  /** Counts starts and stops: what was asked for before the last one is dropped when it arrives. */
  #turn = 0;
  readonly #hide = (): void => {
    if (document.hidden) this.stop("hidden");
  };

  /**
   * @param onreading is told what each frame showed, and when, in seconds
   * @param onstop is told when the camera went off, for whatever reason
   */
  constructor(
    readonly onreading: (reading: Reading, now: number) => void,
    readonly onstop: () => void = () => undefined,
  ) {}

  /** Asks the user for the camera and begins to read from it. Failures end up in `problem`. */
  async start(): Promise<void> {
    if (this.phase !== "off") return;
    const turn = ++this.#turn;
    this.problem = null;
    // A page that is not from this machine has no camera without TLS, whatever the types say.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (!devices) {
      this.problem = "insecure";
      return;
    }
    this.phase = "asking";
    document.addEventListener("visibilitychange", this.#hide);
    let stream: MediaStream;
    try {
      stream = await devices.getUserMedia({ audio: false, video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } } });
    } catch (error) {
      if (turn === this.#turn) this.stop(problemOf(error));
      return;
    }
    if (turn !== this.#turn) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.stream = stream;
    for (const track of stream.getTracks()) track.addEventListener("ended", () => turn === this.#turn && this.stop("ended"));
    this.phase = "loading";
    try {
      this.#reader = new FaceReader();
      await this.#reader.load();
    } catch {
      if (turn === this.#turn) this.stop("networks");
      return;
    }
    if (turn !== this.#turn) return;
    this.phase = "on";
    await this.#read(turn, stream);
  }

  /** Switches it off, forgetting everything; `problem` says why if it was not the user. */
  stop(problem: CameraProblem | null = null): void {
    const was = this.phase;
    this.#turn++;
    document.removeEventListener("visibilitychange", this.#hide);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.#reader?.close();
    this.#reader = null;
    this.phase = "off";
    this.problem = problem;
    if (was !== "off") this.onstop();
  }

  async #read(turn: number, stream: MediaStream): Promise<void> {
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    let failures = 0;
    try {
      await video.play();
      while (turn === this.#turn) {
        try {
          const height = Math.max(1, Math.round((WIDTH * video.videoHeight) / Math.max(1, video.videoWidth)));
          const bitmap = await createImageBitmap(video, { resizeWidth: WIDTH, resizeHeight: height });
          const reading = await this.#reader?.look(bitmap);
          if (turn !== this.#turn) break;
          failures = 0;
          if (reading) this.onreading(reading, performance.now() / 1000);
        } catch {
          // single frames may be lost while a camera starts
          if (++failures > 20 && turn === this.#turn) this.stop("networks");
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE * 1000));
      }
    } catch {
      if (turn === this.#turn) this.stop("busy");
    } finally {
      video.srcObject = null;
    }
  }
}
