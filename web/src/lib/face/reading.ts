// What one frame told. Readings stay in this page: nothing here is ever sent.

export interface Reading {
  /** Faces found. */
  faces: number;
  /** Height of the largest one as a part of the picture's; 0 for none. */
  height: number;
  /** Mean brightness of the picture, 0 to 1. */
  light: number;
  /** Seven shares in the order of EXPRESSIONS; null without exactly one face. */
  shares: number[] | null;
  /** What the network makes of the face before it names an expression; null without exactly one face. */
  vector: number[] | null;
}

export type Trouble = "none" | "several" | "dark" | "far";

const DARK = 0.13;
const FAR = 0.2;

/** Why a frame cannot be used; null if it can. */
export function troubleWith(reading: Reading): Trouble | null {
  if (reading.faces > 1) return "several";
  if (reading.faces === 0) return reading.light < DARK ? "dark" : "none";
  return reading.height < FAR ? "far" : null;
}

/** Length of a reading's vector; vectors of another network have another meaning and are refused. */
export const VECTOR_LENGTH = 256;
/** Names the network whose vectors are kept. */
export const VECTOR_NETWORK = "face-api-1.7-expression";
