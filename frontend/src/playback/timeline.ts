// SPDX-License-Identifier: AGPL-3.0-or-later
import { dateAndTime, dayOf, hourAndMinute, timeOfDay } from "../times";

export type SpanKind = "shown" | "covered" | "hidden" | "gap";

/** A stretch of the past; times in milliseconds since 1970. */
export interface Span {
  start: number;
  end: number;
  kind: SpanKind;
  cause: string;
  activity: number;
}

type Answer = { now: number; spans: [number, number, SpanKind, string, number][] };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SHORTEST = 20_000;
const LONGEST = 31 * 24 * HOUR;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
const CLICK_PX = 4;
const NAMES: Record<SpanKind, string> = { shown: "Masked video", covered: "Covered", hidden: "Hidden", gap: "Nothing recorded" };

/**
 * What there is to see, and where we are in it. Drag to move, wheel or pinch to zoom, click to go there, shift and drag
 * to select. Keys: arrows one second (with shift ten), page up and down one minute, plus and minus zoom, [ and ] mark.
 * Fires `seek` (ms) and `mark` ({ start?, end? }).
 */
export class TimelineElement extends HTMLElement {
  readonly #canvas = document.createElement("canvas");
  readonly #hint = document.createElement("span");
  #from = Date.now() - 10 * MINUTE;
  #to = Date.now() + 30_000;
  #now = Date.now();
  #position = Date.now();
  #spans: Span[] = [];
  #selection: [number, number] | null = null;
  #hover: number | null = null;
  #drag: { x: number; from: number; moved: boolean; selecting: number | null; wide: number } | null = null;
  readonly #pointers = new Map<number, number>();
  #timer = 0;
  #asking = 0;
  #frame = 0;
  readonly #colours = matchMedia("(prefers-color-scheme: dark)");
  readonly #redraw = (): void => this.#schedule();
  #resize: ResizeObserver | undefined;

