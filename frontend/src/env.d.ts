// SPDX-License-Identifier: AGPL-3.0-or-later
declare module "hls.js/light" {
  export * from "hls.js";
  export { default } from "hls.js";
}
