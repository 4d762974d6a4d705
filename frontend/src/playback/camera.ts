// SPDX-License-Identifier: AGPL-3.0-or-later
import { HideElement } from "../elements/hide";
import { dateAndTime, localValue, utc } from "../times";
import { LiveElement } from "../live/element";
import { PlaybackElement } from "./player";
import { TimelineElement } from "./timeline";

/** One camera's page: live or a moment of the past, a timeline, and a stretch to ask the custodians for. */
class CameraElement extends HTMLElement {
  #live!: LiveElement;
  #playback!: PlaybackElement;
  #timeline!: TimelineElement;
  #past: number | null = null;
  #start: number | null = null;
  #end: number | null = null;
  #timer = 0;
  #livePicture = "";

  connectedCallback(): void {
    // The parts inside are parsed and upgraded after this element: wait for them.
    queueMicrotask(() => this.#begin());
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
  }

  #begin(): void {
    this.#live = this.querySelector<LiveElement>("c-live")!;
    this.#playback = this.querySelector<PlaybackElement>("c-playback")!;
    this.#timeline = this.querySelector<TimelineElement>("c-timeline")!;
    this.#playback.spanAt = (ms) => this.#timeline.spanAt(ms);
    this.#playback.refresh = () => this.#timeline.refresh();
    const hide = this.querySelector<HideElement>("c-hide");
    if (hide) hide.at = () => this.#past;
    this.addEventListener("hid", () => void this.#hid());
    this.#playback.addEventListener("time", (event) => this.#moved((event as CustomEvent<number>).detail));
    this.#playback.addEventListener("caughtup", () => this.#goLive());
    this.#timeline.addEventListener("seek", (event) => this.#goTo((event as CustomEvent<number>).detail));
    this.#timeline.addEventListener("mark", (event) => this.#mark((event as CustomEvent<{ start?: number; end?: number }>).detail));
    this.addEventListener("picture", (event) => {
      this.#livePicture = (event as CustomEvent<string>).detail;
      if (this.#past === null) this.#picture(this.#livePicture);
    });
    this.addEventListener("click", (event) => this.#click(event));
    this.querySelector<HTMLFormElement>("form.goto")?.addEventListener("submit", (event) => this.#goToTyped(event));
    for (const input of this.querySelectorAll<HTMLInputElement>("[data-bound]")) {
      input.addEventListener("change", () => this.#readBounds());
    }
    addEventListener("keydown", (event) => this.#key(event));
    const now = this.querySelector<HTMLInputElement>("#goto");
    if (now) now.value = localValue(Date.now() - 60_000);
    this.#timer = window.setInterval(() => this.#tick(), 500);
    const at = this.getAttribute("at");
    if (at) {
      this.#timeline.show(Number(at));
      this.#goTo(Number(at));
    } else {
      this.#tick();
    }
  }

  #click(event: Event): void {
    const button = (event.target as Element).closest<HTMLElement>("button[data-do]");
    const position = this.#past ?? Date.now();
    const acts: Record<string, () => void> = {
      live: () => this.#goLive(),
      back: () => this.#goTo(position - 10_000),
      forward: () => (position + 10_000 > Date.now() - 3_000 ? this.#goLive() : this.#goTo(position + 10_000)),
      play: () => this.#toggle(),
      "mark-start": () => this.#mark({ start: position }),
      "mark-end": () => this.#mark({ end: position }),
    };
    acts[button?.dataset["do"] ?? ""]?.();
  }

  #key(event: KeyboardEvent): void {
    if ((event.target as Element).closest("input, textarea, select, button, a") || event.ctrlKey || event.metaKey) return;
    if (event.key === " ") {
      event.preventDefault();
      this.#toggle();
    } else if (event.key === "l") {
      this.#goLive();
    }
  }

  #toggle(): void {
    if (this.#past === null) this.#goTo(Date.now() - 10_000);
    else this.#playback.paused = !this.#playback.paused;
    this.#render();
  }

  /** What is on the screen was hidden: nothing of it stays there. */
  async #hid(): Promise<void> {
    const past = this.#past;
    if (past === null) return;
    this.#playback.stop();
    await this.#timeline.refresh();
    if (this.#past !== past) return;
    void this.#playback.play(past);
    this.#moved(past);
  }

  #goTo(ms: number): void {
    // The newest seconds are still being written; playback begins a little before them.
    const wanted = Math.min(ms, Date.now() - 6_000);
    this.#past = this.#timeline.spanAt(wanted)?.kind === "gap" ? (this.#timeline.nextVideo(wanted) ?? wanted) : wanted;
    this.#playback.hidden = false;
    this.#live.hidden = true;
    this.#playback.paused = false;
    void this.#playback.play(this.#past);
    this.#timeline.show(this.#past);
    this.#moved(this.#past);
  }

  #goLive(): void {
    this.#past = null;
    this.#playback.stop();
    this.#playback.hidden = true;
    this.#live.hidden = false;
    this.#timeline.show(Date.now());
    this.#picture(this.#livePicture);
    this.#tick();
  }

  #goToTyped(event: Event): void {
    event.preventDefault();
    const typed = new Date(this.querySelector<HTMLInputElement>("#goto")?.value ?? "").getTime();
    if (!Number.isNaN(typed)) this.#goTo(typed);
  }

  #tick(): void {
    if (this.#past === null) this.#moved(Date.now());
  }

  #moved(ms: number): void {
    if (this.#past !== null) {
      this.#past = ms;
      const span = this.#timeline.spanAt(ms);
      const words = { covered: `Recorded, covered. ${span?.cause}`, hidden: `Hidden. ${span?.cause}` };
      this.#picture(span?.kind === "covered" || span?.kind === "hidden" ? words[span.kind] : "Recorded, masked");
    }
    this.#timeline.position = ms;
    this.#render();
  }

  #render(): void {
    const live = this.#past === null;
    this.dataset["mode"] = live ? "live" : "past";
    this.querySelector("[data-do=live]")?.setAttribute("aria-pressed", String(live));
    const play = this.querySelector("[data-do=play]");
    const word = live || !this.#playback.paused ? "Pause" : "Play";
    if (play && play.textContent !== word) {
      play.textContent = word;
      play.setAttribute("aria-label", word);
    }
    const now = this.querySelector("output.now");
    if (now) now.textContent = dateAndTime(this.#past ?? Date.now());
    for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-keep-time]")) {
      link.search = live ? "" : `?at=${Math.round(this.#past ?? 0)}`;
    }
  }

  #picture(words: string): void {
    const place = this.querySelector("[data-picture]");
    if (place && place.textContent !== words) place.textContent = words;
  }

  #mark(marked: { start?: number; end?: number }): void {
    const latest = Date.now() - 1_000;
    if (marked.start !== undefined) this.#start = Math.min(marked.start, latest);
    if (marked.end !== undefined) this.#end = Math.min(marked.end, latest);
    if (this.#start !== null && (this.#end === null || this.#end <= this.#start)) {
      if (marked.end === undefined) this.#end = Math.min(this.#start + 30_000, latest + 1_000);
      else this.#start = (this.#end ?? latest) - 30_000;
    } else if (this.#start === null && this.#end !== null) {
      this.#start = this.#end - 30_000;
    }
    this.#showBounds();
  }

  #showBounds(): void {
    for (const [name, value] of [["start", this.#start], ["end", this.#end]] as const) {
      const input = this.querySelector<HTMLInputElement>(`[data-bound=${name}]`);
      if (input && value !== null) input.value = utc(value);
    }
    this.#timeline.selection = this.#start !== null && this.#end !== null ? [this.#start, this.#end] : null;
  }

  #readBounds(): void {
    const read = (name: string): number | null => {
      const typed = new Date(this.querySelector<HTMLInputElement>(`[data-bound=${name}]`)?.value ?? "").getTime();
      return Number.isNaN(typed) ? null : typed;
    };
    [this.#start, this.#end] = [read("start"), read("end")];
    this.#timeline.selection = this.#start !== null && this.#end !== null && this.#start < this.#end ? [this.#start, this.#end] : null;
  }
}

customElements.define("c-camera", CameraElement);
