// SPDX-License-Identifier: AGPL-3.0-or-later

/** A block of code with a button that copies it. */
class CopyElement extends HTMLElement {
  connectedCallback(): void {
    const source = this.querySelector("code");
    if (!source || !navigator.clipboard || this.querySelector("button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain copy";
    button.textContent = "Copy";
    button.addEventListener("click", () => {
      void navigator.clipboard.writeText(source.textContent ?? "").then(() => {
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
    });
    this.append(button);
  }
}

customElements.define("c-copy", CopyElement);
