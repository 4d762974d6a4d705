// SPDX-License-Identifier: AGPL-3.0-or-later

const SAID_MS = 10_000;

/**
 * A form that hides pictures in which somebody is visible. Stays on the page and says what came of it; fires `hid`.
 * `at`: the moment of the recording that is on the screen (ms since 1970), null for the live picture.
 */
export class HideElement extends HTMLElement {
  at: () => number | null = () => null;
  #timer = 0;

  connectedCallback(): void {
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send(event.target as HTMLFormElement);
    });
  }

  async #send(form: HTMLFormElement): Promise<void> {
    const at = this.at();
    const body = new URLSearchParams(at === null ? {} : { at: String(Math.round(at)) });
    const response = await fetch(form.action, { method: "POST", body, headers: { accept: "text/plain" } }).catch(() => null);
    // Somebody else may have been faster: it is hidden all the same.
    const hidden = response?.ok || response?.status === 409;
    if (hidden) this.#say("Hidden from everybody. The steward will look.", SAID_MS);
    else this.#say(`Not hidden: ${response ? (await response.text()).trim() : "no connection to the server"}.`);
    this.dataset["failed"] = String(!hidden);
    if (hidden) this.dispatchEvent(new CustomEvent("hid", { bubbles: true }));
  }

  #say(words: string, lasting?: number): void {
    clearTimeout(this.#timer);
    const place = this.querySelector("output");
    if (place) place.textContent = words;
    if (lasting) this.#timer = window.setTimeout(() => this.#say(""), lasting);
  }
}

customElements.define("c-hide", HideElement);
