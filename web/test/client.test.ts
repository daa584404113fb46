import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, events, parseEvent, url } from "../src/api/client";

afterEach(() => vi.unstubAllGlobals());

describe("the client", () => {
  it("leaves out parameters that are not set", () => {
    expect(url("/x", { a: 1, b: undefined, c: null, d: "", e: "ä b" })).toBe("/api/v1/x?a=1&e=%C3%A4+b");
  });

  it("reads server-sent events", () => {
    expect(parseEvent('event: progress\ndata: {"done": 1}')).toEqual({ event: "progress", data: { done: 1 } });
    expect(parseEvent(": keep-alive")).toBeNull();
  });

  it("tells a line that is cut as a server that cannot be reached", async () => {
    let asked = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (asked++) controller.error(new TypeError("network error"));
        else controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
      },
    });
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(body)));
    const heard: unknown[] = [];
    const reading = (async () => {
      for await (const { data } of events("/x")) heard.push(data);
    })();
    await expect(reading).rejects.toSatisfy((error) => error instanceof ApiError && error.status === 0);
    expect(heard).toEqual([1]);
  });
});
