// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds to the folder that the web serves under /static/; names hold hashes of the content.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/static/",
  publicDir: false,
  build: {
    outDir: "../src/custodes/web/static",
    emptyOutDir: true,
    manifest: "manifest.json",
    // Everything comes from this server under a strict policy: nothing inline, no polyfill that needs more.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      input: ["styles/site.css", "assets/icon.svg", "src/site.ts", "src/operator.ts", "src/map.ts"],
    },
  },
});
