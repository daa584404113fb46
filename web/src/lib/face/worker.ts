// The networks run here, beside the page, so that it stays answerable where there is no graphics card.
// Frames come in as bitmaps and are gone after they were looked at; all that goes back is a Reading.
import * as faces from "@vladmandic/face-api";
import type { Reading } from "./reading";

export type Asked = { kind: "load" } | { kind: "look"; id: number; bitmap: ImageBitmap };
export type Told =
  | { kind: "ready"; backend: string }
  | { kind: "seen"; id: number; reading: Reading }
  | { kind: "failed"; id: number | null; message: string };

/** Side of the picture in which faces are sought: finer where it costs nothing. */
const INPUT = { webgl: 224, cpu: 160 };
const SURE = 0.5;
const MODELS = "/face";

/** What the types of the library leave out. */
interface Engine {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  getBackend(): string;
}

const engine = faces.tf as unknown as Engine;
const detector = new faces.TinyFaceDetector();
const expressions = new faces.FaceExpressionNet();
const canvas = new OffscreenCanvas(1, 1);

/** The library knows pages and Node.js; this is neither. It is given tensors only, so the elements are never made. */
function arrange(): void {
  class Absent {}
  const never = (): never => {
    throw new Error("no elements in a worker");
  };
  faces.env.setEnv({
    Canvas: OffscreenCanvas,
    CanvasRenderingContext2D: OffscreenCanvasRenderingContext2D,
    Image: Absent,
    ImageData,
    Video: Absent,
    createCanvasElement: never,
    createImageElement: never,
    createVideoElement: never,
    readFile: never,
    fetch: (address: string, init?: RequestInit) => fetch(address, init),
  } as unknown as Parameters<typeof faces.env.setEnv>[0]);
}

/** Whether WebGL is drawn by a graphics card. In software it is slower than plain code, and takes seconds to start. */
function hasGraphics(): boolean {
  const context = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!context) return false;
  const names = context.getExtension("WEBGL_debug_renderer_info");
  const name = String(context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|software|basic render/i.test(name);
}

async function backend(): Promise<string> {
  for (const name of hasGraphics() ? ["webgl", "cpu"] : ["cpu"]) {
    try {
      if (await engine.setBackend(name)) break;
    } catch {
      // the next one
    }
  }
  await engine.ready();
  return engine.getBackend();
}

async function load(): Promise<string> {
  arrange();
  const chosen = await backend();
  await Promise.all([detector.loadFromUri(MODELS), expressions.loadFromUri(MODELS)]);
  return chosen;
}

function pixels(bitmap: ImageBitmap): ImageData {
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  context.drawImage(bitmap, 0, 0);
  const found = context.getImageData(0, 0, bitmap.width, bitmap.height);
  context.clearRect(0, 0, bitmap.width, bitmap.height);
  return found;
}

function brightness(picture: ImageData): number {
  let sum = 0;
  let n = 0;
  for (let at = 0; at < picture.data.length; at += 4 * 16, n++) {
    sum += 0.299 * (picture.data[at] ?? 0) + 0.587 * (picture.data[at + 1] ?? 0) + 0.114 * (picture.data[at + 2] ?? 0);
  }
  return n ? sum / n / 255 : 0;
}

async function look(bitmap: ImageBitmap): Promise<Reading> {
  const { tf } = faces;
  const picture = pixels(bitmap);
  bitmap.close();
  const image = tf.browser.fromPixels(picture);
  try {
    const found = await detector.locateFaces(image, { inputSize: engine.getBackend() === "webgl" ? INPUT.webgl : INPUT.cpu, scoreThreshold: SURE });
    const height = found.reduce((most, one) => Math.max(most, one.box.height / picture.height), 0);
    const seen: Reading = { faces: found.length, height, light: brightness(picture), shares: null, vector: null };
    const only = found[0];
    if (found.length !== 1 || !only) return seen;
    const box = only.box.floor().clipAtImageBorders(picture.width, picture.height);
    if (box.width < 1 || box.height < 1) return { ...seen, faces: 0 };
    const [vector, shares] = tf.tidy(() => {
      const crop = tf.slice3d(image, [box.y, box.x, 0], [box.height, box.width, 3]);
      const inner = expressions.faceFeatureExtractor.forwardInput(new faces.NetInput([crop]));
      return [inner, expressions.forwardInput(inner)] as const;
    });
    seen.vector = Array.from(await vector.data());
    seen.shares = Array.from(await shares.data());
    vector.dispose();
    shares.dispose();
    return seen;
  } finally {
    image.dispose();
  }
}

function tell(message: Told): void {
  postMessage(message);
}

addEventListener("message", (event: MessageEvent<Asked>) => {
  const asked = event.data;
  const id = asked.kind === "look" ? asked.id : null;
  const failed = (error: unknown): void => tell({ kind: "failed", id, message: error instanceof Error ? error.message : String(error) });
  if (asked.kind === "load") load().then((name) => tell({ kind: "ready", backend: name }), failed);
  else look(asked.bitmap).then((reading) => tell({ kind: "seen", id: asked.id, reading }), failed);
});
