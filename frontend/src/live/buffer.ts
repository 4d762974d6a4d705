// SPDX-License-Identifier: AGPL-3.0-or-later
// Media Source Extensions for one live picture: append, trim, stay close to now.
import type { Fragment, InitSegment } from "./socket";

const KEEP_SECONDS = 12;
const AIM_SECONDS = 0.6;
const JUMP_SECONDS = 2.5;

interface ManagedWindow {
  ManagedMediaSource?: typeof MediaSource;
}

/** Feeds a video element. Broken media is thrown away; the next init segment starts afresh. */
export class LiveBuffer {
  readonly #video: HTMLVideoElement;
  readonly #queue: ArrayBuffer[] = [];
  #source: MediaSource | undefined;
  #buffer: SourceBuffer | undefined;
  #url = "";
  #opening: InitSegment | undefined;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  start(init: InitSegment): void {
    this.stop();
    const Source = (window as unknown as ManagedWindow).ManagedMediaSource ?? window.MediaSource;
    const source = new Source();
    this.#source = source;
    this.#opening = init;
    this.#video.disableRemotePlayback = true;
    this.#url = URL.createObjectURL(source);
    this.#video.src = this.#url;
    source.addEventListener("sourceopen", () => this.#opened(source), { once: true });
  }

  add(fragment: Fragment): void {
    if (!this.#source) return;
    this.#queue.push(fragment.data);
    // A page in the background must not hoard what it will never show.
    if (!this.#buffer && this.#queue.length > 50) this.#queue.shift();
    this.#next();
  }

  stop(): void {
    this.#queue.length = 0;
    this.#buffer = undefined;
    this.#source = undefined;
    this.#opening = undefined;
    if (!this.#url) return;
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.#url);
    this.#url = "";
  }

  /** Call now and then: plays a little faster or slower, and jumps over holes and delays. */
  keepUp(): void {
    const { buffered } = this.#video;
    const last = buffered.length - 1;
    if (!this.#buffer || last < 0) return;
    const behind = buffered.end(last) - this.#video.currentTime;
    if (behind > JUMP_SECONDS || this.#video.currentTime < buffered.start(last)) {
      this.#video.currentTime = Math.max(buffered.start(last), buffered.end(last) - AIM_SECONDS);
    } else {
      this.#video.playbackRate = Math.min(1.2, Math.max(0.9, 1 + (behind - AIM_SECONDS) * 0.25));
    }
    if (this.#video.paused) void this.#video.play().catch(() => undefined);
  }

  #opened(source: MediaSource): void {
    if (source !== this.#source || !this.#opening) return;
    const type = `video/mp4; codecs="${this.#opening.codec}"`;
    const buffer = source.addSourceBuffer(type);
    buffer.addEventListener("updateend", () => this.#next());
    this.#buffer = buffer;
    this.#queue.unshift(this.#opening.data);
    this.#next();
  }

  #next(): void {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#source?.readyState !== "open") return;
    const { buffered } = buffer;
    if (buffered.length > 0 && this.#video.currentTime - buffered.start(0) > 2 * KEEP_SECONDS) {
      buffer.remove(buffered.start(0), this.#video.currentTime - KEEP_SECONDS);
      return;
    }
    const piece = this.#queue.shift();
    if (!piece) return;
    try {
      buffer.appendBuffer(piece);
    } catch {
      this.stop();
    }
  }
}
