// Piano rolls on a canvas: time across, pitch upwards, the drums in lanes of their own below.
import type { Roll, RollTrack } from "../../api/compose";

// Eight hues, each 3:1 or better against the grounds of both themes; a track's name stands beside its colour, and tracks
// beyond the eighth share colours but not names.
const HUES = ["#2f7bd6", "#c8602a", "#1b8c6b", "#b0589c", "#93761a", "#7a6ad8", "#c2484f", "#4d8a2c"];
const DRUMS = "#7b7f86";

export function trackColour(roll: Roll, index: number): string {
  const track = roll.tracks[index];
  if (!track || track.is_drum) return DRUMS;
  const nth = roll.tracks.slice(0, index).filter((one) => !one.is_drum).length;
  return HUES[nth % HUES.length] ?? DRUMS;
}

export interface Look {
  ground: string;
  line: string;
  text: string;
}

interface Range {
  low: number;
  high: number;
}

function pitches(tracks: RollTrack[]): Range {
  let low = 128;
  let high = -1;
  for (const track of tracks) {
    for (const [, , pitch] of track.notes) {
      low = Math.min(low, pitch);
      high = Math.max(high, pitch);
    }
  }
  return high < 0 ? { low: 60, high: 60 } : { low, high };
}

/** Draws a roll over the whole canvas, which is `width` x `height` CSS pixels; `bars` also draws bar lines and their numbers. */
export function drawRoll(canvas: HTMLCanvasElement, roll: Roll, look: Look, { bars }: { bars: boolean }): void {
  const ratio = Math.min(3, devicePixelRatio || 1);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  if (!context || !width || !height) return;
  context.scale(ratio, ratio);
  context.fillStyle = look.ground;
  context.fillRect(0, 0, width, height);
  const x = (seconds: number): number => (seconds / Math.max(roll.duration_s, 1e-3)) * width;
  const top = bars ? 18 : 2;
  if (bars) drawBars(context, roll, look, x, width, height, top);

  const drums = roll.tracks.filter((track) => track.is_drum);
  const struck = [...new Set(drums.flatMap((track) => track.notes.map(([, , pitch]) => pitch)))].sort((a, b) => a - b);
  const tonal = roll.tracks.some((track) => !track.is_drum && track.notes.length);
  const room = height - top - 2;
  const drumsHeight = struck.length ? (tonal ? Math.min(room * 0.3, struck.length * (bars ? 12 : 4)) : room) : 0;
  const { low, high } = pitches(roll.tracks.filter((track) => !track.is_drum));
  const tonalHeight = room - drumsHeight - (struck.length && tonal ? 4 : 0);
  const step = tonalHeight / (high - low + 1);
  const drumStep = drumsHeight / Math.max(1, struck.length);
  const drumTop = height - 2 - drumsHeight;
  if (struck.length && tonal) {
    context.strokeStyle = look.line;
    context.beginPath();
    context.moveTo(0, drumTop - 2.5);
    context.lineTo(width, drumTop - 2.5);
    context.stroke();
  }
  roll.tracks.forEach((track, index) => {
    context.fillStyle = trackColour(roll, index);
    for (const [begin, end, pitch, velocity] of track.notes) {
      context.globalAlpha = 0.9 + 0.1 * (velocity / 127);
      if (track.is_drum) {
        const row = struck.length - 1 - struck.indexOf(pitch);
        context.fillRect(x(begin), drumTop + row * drumStep + drumStep * 0.12, Math.max(2, drumStep * 0.5), Math.max(1.5, drumStep * 0.75));
      } else {
        const thick = Math.max(1.5, Math.min(step * 0.9, 12));
        const y = top + (high - pitch + 0.5) * step - thick / 2;
        context.fillRect(x(begin), y, Math.max(1.5, x(end) - x(begin) - 0.7), thick);
      }
    }
  });
  context.globalAlpha = 1;
}

function drawBars(context: CanvasRenderingContext2D, roll: Roll, look: Look, x: (s: number) => number, width: number, height: number, top: number): void {
  const each = width / Math.max(1, roll.bars_s.length);
  let every = 1;
  while (each * every < 26) every *= 2;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  roll.bars_s.forEach((begin, index) => {
    if (index % every && each < 6) return;
    const at = Math.round(x(begin)) + 0.5;
    context.globalAlpha = index % every ? 0.25 : 0.6;
    context.strokeStyle = look.line;
    context.beginPath();
    context.moveTo(at, top - 2);
    context.lineTo(at, height);
    context.stroke();
    if (index % every) return;
    context.globalAlpha = 1;
    context.fillStyle = look.text;
    context.fillText(String(index + 1), at + 2, 3);
  });
  context.globalAlpha = 1;
}

const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/** C4 for 60. */
export function pitchName(pitch: number): string {
  return `${NAMES[pitch % 12] ?? ""}${Math.floor(pitch / 12) - 1}`;
}

/** A track's lowest pitch. */
export function lowest(track: RollTrack): number {
  return pitches([track]).low;
}

/** And its highest. */
export function highest(track: RollTrack): number {
  return pitches([track]).high;
}

/** The bar (from 1) at a time. */
export function barAt(roll: Roll, seconds: number): number {
  let found = 1;
  roll.bars_s.forEach((begin, index) => {
    if (begin <= seconds + 1e-3) found = index + 1;
  });
  return found;
}
