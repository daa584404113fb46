// Numbers and times as people read them.

const WHOLE = new Intl.NumberFormat("en");

/** 4:05, or 1:02:03; an empty text for null. */
export function clock(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  const all = Math.max(0, Math.round(seconds));
  const s = String(all % 60).padStart(2, "0");
  const m = Math.floor(all / 60) % 60;
  const h = Math.floor(all / 3600);
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** 72%; an empty text for null. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? "" : `${Math.round(100 * share)}%`;
}

/** 12,345 */
export function whole(count: number): string {
  return WHOLE.format(count);
}

/** A number with so many decimals; an empty text for null. */
export function decimals(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined ? "" : value.toFixed(digits);
}

/** A date and time of seconds since 1970, in the user's own zone. */
export function moment(seconds: number): string {
  return new Date(1000 * seconds).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
