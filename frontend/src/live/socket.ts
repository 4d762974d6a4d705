// SPDX-License-Identifier: AGPL-3.0-or-later
// One WebSocket for all live pictures of a page. The server logs a viewing from subscribe to unsubscribe.

/** A camera's state as the server tells it; `cover` is null where masked pictures are shown. */
export interface FeedState {
  cover: string | null;
  words: string;
  detail: string;
  since: number;
}

export interface InitSegment {
  codec: string;
  width: number;
  height: number;
  data: ArrayBuffer;
}

/** `start` in milliseconds since 1970, `duration` in milliseconds. */
export interface Fragment {
  start: number;
  duration: number;
  covered: boolean;
  data: ArrayBuffer;
}

export interface Listener {
  state(state: FeedState): void;
  init(init: InitSegment): void;
  fragment(fragment: Fragment): void;
  /** The camera's feed is not there: no connection, or refused. The next thing heard is a new start. */
  lost(words: string): void;
}

interface TextMessage {
  camera?: string;
  state?: FeedState;
  init?: Omit<InitSegment, "data">;
  error?: string;
}

const INIT = 1;
const FRAGMENT = 2;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;
const RENEW_MS = 3_000;
const SESSION_OVER = 4403;

class LiveSocket {
  readonly #listeners = new Map<string, Listener>();
  readonly #inits = new Map<string, Omit<InitSegment, "data">>();
  #socket: WebSocket | undefined;
  #retry = FIRST_RETRY_MS;
  #timer = 0;

  subscribe(camera: string, listener: Listener): void {
    this.#listeners.set(camera, listener);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#say({ subscribe: camera });
    else this.#connect();
  }

  unsubscribe(camera: string): void {
    if (!this.#listeners.delete(camera)) return;
    this.#inits.delete(camera);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#say({ unsubscribe: camera });
  }

  /** Ask for a new start: state, init segment, fragments from a key picture on. */
  renew(camera: string): void {
    const listener = this.#listeners.get(camera);
    if (!listener) return;
    this.unsubscribe(camera);
    this.subscribe(camera, listener);
  }

  #say(message: Record<string, string>): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #connect(): void {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/operator/live`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#retry = FIRST_RETRY_MS;
      for (const camera of this.#listeners.keys()) this.#say({ subscribe: camera });
    });
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") this.#text(JSON.parse(data) as TextMessage);
      else this.#binary(data);
    });
    socket.addEventListener("close", (event) => void this.#closed(event.code));
  }

  async #closed(code: number): Promise<void> {
    this.#socket = undefined;
    this.#inits.clear();
    const tell = (words: string) => this.#listeners.forEach((listener) => listener.lost(words));
    tell("No connection to the server. Trying again.");
    const over = code === SESSION_OVER || (await refused());
    if (over) tell("Your session has ended. Sign in again with a new link.");
    if (over || this.#listeners.size === 0 || this.#socket) return;
    this.#timer = window.setTimeout(() => this.#connect(), this.#retry);
    this.#retry = Math.min(this.#retry * 2, LAST_RETRY_MS);
  }

  #text(message: TextMessage): void {
    const listener = message.camera === undefined ? undefined : this.#listeners.get(message.camera);
    if (!listener || message.camera === undefined) return;
    if (message.state) listener.state(message.state);
    if (message.init) this.#inits.set(message.camera, message.init);
    if (message.error) {
      const camera = message.camera;
      listener.lost(`${message.error[0]?.toUpperCase() ?? ""}${message.error.slice(1)}.`);
      setTimeout(() => this.renew(camera), RENEW_MS);
    }
  }

  #binary(frame: ArrayBuffer): void {
    const view = new DataView(frame);
    const camera = String.fromCharCode(...new Uint8Array(frame, 1, 26));
    const listener = this.#listeners.get(camera);
    if (!listener) return;
    if (view.getUint8(0) === INIT) {
      const about = this.#inits.get(camera);
      if (about) listener.init({ ...about, data: frame.slice(27) });
    } else if (view.getUint8(0) === FRAGMENT) {
      listener.fragment({
        start: Number(view.getBigUint64(27)),
        duration: view.getUint32(35),
        covered: view.getUint8(39) === 1,
        data: frame.slice(40),
      });
    }
  }
}

/** A browser does not say why a WebSocket was refused: ask for something small behind the same door. */
async function refused(): Promise<boolean> {
  const response = await fetch("/operator/states.json").catch(() => null);
  return response?.status === 403;
}

export const liveSocket = new LiveSocket();
