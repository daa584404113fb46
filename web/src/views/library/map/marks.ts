// Marks of the map. Ten shapes, so that no kind is told by its colour alone.
import type { MapPoint, NamedMood } from "../../../api/library";
import { genreColour } from "../../../lib/genres";
import { words } from "../../../strings";

export type By = "genre" | "mood";

export interface Kind {
  name: string;
  title: string;
  colour: string;
  shape: number;
}

const UNKNOWN: Kind = { name: "", title: words.library.map.unknown, colour: "#7b7f86", shape: 10 };
const MANY = 10;
// The same genre has the same shape on every map; one of a model of the user's own takes what its name comes to.
const SHAPES = ["blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock"];
// 3:1 or better on the grounds of both themes.
const QUADRANTS: Record<string, { colour: string; shape: number }> = {
  Q1: { colour: "#b87a00", shape: 2 },
  Q2: { colour: "#cf4a3f", shape: 3 },
  Q3: { colour: "#3b78d8", shape: 4 },
  Q4: { colour: "#3f9142", shape: 0 },
};

/** A corner of the plane of moods: pleasant or not, excited or not. */
export function quadrant(valence: number, arousal: number): string {
  if (valence >= 0) return arousal >= 0 ? "Q1" : "Q4";
  return arousal >= 0 ? "Q2" : "Q3";
}

/** The kinds that points fall into, and the kind of each point; unknown ones last. */
export function kinds(points: readonly MapPoint[], by: By, moods: readonly NamedMood[]): { kinds: Kind[]; of: number[] } {
  const corner = new Map(moods.map((mood) => [mood.name, quadrant(mood.valence, mood.arousal)]));
  const named = points.map((point) => (by === "genre" ? (point.genre ?? "") : (corner.get(point.mood ?? "") ?? "")));
  const names = [...new Set(named)].filter(Boolean).sort();
  const list = names.map((name) => (by === "genre" ? genreKind(name) : moodKind(name)));
  if (named.includes("")) list.push(UNKNOWN);
  const place = new Map(list.map((kind, i) => [kind.name, i]));
  return { kinds: list, of: named.map((name) => place.get(name) ?? 0) };
}

function genreKind(name: string): Kind {
  const known = SHAPES.indexOf(name);
  const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  return { name, title: name, colour: genreColour(name), shape: known < 0 ? sum % MANY : known };
}

function moodKind(name: string): Kind {
  const titles: Record<string, string> = words.library.map.quadrants;
  return { name, title: titles[name] ?? name, ...(QUADRANTS[name] ?? UNKNOWN) };
}

/** Draw a mark: five shapes, filled and then hollow, and a cross for what is unknown. */
export function draw(c: CanvasRenderingContext2D, kind: Kind, x: number, y: number, r: number): void {
  c.beginPath();
  if (kind.shape >= MANY) {
    c.moveTo(x - r, y - r);
    c.lineTo(x + r, y + r);
    c.moveTo(x + r, y - r);
    c.lineTo(x - r, y + r);
  } else outline(c, kind.shape % 5, x, y, r);
  c.fillStyle = c.strokeStyle = kind.colour;
  if (kind.shape < 5) c.fill();
  else c.stroke();
}

function outline(c: CanvasRenderingContext2D, shape: number, x: number, y: number, r: number): void {
  if (shape === 0) c.arc(x, y, r, 0, 7);
  else if (shape === 1) c.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else {
    const corners: [number, number][][] = [
      [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]],
      [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
      [[0, 1.2], [1.1, -0.9], [-1.1, -0.9]],
    ];
    for (const [dx, dy] of corners[shape - 2] ?? []) c.lineTo(x + dx * r, y + dy * r);
    c.closePath();
  }
}
