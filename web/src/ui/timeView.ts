// Pictures over one time axis: what each lane draws, and how long names of times are.
import { colour } from "../lib/colour";
import { clock } from "./format";

/** What a lane draws with. Sizes are CSS pixels. */
export interface Brush {
  context: CanvasRenderingContext2D;
  /** Where time 0 is; labels of the vertical axis have their place left of it. */
  left: number;
  width: number;
  height: number;
  /** Where a time in seconds is. */
  x: (seconds: number) => number;
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
  draw: (brush: Brush) => void;
}

/** Room for labels of vertical axes. */
export const LEFT = 38;

/** Draw a lane on its canvas, sharp on any screen. */
export function paint(canvas: HTMLCanvasElement, lane: Lane, width: number, duration_s: number): void {
  const ratio = Math.min(3, devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.round(lane.height * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  context.font = "11px system-ui, sans-serif";
  const span = Math.max(1, width - LEFT);
  lane.draw({
    context,
    left: LEFT,
    width,
    height: lane.height,
    x: (seconds) => LEFT + (span * seconds) / Math.max(duration_s, 1e-6),
    colour,
  });
}

const STEPS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

/** Times for the axis: at most `most`, at round distances. */
export function ticks(duration_s: number, most: number): number[] {
  const step = STEPS_S.find((length) => duration_s / length <= most) ?? duration_s;
  return Array.from({ length: Math.floor(duration_s / step) + 1 }, (_, i) => i * step);
}

/** A time on the axis: with a decimal where marks are closer than seconds. */
export function tickLabel(seconds: number): string {
  return Number.isInteger(seconds) ? clock(seconds) : `${clock(Math.floor(seconds))}.${Math.round(10 * (seconds % 1))}`;
}

/** The word left of an axis, or none where it would touch the one before. */
export function axisLabel(brush: Brush, text: string, y: number): void {
  const { context } = brush;
  context.fillStyle = brush.colour("muted");
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(text, brush.left - 5, Math.min(brush.height - 6, Math.max(6, y)));
}
