import { describe, expect, it } from "vitest";
import { parseEvent, url } from "../src/api/client";

describe("the client", () => {
  it("leaves out parameters that are not set", () => {
    expect(url("/x", { a: 1, b: undefined, c: null, d: "", e: "ä b" })).toBe("/api/v1/x?a=1&e=%C3%A4+b");
  });

  it("reads server-sent events", () => {
    expect(parseEvent('event: progress\ndata: {"done": 1}')).toEqual({ event: "progress", data: { done: 1 } });
    expect(parseEvent(": keep-alive")).toBeNull();
  });
});
