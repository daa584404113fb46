// The HTTP API, as docs/api.md tells it. Everything goes to this origin only.
import { session } from "../lib/session.svelte";
import { words } from "../strings";

const BASE = "/api/v1";

/** What the server refused, in one line that can be shown. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

/** The address of an endpoint, with parameters that are set. */
export function url(path: string, query: Query = {}): string {
  const set = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

async function asked(path: string, query: Query, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url(path, query), { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, words.unreachable);
  }
  if (response.status === 401) session.needed = true;
  if (!response.ok) throw await refused(response);
  return response;
}

async function refused(response: Response): Promise<ApiError> {
  try {
    const told = (await response.json()) as { detail?: unknown };
    if (typeof told.detail === "string") return new ApiError(response.status, told.detail);
  } catch {
    // no JSON: the status says what there is to say
  }
  return new ApiError(response.status, words.failed(response.status));
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return (await asked(path, query, { signal })).json() as Promise<T>;
}

export async function send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { method, signal };
  if (body instanceof FormData || body instanceof Blob) init.body = body;
  else if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  const response = await asked(path, query, init);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export async function post<T>(path: string, body?: unknown, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return send<T>("POST", path, body, query, signal);
}

/** Fetches a file that the server makes from a body, such as an exported playlist. */
export async function fetched(path: string, body: unknown, query: Query = {}): Promise<Blob> {
  const init: RequestInit =
    body instanceof FormData || body instanceof Blob
      ? { method: "POST", body }
      : { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await asked(path, query, init)).blob();
}

export interface ServerEvent {
  event: string;
  data: unknown;
}

/** Posts a body (or, without one, gets) and yields the server-sent events of the answer. */
export async function* events(path: string, body?: FormData | Blob, query: Query = {}, signal?: AbortSignal): AsyncGenerator<ServerEvent> {
  const init: RequestInit = { method: body ? "POST" : "GET", headers: { Accept: "text/event-stream" }, signal };
  if (body) init.body = body;
  const response = await asked(path, query, init);
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw signal?.aborted ? error : new ApiError(0, words.unreachable); // the line was cut
      });
      if (done) return;
      held += value;
      let end: number;
      while ((end = held.indexOf("\n\n")) >= 0) {
        const found = parseEvent(held.slice(0, end));
        held = held.slice(end + 2);
        if (found) yield found;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** One event's lines; null for a comment that only keeps the line open. */
export function parseEvent(text: string): ServerEvent | null {
  let event = "message";
  const data: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
