import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import type { Plugin } from "vite";

// Tiny detector and expression network, shipped inside the npm package; served by us, loaded only when the camera is on.
const FILES = [
  "tiny_face_detector_model-weights_manifest.json",
  "tiny_face_detector_model.bin",
  "face_expression_model-weights_manifest.json",
  "face_expression_model.bin",
];

/** Copies the face networks beside the built page, under `face/`. */
export function faceModels(): Plugin {
  let out = "";
  return {
    name: "face-models",
    apply: "build",
    configResolved(config) {
      out = resolve(config.root, config.build.outDir, "face");
    },
    closeBundle() {
      const require = createRequire(import.meta.url);
      const from = join(dirname(require.resolve("@vladmandic/face-api/package.json")), "model");
      mkdirSync(out, { recursive: true });
      for (const name of FILES) copyFileSync(join(from, name), join(out, name));
    },
  };
}
