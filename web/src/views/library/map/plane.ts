// Geometry of the map: from the library's plane (-1 to 1) to pixels and back, and which point is meant.

export interface Spot {
  x: number;
  y: number;
}

/** What of the plane is in sight: its middle, and how much larger than the whole it is shown. */
export interface Sight extends Spot {
  zoom: number;
}

export const WHOLE: Sight = { x: 0, y: 0, zoom: 1 };
export const MOST_ZOOM = 40;
const MARGIN = 16;

/** Pixels per unit of the plane on a square of `side` pixels. */
function scale(side: number, sight: Sight): number {
  return Math.max(1, side / 2 - MARGIN) * sight.zoom;
}

/** Where a point is drawn; y runs upwards on the plane and downwards on the screen. */
export function drawnAt(point: Spot, side: number, sight: Sight): Spot {
  const unit = scale(side, sight);
  return { x: side / 2 + (point.x - sight.x) * unit, y: side / 2 - (point.y - sight.y) * unit };
}

/** The point of the plane under a pixel. */
export function under(pixel: Spot, side: number, sight: Sight): Spot {
  const unit = scale(side, sight);
  return { x: sight.x + (pixel.x - side / 2) / unit, y: sight.y - (pixel.y - side / 2) / unit };
}

/** Zooms so that a point of the plane stays where it is on the screen; the whole is always centred. */
export function zoomed(sight: Sight, factor: number, about: Spot): Sight {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, sight.zoom * factor));
  if (zoom === 1) return WHOLE;
  const part = sight.zoom / zoom;
  return bounded({ x: about.x + (sight.x - about.x) * part, y: about.y + (sight.y - about.y) * part, zoom });
}

/** Moved by pixels, as by a drag. */
export function moved(sight: Sight, dx: number, dy: number, side: number): Sight {
  const unit = scale(side, sight);
  return bounded({ ...sight, x: sight.x - dx / unit, y: sight.y + dy / unit });
}

/** Nobody gets lost beyond the edge. */
function bounded(sight: Sight): Sight {
  const most = 1 - 1 / sight.zoom + 0.1;
  const within = (value: number): number => Math.min(most, Math.max(-most, value));
  return { ...sight, x: within(sight.x), y: within(sight.y) };
}

/** The nearest of the points within reach (in units of the plane); -1 for none. */
export function nearestTo(points: readonly Spot[], at: Spot, reach = Infinity): number {
  let best = -1;
  let least = reach * reach;
  points.forEach((point, i) => {
    const distance = (point.x - at.x) ** 2 + (point.y - at.y) ** 2;
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

/** The next point from one of them in a direction (of length 1), within 45 degrees to each side; -1 for none. */
export function nextTo(points: readonly Spot[], from: number, dx: number, dy: number): number {
  const start = points[from];
  if (!start) return -1;
  let best = -1;
  let least = Infinity;
  points.forEach((point, i) => {
    const along = (point.x - start.x) * dx + (point.y - start.y) * dy;
    const aside = Math.abs((point.x - start.x) * dy - (point.y - start.y) * dx);
    if (i === from || along <= 0 || aside > along) return;
    const cost = along + 2 * aside;
    if (cost < least) [best, least] = [i, cost];
  });
  return best;
}
