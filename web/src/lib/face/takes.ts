// Recorded expressions, kept in this browser only: vectors and a word, never a picture.
import type { Take } from "./personal";
import { VECTOR_LENGTH, VECTOR_NETWORK } from "./reading";

const FORMAT = "sideman-expressions";
const MOST_TAKES = 200;
const MOST_VECTORS = 100;
const LONGEST_FILE = 32 * 1024 * 1024;

/** A file that holds no recorded expressions of this kind. */
export class TakesError extends Error {
  constructor(readonly why: "unreadable" | "foreign" | "network" | "size") {
    super(why);
  }
}

/** What is exported: JSON. */
export function toFile(takes: readonly Take[]): string {
  return `${JSON.stringify({ format: FORMAT, version: 1, network: VECTOR_NETWORK, takes })}\n`;
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length === VECTOR_LENGTH && value.every((one) => typeof one === "number" && Number.isFinite(one));
}

function takeOf(value: unknown): Take {
  const { id, label, at, vectors } = (value ?? {}) as Partial<Record<keyof Take, unknown>>;
  const fits =
    typeof id === "string" && /^[\w-]{1,64}$/.test(id) && typeof label === "string" && /^\S.{0,39}$/u.test(label) &&
    typeof at === "string" && !Number.isNaN(Date.parse(at)) && Array.isArray(vectors) && vectors.length > 0;
  if (!fits) throw new TakesError("foreign");
  if (vectors.length > MOST_VECTORS) throw new TakesError("size");
  if (!vectors.every(isVector)) throw new TakesError("foreign");
  return { id, label, at, vectors };
}

/** What an exported file holds; throws TakesError for anything else. */
export function fromFile(text: string): Take[] {
  if (text.length > LONGEST_FILE) throw new TakesError("size");
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new TakesError("unreadable");
  }
  const { format, version, network, takes } = (found ?? {}) as Record<string, unknown>;
  if (format !== FORMAT || version !== 1 || !Array.isArray(takes)) throw new TakesError("foreign");
  if (network !== VECTOR_NETWORK) throw new TakesError("network");
  if (takes.length > MOST_TAKES) throw new TakesError("size");
  return takes.map(takeOf);
}

/** Five digits are more than a face repeats. */
export function rounded(vector: readonly number[]): number[] {
  return vector.map((value) => Number(value.toPrecision(5)));
}

const DATABASE = "sideman-faces";
const STORE = "takes";

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error("no storage"));
    asked.onblocked = () => reject(new Error("no storage"));
  });
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T> | null): Promise<T | undefined> {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error("not stored"));
    });
  } finally {
    database.close();
  }
}

/** All of them, oldest first. */
export async function keptTakes(): Promise<Take[]> {
  const found = (await within<Take[]>("readonly", (store) => store.getAll())) ?? [];
  return found.sort((one, other) => one.at.localeCompare(other.at));
}

/** Keep some more; those of the same id are replaced. */
export async function keepTakes(takes: readonly Take[]): Promise<void> {
  await within("readwrite", (store) => {
    for (const take of takes) store.put(take);
    return null;
  });
}

export async function forgetTake(id: string): Promise<void> {
  await within("readwrite", (store) => store.delete(id));
}

export async function forgetAll(): Promise<void> {
  await within("readwrite", (store) => store.clear());
}
