// Sound from the microphone, as a WAV file made here: plain samples, so that no codec comes between.
import worklet from "./capture.worklet.ts?worker&url";

/** Longest recording. */
export const MOST_S = 300;

/** 16-bit mono WAV of samples between -1 and 1. */
export function wav(blocks: readonly Int16Array[], rateHz: number): Blob {
  const bytes = 2 * blocks.reduce((sum, block) => sum + block.length, 0);
  const head = new DataView(new ArrayBuffer(44));
  const text = (at: number, letters: string): void => [...letters].forEach((letter, i) => head.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true); // PCM
  head.setUint16(22, 1, true); // mono
  head.setUint32(24, rateHz, true);
  head.setUint32(28, 2 * rateHz, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, bytes, true);
  return new Blob([head.buffer, ...blocks.map((block) => block.buffer as ArrayBuffer)], { type: "audio/wav" });
}

/** 16-bit samples of samples between -1 and 1; what is beyond is clipped. */
export function toInt16(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) => Math.round(32767 * Math.min(1, Math.max(-1, sample))));
}

/** A browser without a sound device never says so: its sound just does not begin. */
const BEGINS_WITHIN_MS = 5000;

async function begin(context: AudioContext): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new DOMException("the sound does not begin", "TimeoutError")), BEGINS_WITHIN_MS);
  });
  try {
    await Promise.race([context.resume(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An open microphone. `stop` gives the recording; `close` forgets it. */
export class Microphone {
  /** Seconds so far. */
  seconds = 0;
  #blocks: Int16Array[] = [];

  private constructor(
    readonly stream: MediaStream,
    readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
    told: (seconds: number, peak: number) => void,
  ) {
    node.port.onmessage = (message: MessageEvent<Float32Array>) => {
      const block = message.data;
      this.#blocks.push(toInt16(block));
      this.seconds += block.length / context.sampleRate;
      told(this.seconds, block.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
    };
  }

  /**
   * Ask the user for the microphone, and begin. `told` gets seconds and the latest peak, 0 to 1.
   * Throws a DOMException, a TimeoutError where the browser's sound does not begin.
   */
  static async open(told: (seconds: number, peak: number) => void): Promise<Microphone> {
    // What makes speech clearer spoils music.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const context = new AudioContext();
    try {
      await context.audioWorklet.addModule(worklet);
      await begin(context);
      const node = new AudioWorkletNode(context, "capture", { numberOfInputs: 1, numberOfOutputs: 0 });
      context.createMediaStreamSource(stream).connect(node);
      return new Microphone(stream, context, node, told);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      void context.close();
      throw error;
    }
  }

  async stop(): Promise<Blob> {
    const rateHz = this.context.sampleRate;
    await this.close();
    return wav(this.#blocks, rateHz);
  }

  async close(): Promise<void> {
    this.node.port.onmessage = null;
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context.state !== "closed") await this.context.close();
  }
}
