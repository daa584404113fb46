import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { faceModels } from "./plugins/face-models";

// The server sends a strict Content-Security-Policy: nothing inline, nothing from elsewhere. No asset becomes a data: URL
// in a style or script, and module preloading needs no inline polyfill.
export default defineConfig({
  plugins: [svelte(), faceModels()],
  base: "/",
  build: {
    outDir: "../src/sideman/web/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 1600,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8765" } },
  test: { include: ["test/**/*.test.ts"] },
});
