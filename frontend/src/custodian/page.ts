// SPDX-License-Identifier: AGPL-3.0-or-later
// The custodian's keys in the page. While they are open, pages are fetched into this one, so that they stay.
import { type Draft, Keys } from "./answer";
import { Problem, type Json } from "./bytes";
import { openKeyFile } from "./keyfile";

interface Wanted {
  kind: string;
  signer: string;
  bodies: { [name: string]: Json }[];
}

class CustodianKeysElement extends HTMLElement {
  #keys: Keys | null = null;
  #said = document.createElement("output");

  connectedCallback(): void {
    this.#askForFiles();
    document.addEventListener("click", (event) => this.#follow(event));
    document.addEventListener("submit", (event) => this.#answer(event));
    addEventListener("popstate", () => void this.#act(() => this.#show(location.pathname, false)));
  }

  get #base(): string {
    return this.getAttribute("base") ?? "/";
  }

  #askForFiles(): void {
    const form = document.createElement("form");
    const identity = input("file", "identity.key");
    const wrapping = input("file", "All keys of the folder wrapping");
    const passphrase = input("password", "Passphrase, if they have one");
    identity.control.required = true;
    wrapping.control.multiple = true;
    passphrase.control.autocomplete = "off";
    const button = document.createElement("button");
    button.textContent = "Open keys in this page";
    form.append(identity.label, wrapping.label, passphrase.label, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      button.disabled = true;
      const files = [...(identity.control.files ?? []), ...(wrapping.control.files ?? [])];
      void this.#act(() => this.#open(files, passphrase.control)).finally(() => (button.disabled = false));
    });
    this.replaceChildren(form, this.#said);
  }

  async #open(files: File[], passphrase: HTMLInputElement): Promise<void> {
    this.#say("Opening: this takes a moment, for whoever tries to guess as well.");
    const opened = [];
    for (const file of files) opened.push(await openKeyFile(file, passphrase.value));
    passphrase.value = "";
    const keys = await Keys.open(opened);
    this.#keys = keys;
    try {
      await this.#show(location.pathname, false);
    } catch (problem) {
      this.#keys = null;
      throw problem;
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "plain";
    close.textContent = "Close keys";
    close.addEventListener("click", () => location.reload());
    this.replaceChildren(this.#said, close);
    const others = `${keys.count} wrapping key${keys.count === 1 ? "" : "s"}`;
    this.#say(`Open in this page: your identity key and ${others}. Closing or reloading the page forgets them.`);
  }

  /** Run what a person has asked for, and say what went wrong. */
  async #act(what: () => Promise<void>): Promise<void> {
    this.toggleAttribute("busy", true);
    try {
      await what();
    } catch (problem) {
      if (!(problem instanceof Problem)) console.error(problem);
      this.#say(problem instanceof Problem ? problem.message : "That did not work; nothing was handed in.", true);
    } finally {
      this.toggleAttribute("busy", false);
    }
  }

  #say(line: string, wrong = false): void {
    this.#said.textContent = line;
    this.#said.classList.toggle("wrong", wrong);
    this.#said.role = wrong ? "alert" : "status";
  }

  #follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!this.#keys || !link?.pathname.startsWith(this.#base) || link.hash || !plain) return;
    event.preventDefault();
    void this.#act(() => this.#show(link.pathname, true));
  }

  #answer(event: SubmitEvent): void {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-signs")) return;
    event.preventDefault();
    void this.#act(async () => {
      if (!this.#keys) throw new Problem("open your keys first");
      await this.#allow();
      this.#say("Opening your shares and wrapping them for the office.");
      const fields = new URLSearchParams();
      for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.append(name, value);
      const draft = (await this.#send(form.action, fields)) as unknown as Draft;
      const signed = await this.#keys.answer(draft);
      const done = await this.#send(form.action.replace(/[a-z]+$/, "signed"), signed);
      await this.#show(String(done.next).replace(/#.*/, ""), true);
      this.#say("Handed in.");
    });
  }

  /** Sign the statements that the program needs in order to ask the operator; each holds for five minutes. */
  async #allow(): Promise<void> {
    for (let turn = 0; turn < 2; turn++) {
      const wanted = (await this.#send(`${this.#base}access`)) as unknown as Wanted;
      if (!wanted.bodies.length || !this.#keys) return;
      const signed = [];
      for (const body of wanted.bodies) {
        signed.push(await this.#keys.answer({ kind: wanted.kind, signer: wanted.signer, body }));
      }
      await this.#send(`${this.#base}access`, `{"signed":[${signed.join(",")}]}`);
    }
  }

  async #send(address: string, body?: BodyInit): Promise<{ [name: string]: Json }> {
    const response = await fetch(address, body === undefined ? {} : { method: "POST", body });
    const answer = (await response.json()) as { [name: string]: Json };
    if (!response.ok) throw new Problem(`${String(answer.error)}. Nothing was handed in.`);
    return answer;
  }

  /** Put another page's content in place of this one's. */
  async #show(path: string, forward: boolean): Promise<void> {
    if (this.#keys) await this.#allow();
    const page = await fetchPage(path);
    const found = page.getElementById("desk");
    if (!found) throw new Problem("the program does not answer as it should: is it still running?");
    const fresh = document.importNode(found, true);
    fresh.tabIndex = -1;
    document.getElementById("desk")?.replaceWith(fresh);
    fresh.focus({ preventScroll: true });
    document.title = page.title;
    if (forward) history.pushState(null, "", path);
    for (const button of document.querySelectorAll<HTMLButtonElement>("form[data-signs] button")) button.disabled = false;
    scrollTo(0, 0);
  }
}

function input(type: string, words: string): { label: HTMLLabelElement; control: HTMLInputElement } {
  const label = document.createElement("label");
  const control = document.createElement("input");
  control.type = type;
  label.append(words, control);
  return { label, control };
}

/** By XMLHttpRequest, which parses without a sink that the page's policy forbids. */
function fetchPage(path: string): Promise<Document> {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open("GET", path);
    asked.responseType = "document";
    asked.onload = () => (asked.responseXML ? resolve(asked.responseXML) : reject(new Problem("the program answers nothing")));
    asked.onerror = () => reject(new Problem("the program does not answer: is it still running?"));
    asked.send();
  });
}

customElements.define("c-custodian-keys", CustodianKeysElement);