  connectedCallback(): void {
    this.tabIndex = 0;
    this.setAttribute("role", "slider");
    this.setAttribute("aria-label", "Timeline: arrow keys move, plus and minus zoom, [ and ] mark a stretch");
    this.#hint.className = "timeline-hint";
    this.append(this.#canvas, this.#hint, this.#zoomButtons());
    this.#canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const over of ["pointerup", "pointercancel"] as const) {
      this.#canvas.addEventListener(over, (event) => this.#up(event, over === "pointerup"));
    }
    this.#canvas.addEventListener("pointerleave", () => this.#point(null));
    this.addEventListener("keydown", (event) => this.#key(event));
    this.#resize = new ResizeObserver(this.#redraw);
    this.#resize.observe(this);
    this.#colours.addEventListener("change", this.#redraw);
    this.#timer = window.setInterval(() => void this.#ask(), 3_000);
    void this.#ask();
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
    this.#resize?.disconnect();
    this.#colours.removeEventListener("change", this.#redraw);
  }

  /** Where the picture is; the view follows it. */
  set position(ms: number) {
    const wide = this.#to - this.#from;
    const visible = this.#position >= this.#from && this.#position <= this.#to;
    this.#position = ms;
    if (!this.#drag && visible && ms > this.#to - wide * 0.06) this.#view(ms - wide * 0.85, ms + wide * 0.15);
    this.#describe();
    this.#schedule();
  }

  /** Bring a moment into view. */
  show(ms: number): void {
    const wide = this.#to - this.#from;
    if (ms < this.#from || ms > this.#to) this.#view(ms - wide / 2, ms + wide / 2);
  }

  set selection(selection: [number, number] | null) {
    this.#selection = selection;
    this.#schedule();
  }

  /** Ask the server what there is now. */
  refresh(): Promise<void> {
    return this.#ask();
  }

  /** What is known of a moment. */
  spanAt(ms: number): Span | undefined {
    return this.#spans.find((span) => span.start <= ms && ms < span.end);
  }

  /** The first moment at or after `ms` of which there is video. */
  nextVideo(ms: number): number | undefined {
    const span = this.#spans.find((each) => each.end > ms && each.kind !== "gap");
    return span && Math.max(span.start, ms);
  }

  #zoomButtons(): HTMLElement {
    const group = document.createElement("div");
    group.className = "timeline-zoom";
    const add = (text: string, label: string, act: () => void) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain";
      button.textContent = text;
      button.setAttribute("aria-label", label);
      button.addEventListener("click", act);
      group.append(button);
    };
    add("+", "Zoom in", () => this.#zoom(0.5, this.#position));
    add("−", "Zoom out", () => this.#zoom(2, this.#position));
    for (const [text, label, wide] of [["10 min", "Show ten minutes", 10 * MINUTE], ["1 h", "Show an hour", HOUR], ["24 h", "Show a day", 24 * HOUR]] as const) {
      add(text, label, () => this.#view(this.#position - wide * 0.85, this.#position + wide * 0.15));
    }
    return group;
  }

  #view(from: number, to: number): void {
    const wide = Math.min(Math.max(to - from, SHORTEST), LONGEST);
    const end = Math.min((from + to) / 2 + wide / 2, this.#now + wide * 0.5);
    [this.#from, this.#to] = [end - wide, end];
    this.#schedule();
    clearTimeout(this.#asking);
    this.#asking = window.setTimeout(() => void this.#ask(), 120);
  }

  #zoom(factor: number, around: number): void {
    const centre = around >= this.#from && around <= this.#to ? around : (this.#from + this.#to) / 2;
    this.#view(centre - (centre - this.#from) * factor, centre + (this.#to - centre) * factor);
  }

  async #ask(): Promise<void> {
    if (document.hidden) return;
    const wide = this.#to - this.#from;
    const [start, end] = [Math.max(0, Math.floor(this.#from - wide / 2)), Math.ceil(this.#to + wide / 2)];
    const camera = this.getAttribute("camera") ?? "";
    const response = await fetch(`/operator/cameras/${camera}/timeline.json?start=${start}&end=${end}`).catch(() => null);
    if (!response?.ok) return;
    const answer = (await response.json()) as Answer;
    this.#now = answer.now;
    this.#spans = answer.spans.map(([from, to, kind, cause, activity]) => ({ start: from, end: to, kind, cause, activity }));
    this.#schedule();
  }

  #at(x: number): number {
    return this.#from + (x / Math.max(this.#canvas.clientWidth, 1)) * (this.#to - this.#from);
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (sideways) {
      const shift = this.#at(event.deltaX) - this.#from;
      this.#view(this.#from + shift, this.#to + shift);
    } else {
      this.#zoom(Math.exp(event.deltaY * 0.0015), this.#at(event.offsetX));
    }
  }

  #down(event: PointerEvent): void {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.offsetX);
    const wide = this.#spread();
    const selecting = event.shiftKey ? this.#at(event.offsetX) : null;
    this.#drag = { x: event.offsetX, from: this.#from, moved: this.#pointers.size > 1, selecting, wide };
  }

  #move(event: PointerEvent): void {
    this.#point(event.offsetX);
    const drag = this.#drag;
    if (!drag || !this.#pointers.has(event.pointerId)) return;
    this.#pointers.set(event.pointerId, event.offsetX);
    if (this.#pointers.size === 2) {
      const spread = this.#spread();
      const centre = [...this.#pointers.values()].reduce((sum, x) => sum + x, 0) / 2;
      if (spread > 10 && drag.wide > 10) this.#zoom(drag.wide / spread, this.#at(centre));
      drag.wide = spread;
      return;
    }
    if (Math.abs(event.offsetX - drag.x) > CLICK_PX) drag.moved = true;
    if (!drag.moved) return;
    if (drag.selecting !== null) {
      const [a, b] = [drag.selecting, this.#at(event.offsetX)];
      this.#mark({ start: Math.min(a, b), end: Math.max(a, b) });
    } else {
      const wide = this.#to - this.#from;
      const from = drag.from - ((event.offsetX - drag.x) / this.#canvas.clientWidth) * wide;
      this.#view(from, from + wide);
    }
  }

  #up(event: PointerEvent, finished: boolean): void {
    const drag = this.#drag;
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size === 0) this.#drag = null;
    if (drag && finished && !drag.moved && drag.selecting === null) this.#seek(this.#at(event.offsetX));
  }

  #spread(): number {
    const [a, b] = [...this.#pointers.values()];
    return a === undefined || b === undefined ? 0 : Math.abs(a - b);
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10_000 : 1_000;
    const acts: Record<string, () => void> = {
      ArrowLeft: () => this.#seek(this.#position - step),
      ArrowRight: () => this.#seek(this.#position + step),
      PageUp: () => this.#seek(this.#position - MINUTE),
      PageDown: () => this.#seek(this.#position + MINUTE),
      Home: () => this.#seek(this.#spans.find((span) => span.kind !== "gap")?.start ?? this.#from),
      End: () => this.#seek(this.#now),
      "+": () => this.#zoom(0.5, this.#position),
      "-": () => this.#zoom(2, this.#position),
      "[": () => this.#mark({ start: this.#position }),
      "]": () => this.#mark({ end: this.#position }),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #seek(ms: number): void {
    this.dispatchEvent(new CustomEvent("seek", { detail: Math.min(ms, this.#now) }));
  }

  #mark(detail: { start?: number; end?: number }): void {
    this.dispatchEvent(new CustomEvent("mark", { detail }));
  }

  #point(x: number | null): void {
    this.#hover = x;
    this.#schedule();
  }

  #describe(): void {
    const span = this.spanAt(this.#position);
    this.setAttribute("aria-valuemin", String(Math.round(this.#from / 1000)));
    this.setAttribute("aria-valuemax", String(Math.round(this.#to / 1000)));
    this.setAttribute("aria-valuenow", String(Math.round(this.#position / 1000)));
    this.setAttribute("aria-valuetext", `${dateAndTime(this.#position)}${span ? `, ${NAMES[span.kind]}` : ""}`);
  }

  #schedule(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.#canvas.width !== Math.round(width * ratio)) this.#canvas.width = Math.round(width * ratio);
    if (this.#canvas.height !== Math.round(height * ratio)) this.#canvas.height = Math.round(height * ratio);
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const styles = getComputedStyle(this);
    const colour = (name: string) => styles.getPropertyValue(name).trim();
    const x = (ms: number) => ((ms - this.#from) / (this.#to - this.#from)) * width;
    const [top, bottom] = [26, height - 6];
    this.#drawSpans(context, x, top, bottom, colour);
    this.#drawScale(context, x, width, height, top, colour, styles.fontFamily);
    if (this.#selection) {
      const [a, b] = this.#selection.map(x) as [number, number];
      context.fillStyle = colour("--select-fill");
      context.fillRect(a, top - 4, Math.max(b - a, 1), bottom - top + 8);
      context.fillStyle = colour("--select");
      for (const edge of [a, b]) context.fillRect(edge - 1, top - 4, 2, bottom - top + 8);
    }
    if (this.#now < this.#to) {
      context.fillStyle = colour("--line");
      context.fillRect(x(this.#now), top, 1, bottom - top);
    }
    const head = x(this.#position);
    context.fillStyle = colour("--ink");
    context.fillRect(head - 1, top - 8, 2, bottom - top + 12);
    context.beginPath();
    context.arc(head, top - 8, 4.5, 0, 2 * Math.PI);
    context.fill();
    this.#drawHint(width);
  }

  #drawSpans(context: CanvasRenderingContext2D, x: (ms: number) => number, top: number, bottom: number, colour: (name: string) => string): void {
    context.fillStyle = colour("--track");
    context.fillRect(0, top, this.#canvas.clientWidth, bottom - top);
    for (const span of this.#spans) {
      const [a, b] = [x(span.start), x(span.end)];
      if (b < 0 || a > this.#canvas.clientWidth || span.kind === "gap") continue;
      const wide = Math.max(b - a, 1);
      context.fillStyle = colour({ shown: "--shown-fill", covered: "--covered-fill", hidden: "--covered-line" }[span.kind]);
      context.fillRect(a, top, wide, bottom - top);
      if (span.kind === "covered") {
        hatch(context, a, top, wide, bottom - top, colour("--covered-line"));
      } else if (span.kind === "shown") {
        const tall = (bottom - top) * (0.16 + 0.28 * span.activity);
        context.fillStyle = colour("--shown-line");
        context.fillRect(a, bottom - tall, wide, tall);
      }
    }
  }

  #drawScale(context: CanvasRenderingContext2D, x: (ms: number) => number, width: number, height: number, top: number, colour: (name: string) => string, font: string): void {
    const wanted = ((this.#to - this.#from) / width) * 92;
    const step = (STEPS.find((seconds) => seconds * 1000 >= wanted) ?? 604_800) * 1000;
    const zone = new Date(this.#from).getTimezoneOffset() * MINUTE;
    context.font = `12px ${font}`;
    context.textBaseline = "top";
    for (let at = Math.ceil((this.#from - zone) / step) * step + zone; at < this.#to; at += step) {
      const midnight = (at - zone) % (24 * HOUR) === 0;
      context.fillStyle = colour("--line");
      context.fillRect(x(at), top - 6, 1, height - top);
      context.fillStyle = colour("--quiet");
      const text = midnight ? dayOf(at) : step < MINUTE ? timeOfDay(at) : hourAndMinute(at);
      context.fillText(text, x(at) + 4, 4);
    }
  }

  #drawHint(width: number): void {
    this.#hint.hidden = this.#hover === null;
    if (this.#hover === null) return;
    const ms = this.#at(this.#hover);
    const span = this.spanAt(ms);
    this.#hint.textContent = `${timeOfDay(ms)}${span ? ` · ${span.kind === "shown" ? NAMES.shown : span.cause || NAMES[span.kind]}` : ""}`;
    const half = this.#hint.offsetWidth / 2;
    this.#hint.style.left = `${Math.min(Math.max(this.#hover, half), width - half)}px`;
  }
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, colour: string): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  const first = Math.floor((x - height) / 7) * 7;
  for (let at = Math.max(first, -height - 7); at < Math.min(x + width, context.canvas.clientWidth); at += 7) {
    context.moveTo(at, y + height);
    context.lineTo(at + height, y);
  }
  context.stroke();
  context.restore();
}

customElements.define("c-timeline", TimelineElement);
