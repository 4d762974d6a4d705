// SPDX-License-Identifier: AGPL-3.0-or-later
import type HlsPlayer from "hls.js/light";
import type { Span } from "./timeline";

const WINDOW_MS = 10 * 60_000;
/** So soon a page learns that something of what it plays was hidden. */
const BEAT_MS = 1_000;
const FAILURES = 3;

interface Begun {
  viewing: string;
  playlist: string;
}

/**
 * Plays a camera's masked past (HLS). Each stretch is a viewing that the server has logged before the first picture;
 * it ends when the page leaves it. Fires `time` (ms since 1970) and `caughtup` when the past has reached the present.
 */
export class PlaybackElement extends HTMLElement {
  readonly #video = document.createElement("video");
  readonly #cover = document.createElement("div");
  /** What the timeline knows of a moment: covered stretches are said to be covered, with their cause. */
  spanAt: (ms: number) => Span | undefined = () => undefined;
  /** Ask the server what there is, before `spanAt` is asked again. */
  refresh: () => Promise<void> = () => Promise.resolve();
  #hls: HlsPlayer | undefined;
  #viewing: string | undefined;
  #turn = 0;
  #timer = 0;
  #end = 0;
  #message = "";
  #paused = false;
  #failures = 0;
  readonly #onVisibility = (): void => void this.#beat();
  readonly #leave = (): void => this.stop();

  connectedCallback(): void {
    this.#video.muted = true;
    this.#video.playsInline = true;
    this.#video.setAttribute("aria-label", `Masked recording of ${this.getAttribute("name") ?? "the camera"}`);
    this.#cover.className = "cover";
    this.#cover.append(document.createElement("strong"), document.createElement("span"));
    this.append(this.#video, this.#cover);
    this.#video.addEventListener("timeupdate", () => this.#tell());
    this.#video.addEventListener("ended", () => {
      if (!this.#caughtUp(this.#end)) void this.play(this.#end);
    });
    this.#timer = window.setInterval(() => void this.#beat(), BEAT_MS);
    addEventListener("pagehide", this.#leave);
    document.addEventListener("visibilitychange", this.#onVisibility);
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
    removeEventListener("pagehide", this.#leave);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.stop();
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    if (paused) this.#video.pause();
    else void this.#video.play().catch(() => undefined);
  }

  /** Go to a moment: within what is loaded at once, else with a new viewing. */
  async play(ms: number): Promise<void> {
    const span = this.spanAt(ms);
    if (span?.kind === "hidden") {
      this.stop();
      this.#say("Hidden", span.cause);
      return;
    }
    if (this.#seekWithin(ms)) return;
    this.stop();
    const turn = ++this.#turn;
    this.#say("Waiting", "Fetching the recording.");
    this.#end = Math.min(ms + WINDOW_MS, Math.max(Date.now(), ms + 1_000));
    const [{ default: Hls }, begun] = await Promise.all([import("hls.js/light"), this.#begin(Math.round(ms), Math.round(this.#end))]);
    if (turn !== this.#turn) {
      if (begun) endViewing(begun.viewing);
      return;
    }
    if (!begun) return;
    this.#viewing = begun.viewing;
    const hls = new Hls({ enableWorker: false, startPosition: 0, maxBufferLength: 12, backBufferLength: 60, liveDurationInfinity: false });
    this.#hls = hls;
    hls.once(Hls.Events.LEVEL_LOADED, (_, { details }) => {
      const first = details.fragments[0];
      if (!first?.programDateTime) return;
      const offset = Math.max(0, (ms - first.programDateTime) / 1000);
      this.#video.addEventListener("loadedmetadata", () => (this.#video.currentTime = first.start + offset), { once: true });
    });
    hls.on(Hls.Events.ERROR, (_, error) => {
      if (error.details === Hls.ErrorDetails.LEVEL_EMPTY_ERROR) this.#say("Nothing recorded", "There is no masked video of this moment.");
      else if (error.details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) this.#caughtUp(this.#at());
      else if (error.fatal) this.#say("No picture", "The recording could not be played. Choose the moment again.");
    });
    hls.loadSource(begun.playlist);
    hls.attachMedia(this.#video);
    if (!this.#paused) void this.#video.play().catch(() => undefined);
  }

  /** Show nothing any more; the viewing ends. */
  stop(): void {
    this.#turn += 1;
    this.#failures = 0;
    this.#hls?.destroy();
    this.#hls = undefined;
    this.#video.removeAttribute("src");
    if (this.#viewing) endViewing(this.#viewing);
    this.#viewing = undefined;
  }

  async #begin(start: number, end: number): Promise<Begun | undefined> {
    const response = await fetch(`/operator/cameras/${this.getAttribute("camera") ?? ""}/playback`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/plain" },
      body: JSON.stringify({ start, end }),
    }).catch(() => null);
    if (response?.ok) return (await response.json()) as Begun;
    this.#say("No picture", response ? (await response.text()).trim() : "No connection to the server.");
    return undefined;
  }

  async #beat(): Promise<void> {
    if (!this.#viewing || document.hidden) return;
    const [viewing, at] = [this.#viewing, this.#at()];
    const response = await fetch(`/operator/viewings/${viewing}/beat`, { method: "POST" }).catch(() => null);
    if (viewing !== this.#viewing) return;
    this.#failures = response?.ok ? 0 : this.#failures + 1;
    if (response?.status === 404 && at !== undefined) {
      // It was silent for too long (a sleeping tab), or something in it was hidden: begin another where we were.
      this.stop();
      this.#say("Waiting", "Fetching the recording.");
      await this.refresh();
      if (!this.#viewing) void this.play(at);
    } else if (this.#failures >= FAILURES) {
      this.stop();
      this.#say("No picture", "The server does not answer. Choose the moment again.");
    }
  }

  #at(): number | undefined {
    return this.#hls?.playingDate?.getTime();
  }

  #tell(): void {
    const at = this.#at();
    if (at === undefined) return;
    this.#message = "";
    const span = this.spanAt(at);
    if (span?.kind === "covered" || span?.kind === "hidden") this.#show(span.kind === "hidden" ? "Hidden" : "Covered", span.cause);
    else this.#cover.hidden = true;
    this.dispatchEvent(new CustomEvent("time", { detail: at }));
  }

  #seekWithin(ms: number): boolean {
    const details = this.#hls?.latestLevelDetails;
    const fragment = details?.fragments.find((each) => {
      const from = each.programDateTime ?? Infinity;
      return from <= ms && ms < from + each.duration * 1000;
    });
    if (!fragment?.programDateTime || this.#message) return false;
    this.#video.currentTime = fragment.start + (ms - fragment.programDateTime) / 1000;
    return true;
  }

  #caughtUp(at: number | undefined): boolean {
    if (at === undefined || at < Date.now() - 30_000) return false;
    this.dispatchEvent(new CustomEvent("caughtup"));
    return true;
  }

  #say(title: string, words: string): void {
    this.#message = title;
    this.#show(title, words);
  }

  #show(title: string, words: string): void {
    this.#cover.hidden = false;
    this.#cover.dataset["kind"] = title === "Covered" || title === "Hidden" ? "covered" : "waiting";
    const [strong, span] = this.#cover.children;
    if (strong) strong.textContent = title;
    if (span) span.textContent = words;
  }
}

/** Tell the server even while the page goes away. */
function endViewing(viewing: string): void {
  navigator.sendBeacon(`/operator/viewings/${viewing}/end`);
}

customElements.define("c-playback", PlaybackElement);
