// SPDX-License-Identifier: AGPL-3.0-or-later
import { timeOfDay } from "../times";
import { LiveBuffer } from "./buffer";
import { liveSocket, type FeedState, type Fragment, type InitSegment, type Listener } from "./socket";

const LATE_MS = 2_000;
const STALE_MS = 4_000;
const TICK_MS = 250;
const UNCOVER_MS = 600;

/** What is shown instead of the picture. */
interface Panel {
  kind: "lost" | "waiting" | "covered" | "stale";
  title: string;
  words: string;
}

/**
 * One live masked picture. Shown only while masked pictures arrive and progress; anything else is a cover with its cause
 * in words. Subscribes while it is on the screen, so that a viewing in the log is a viewing in fact.
 */
export class LiveElement extends HTMLElement implements Listener {
  readonly #video = document.createElement("video");
  readonly #buffer = new LiveBuffer(this.#video);
  readonly #badge = document.createElement("span");
  readonly #progress = document.createElement("span");
  #cover: HTMLElement | null = null;
  #state: FeedState | undefined;
  #lost = "";
  #lastCover: Panel | undefined;
  #uncoveredFrom = 0;
  #progressed = 0;
  #position = -1;
  #timer = 0;
  #visible = false;
  #observer: IntersectionObserver | undefined;
  readonly #onVisibility = (): void => this.#follow();

  get camera(): string {
    return this.getAttribute("camera") ?? "";
  }

  connectedCallback(): void {
    this.#cover = this.querySelector(".cover");
    this.#video.muted = true;
    this.#video.playsInline = true;
    this.#video.setAttribute("aria-label", `Masked live picture of ${this.getAttribute("name") ?? "the camera"}`);
    this.#video.addEventListener("error", () => {
      if (!this.#video.hasAttribute("src")) return;
      this.lost("The picture could not be played. Trying again.");
      setTimeout(() => liveSocket.renew(this.camera), STALE_MS);
    });
    this.#badge.className = "badge live-badge";
    this.#progress.className = "away";
    this.#progress.setAttribute("role", "status");
    this.prepend(this.#video);
    this.append(this.#badge, this.#progress);
    this.#observer = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1)?.isIntersecting ?? false;
      this.#follow();
    });
    this.#observer.observe(this);
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#timer = window.setInterval(() => this.#tick(), TICK_MS);
    this.#render();
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
    this.#observer?.disconnect();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#leave();
  }

  /** True while a masked picture is on the screen. */
  get shown(): boolean {
    return this.dataset["shown"] === "true";
  }

  state(state: FeedState): void {
    const wasCovered = this.#state?.cover ?? null;
    this.#state = state;
    this.#lost = "";
    // Uncovered only when the play position has passed the covered pictures that are still in the buffer.
    if (wasCovered !== null && state.cover === null) this.#uncoveredFrom = performance.now() + UNCOVER_MS;
    this.#render();
  }

  init(init: InitSegment): void {
    this.#lost = "";
    this.#progressed = performance.now();
    this.#position = -1;
    this.#buffer.start(init);
  }

  fragment(fragment: Fragment): void {
    this.#buffer.add(fragment);
  }

  lost(words: string): void {
    this.#lost = words;
    this.#buffer.stop();
    this.#render();
  }

  #follow(): void {
    const wanted = this.#visible && !document.hidden && !this.closest("[hidden]");
    if (wanted && this.dataset["watching"] !== "true") {
      this.dataset["watching"] = "true";
      this.#progressed = performance.now();
      liveSocket.subscribe(this.camera, this);
    } else if (!wanted) {
      this.#leave();
    }
  }

  #leave(): void {
    if (this.dataset["watching"] !== "true") return;
    this.dataset["watching"] = "false";
    liveSocket.unsubscribe(this.camera);
    this.#buffer.stop();
    this.#state = undefined;
    this.#render();
  }

  #tick(): void {
    this.#buffer.keepUp();
    const { currentTime, readyState } = this.#video;
    // Only what was never shown before is progress: a jump back over the same pictures is not.
    if (readyState >= 2 && currentTime > this.#position) {
      this.#position = currentTime;
      this.#progressed = performance.now();
    }
    this.#render();
  }

  #render(): void {
    const now = performance.now();
    const age = now - this.#progressed;
    const cover = this.#coverNow(now, age);
    const shown = cover === null;
    this.dataset["shown"] = String(shown);
    if (this.#cover) {
      this.#cover.hidden = shown;
      if (cover) {
        this.#cover.dataset["kind"] = cover.kind;
        setText(this.#cover.querySelector("strong"), cover.title);
        setText(this.#cover.querySelector("span"), cover.words);
      }
    }
    const [level, text] = this.#freshness(cover?.kind ?? "", age);
    this.#badge.dataset["level"] = level;
    setText(this.#badge, text);
    const detail = this.#state?.detail;
    const told = shown ? `Live, masked${detail ? `. ${detail}.` : ""}` : `${cover.title}. ${cover.words}`;
    if (this.#progress.textContent !== told) {
      this.#progress.textContent = told;
      this.dispatchEvent(new CustomEvent("picture", { bubbles: true, detail: told }));
    }
  }

  /** The badge follows the progress of pictures, never what ought to be. */
  #freshness(cover: string, age: number): [level: string, text: string] {
    const seconds = Math.round(age / 1000);
    if (cover === "covered") return ["covered", "Covered"];
    if (this.#lost) return ["stale", "No picture"];
    if (age > STALE_MS) return ["stale", `No picture for ${seconds} s`];
    if (cover) return ["waiting", "Waiting"];
    if (age > LATE_MS) return ["late", `${seconds} s old`];
    return ["fresh", this.#state?.detail ? "Live, not confirmed" : "Live"];
  }

  #coverNow(now: number, age: number): Panel | null {
    if (this.#lost) return { kind: "lost", title: "No picture", words: this.#lost };
    if (!this.#state) return { kind: "waiting", title: "Waiting", words: "Waiting for the picture." };
    if (this.#state.cover !== null) {
      const { words, detail, since } = this.#state;
      const parts = [words, detail && `${detail}.`, `Since ${timeOfDay(since)}.`];
      this.#lastCover = { kind: "covered", title: "Covered", words: parts.filter(Boolean).join(" ") };
      return this.#lastCover;
    }
    // The play position has not passed the covered pictures yet.
    if (now < this.#uncoveredFrom && this.#lastCover) return this.#lastCover;
    if (age > STALE_MS) return { kind: "stale", title: "No picture", words: "Nothing new has arrived; the last picture is not shown." };
    if (this.#video.readyState < 2) return { kind: "waiting", title: "Waiting", words: "Waiting for the picture." };
    return null;
  }
}

function setText(element: Element | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}

customElements.define("c-live", LiveElement);
