// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds the custodian's own page, to the folder that their program serves under /static/.
import { defineConfig, mergeConfig } from "vite";
import operator from "./vite.config.ts";

const desk = mergeConfig(operator, { build: { outDir: "../src/custodes/desk/static" } });
desk.build.rollupOptions = {
  input: ["styles/custodian.css", "assets/icon.svg", "src/custodian/page.ts", "src/custodian/seal.ts"],
  // The sealing is a module of its own, so that it can be tried as it is, in a browser.
  preserveEntrySignatures: "strict",
};

export default defineConfig(desk);
