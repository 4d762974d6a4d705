// SPDX-License-Identifier: AGPL-3.0-or-later

interface Recording {
  state: string;
  words: string;
  cause: string;
}

/** Keeps what is said about recording true: asks the server every five seconds while the page is seen. */
class WallElement extends HTMLElement {
  #timer = 0;

  connectedCallback(): void {
    this.#timer = window.setInterval(() => void this.#ask(), 5_000);
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    if (document.hidden) return;
    const response = await fetch(this.getAttribute("states") ?? "").catch(() => null);
    const states = response?.ok ? ((await response.json()) as Record<string, Recording>) : {};
    for (const place of this.querySelectorAll<HTMLElement>("[data-recording]")) {
      const state = states[place.dataset["recording"] ?? ""];
      place.dataset["state"] = state?.state ?? "unknown";
      place.textContent = state?.words ?? "Recorder not reached";
      place.title = state?.cause ?? "";
    }
  }
}

customElements.define("c-wall", WallElement);
