// What the lanes of the Listen view show.
import type { Listened, Region, Segment } from "../../api/hearing";
import { genreColour } from "../../lib/genres";
import { words } from "../../strings";
import { axisLabel, type Brush, type Lane } from "../../ui/timeView";

const say = words.listen.lanes;

/** A stretch over which one genre stays the likeliest. */
export interface Run {
  start_s: number;
  end_s: number;
  genre: string;
  /** Mean over the stretch. */
  probability: number;
}

/** The likeliest genre of a segment, with its probability. */
export function likeliest(probabilities: Record<string, number>): [string, number] {
  return Object.entries(probabilities).reduce<[string, number]>((best, one) => (one[1] > best[1] ? one : best), ["", -1]);
}

/** Neighbouring segments of one likeliest genre, taken together. */
export function runs(timeline: readonly Segment[]): Run[] {
  const found: Run[] = [];
  for (const { start_s, end_s, probabilities } of timeline) {
    const [genre, probability] = likeliest(probabilities);
    const last = found.at(-1);
    if (last?.genre === genre) {
      const before = last.end_s - last.start_s;
      last.probability = (last.probability * before + probability * (end_s - start_s)) / Math.max(before + end_s - start_s, 1e-9);
      last.end_s = end_s;
    } else found.push({ start_s, end_s, genre, probability });
  }
  return found;
}

/** The mel scale of Slaney: linear to 1 kHz, then logarithmic. */
export function mel(hz: number): number {
  return hz < 1000 ? (3 * hz) / 200 : 15 + (27 * Math.log(hz / 1000)) / Math.log(6.4);
}

export function waveLane(waveform: Listened["waveform"], beats_s: readonly number[]): Lane {
  return {
    id: "wave",
    name: beats_s.length ? say.waveAndBeats : say.wave,
    description: say.waveTold(waveform.duration_s, beats_s.length),
    height: 84,
    draw(brush) {
      const { context, height, x } = brush;
      const n = waveform.low.length;
      const middle = height / 2;
      context.fillStyle = brush.colour("accent");
      const each = waveform.duration_s / Math.max(n, 1);
      for (let i = 0; i < n; i++) {
        if (x((i + 1) * each) < brush.left || x(i * each) > brush.width) continue;
        const from = x((i * waveform.duration_s) / n);
        const wide = Math.max(1, x(((i + 1) * waveform.duration_s) / n) - from);
        const top = middle - (waveform.high[i] ?? 0) * (middle - 6);
        const bottom = middle - (waveform.low[i] ?? 0) * (middle - 6);
        context.fillRect(from, top, wide, Math.max(1, bottom - top));
      }
      const apart = (brush.end - x(0)) / Math.max(1, beats_s.length);
      if (apart < 4) return; // a band of beats tells nothing
      context.fillStyle = brush.colour("text");
      for (const beat of beats_s) context.fillRect(x(beat) - 0.5, height - 5, 1, 5);
    },
  };
}

/** Room for names above the bars. */
const GENRE_TOP = 16;

export function genreLane(timeline: readonly Segment[]): Lane {
  const stretches = runs(timeline);
  return {
    id: "genre",
    name: say.genre,
    description: say.genreTold(stretches),
    height: 62,
    draw(brush) {
      const { context, height, x } = brush;
      const top = GENRE_TOP;
      context.strokeStyle = brush.colour("line");
      context.strokeRect(brush.left + 0.5, top + 0.5, brush.width - brush.left - 1, height - top - 1);
      for (const { start_s, end_s, probabilities } of timeline) {
        const [genre, probability] = likeliest(probabilities);
        const tall = (height - top) * probability;
        context.fillStyle = genreColour(genre);
        context.fillRect(x(start_s), height - tall, Math.max(1, x(end_s) - x(start_s) - 0.5), tall);
      }
      for (const run of stretches) named(brush, run);
    },
    axis(brush) {
      axisLabel(brush, "100%", GENRE_TOP);
      axisLabel(brush, "0%", brush.height);
    },
  };
}

/** The genre's name over its stretch, and where it begins. */
function named({ context, x, colour, left, width, height }: Brush, { start_s, end_s, genre }: Run): void {
  const from = Math.max(left, x(start_s));
  const room = Math.min(width, x(end_s)) - from - 4;
  if (room < 0) return;
  context.fillStyle = colour("text");
  context.fillRect(x(start_s), 2, 1, height - 2);
  context.textAlign = "left";
  context.textBaseline = "middle";
  const short = genre.slice(0, 3);
  const text = [genre, short].find((name) => context.measureText(name).width <= room);
  if (text) context.fillText(text, from + 4, 8);
}

/** A picture of part of the time, between two frequencies. */
export interface Over {
  image: HTMLImageElement;
  start_s: number;
  duration_s: number;
  low_hz: number;
  high_hz: number;
  regions: readonly Region[];
}

export function melLane(image: HTMLImageElement, given: Listened["spectrogram"], duration_s: number, over: Over | null): Lane {
  const bottom = mel(given.low_hz);
  const span = mel(given.high_hz) - bottom;
  const placeOf = (hz: number, height: number): number => height * (1 - (mel(hz) - bottom) / span);
  return {
    id: "mel",
    name: over ? say.melAndReason : say.mel,
    description: over ? say.melAndReasonTold : say.melTold(given.low_hz, given.high_hz),
    height: 168,
    draw(brush) {
      const { context, height, x } = brush;
      const y = (hz: number): number => placeOf(hz, height);
      if (over) context.filter = "grayscale(1) brightness(0.9)"; // so that the colours over it can be told
      context.drawImage(image, x(0), 0, brush.end - x(0), height);
      context.filter = "none";
      if (!over) return;
      const from = x(over.start_s);
      const to = x(Math.min(duration_s, over.start_s + over.duration_s));
      context.drawImage(over.image, from, y(over.high_hz), to - from, y(over.low_hz) - y(over.high_hz));
      over.regions.forEach((region, i) => framed(brush, region, y, String(i + 1)));
    },
    axis(brush) {
      for (const hz of [250, 1000, 2000, 4000, 8000].filter((f) => f > given.low_hz && f <= given.high_hz)) {
        axisLabel(brush, hz < 1000 ? `${hz}` : `${hz / 1000}k`, placeOf(hz, brush.height));
      }
    },
  };
}

/** A region with the number that it has in the table, seen on any ground. */
function framed({ context, x }: Brush, region: Region, y: (hz: number) => number, number: string): void {
  const [from, top] = [x(region.start_s), y(region.high_hz)];
  const [wide, tall] = [x(region.end_s) - from, y(region.low_hz) - top];
  for (const [style, width] of [["#000000", 3.5], ["#ffffff", 1.5]] as const) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.strokeRect(from, top, wide, tall);
  }
  context.fillStyle = "#000000";
  context.fillRect(from, top, 14, 15);
  context.fillStyle = "#ffffff";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(number, from + 7, top + 8);
}

export function chromaLane(image: HTMLImageElement, names: readonly string[]): Lane {
  return {
    id: "chroma",
    name: say.chroma,
    description: say.chromaTold,
    height: 12 * 13,
    draw({ context, x, end, height }) {
      context.imageSmoothingEnabled = false;
      context.drawImage(image, x(0), 0, end - x(0), height);
    },
    axis(brush) {
      const row = brush.height / names.length;
      names.forEach((name, i) => axisLabel(brush, name, brush.height - (i + 0.5) * row));
    },
  };
}

/** A picture that the server sent as base64. */
export async function picture(png: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  return image;
}
