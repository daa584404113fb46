// Pictures over one time axis: what each lane draws, and how long names of times are.
import { colour } from "../lib/colour";
import { clock } from "./format";

/** What a lane draws with. Sizes are CSS pixels. */
export interface Brush {
  context: CanvasRenderingContext2D;
  /** Where the shown time begins; labels of the vertical axis have their place left of it. */
  left: number;
  width: number;
  height: number;
  /** Where a time in seconds is; what is not shown lies beyond `left` and `width`. */
  x: (seconds: number) => number;
  /** Where the whole recording ends; it begins at `x(0)`. */
  end: number;
  /** A colour of styles.css, such as "text". */
  colour: (name: string) => string;
}

export interface Lane {
  /** Unique among the lanes. */
  id: string;
  /** Stands above the lane. */
  name: string;
  /** What is to be seen, for those who cannot see it. */
  description: string;
  height: number;
  /** Draws over time; what lies beyond the shown time is cut off. */
  draw: (brush: Brush) => void;
  /** Draws the labels left of it. */
  axis?: (brush: Brush) => void;
}

/** A part of a recording, in seconds. */
export interface Span {
  from_s: number;
  to_s: number;
}

/** No part is shorter than this share of the recording: pictures have no more to show. */
const LEAST_SHARE = 1 / 32;
const LEAST_S = 0.5;

/** A part moved to begin at a time, as far as the recording goes. */
export function moved({ from_s, to_s }: Span, begin_s: number, duration_s: number): Span {
  const length = to_s - from_s;
  const begin = Math.max(0, Math.min(duration_s - length, begin_s));
  return { from_s: begin, to_s: begin + length };
}

/** A part made longer by a factor, with `around_s` at the place where it was. */
export function scaled({ from_s, to_s }: Span, factor: number, around_s: number, duration_s: number): Span {
  const least = Math.min(duration_s, Math.max(LEAST_S, duration_s * LEAST_SHARE));
  const length = Math.min(duration_s, Math.max(least, (to_s - from_s) * factor));
  const share = (around_s - from_s) / Math.max(to_s - from_s, 1e-6);
  return moved({ from_s: 0, to_s: length }, around_s - share * length, duration_s);
}

/** Room for labels of vertical axes. */
export const LEFT = 38;

/** Draw a lane on its canvas, sharp on any screen. */
export function paint(canvas: HTMLCanvasElement, lane: Lane, width: number, duration_s: number, { from_s, to_s }: Span): void {
  const ratio = Math.min(3, devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.round(lane.height * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  context.font = "11px system-ui, sans-serif";
  const room = Math.max(1, width - LEFT);
  const x = (seconds: number): number => LEFT + (room * (seconds - from_s)) / Math.max(to_s - from_s, 1e-6);
  const brush: Brush = { context, left: LEFT, width, height: lane.height, x, end: x(duration_s), colour };
  context.save();
  context.beginPath();
  context.rect(LEFT, 0, room, lane.height);
  context.clip();
  lane.draw(brush);
  context.restore();
  lane.axis?.(brush);
}

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

/** Times for the axis of a part: at most about `most`, at round distances. */
export function ticks({ from_s, to_s }: Span, most: number): number[] {
  const step = STEPS_S.find((length) => (to_s - from_s) / length <= most) ?? Math.max(to_s - from_s, 1);
  const first = Math.ceil(from_s / step - 1e-6);
  const last = Math.floor(to_s / step + 1e-6);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Math.round(10 * (first + i) * step) / 10);
}

/** A time on the axis: with a decimal where marks are closer than seconds. */
export function tickLabel(seconds: number): string {
  const tenths = Math.round(10 * seconds);
  return tenths % 10 ? `${clock(Math.floor(tenths / 10))}.${tenths % 10}` : clock(tenths / 10);
}

/** The word left of an axis, or none where it would touch the one before. */
export function axisLabel(brush: Brush, text: string, y: number): void {
  const { context } = brush;
  context.fillStyle = brush.colour("muted");
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(text, brush.left - 5, Math.min(brush.height - 6, Math.max(6, y)));
}
