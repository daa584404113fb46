import { describe, expect, it } from "vitest";
import { FaceReader, type Beside } from "../src/lib/face/reader";
import type { Reading } from "../src/lib/face/reading";
import type { Asked, Told } from "../src/lib/face/worker";

/** A worker that answers when the test says so. */
class Hand implements Beside {
  readonly asked: Asked[] = [];
  ended = false;
  readonly #listeners: Record<string, ((event: Event) => void)[]> = {};

  postMessage(message: Asked): void {
    this.asked.push(message);
  }

  addEventListener(type: "message" | "error", listener: (event: Event) => void): void {
    (this.#listeners[type] ??= []).push(listener);
  }

  terminate(): void {
    this.ended = true;
  }

  tell(message: Told): void {
    for (const listener of this.#listeners.message ?? []) listener(new MessageEvent("message", { data: message }));
  }

  break(): void {
    for (const listener of this.#listeners.error ?? []) listener(new Event("error"));
  }
}

function reading(height: number): Reading {
  return { faces: 1, height, light: 0.5, shares: null, vector: null };
}

const frame = {} as ImageBitmap;

describe("the reader of faces", () => {
  it("gives each frame its own answer, in whatever order they come", async () => {
    const hand = new Hand();
    const reader = new FaceReader(() => hand);
    const both = [reader.look(frame), reader.look(frame)];
    hand.tell({ kind: "seen", id: 1, reading: reading(0.2) });
    hand.tell({ kind: "seen", id: 0, reading: reading(0.1) });
    expect((await Promise.all(both)).map((one) => one.height)).toEqual([0.1, 0.2]);
  });

  it("goes on after a frame that failed", async () => {
    const hand = new Hand();
    const reader = new FaceReader(() => hand);
    const first = reader.look(frame);
    hand.tell({ kind: "failed", id: 0, message: "lost" });
    await expect(first).rejects.toThrow("lost");
    const second = reader.look(frame);
    hand.tell({ kind: "seen", id: 1, reading: reading(0.3) });
    expect((await second).height).toBe(0.3);
  });

  it("says what it runs on, or that it cannot run", async () => {
    const hand = new Hand();
    const ready = new FaceReader(() => hand).load();
    hand.tell({ kind: "ready", backend: "cpu" });
    expect(await ready).toBe("cpu");
    const broken = new Hand();
    const failed = new FaceReader(() => broken).load();
    broken.break();
    await expect(failed).rejects.toThrow("did not start");
  });

  it("ends with its worker, and nobody waits for ever", async () => {
    const hand = new Hand();
    const reader = new FaceReader(() => hand);
    const waiting = reader.look(frame);
    reader.close();
    await expect(waiting).rejects.toThrow("closed");
    await expect(reader.look(frame)).rejects.toThrow("closed");
    expect(hand.ended).toBe(true);
    expect(hand.asked).toHaveLength(1);
  });
});
