// SPDX-License-Identifier: AGPL-3.0-or-later
import { nameLocalTimes } from "../times";

/**
 * Fetches its page again every so many milliseconds and takes over what has changed: the element inside with the same id.
 * Rests while the page is hidden, and while somebody is selecting text or using a control inside.
 */
class RefreshElement extends HTMLElement {
  #timer = 0;

  connectedCallback(): void {
    this.#timer = window.setInterval(() => void this.#refresh(), Number(this.getAttribute("every") ?? 5000));
  }

  disconnectedCallback(): void {
    clearInterval(this.#timer);
  }

  async #refresh(): Promise<void> {
    const part = this.firstElementChild;
    if (!part?.id || document.hidden || this.#inUse()) return;
    const response = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (!response?.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(part.id);
    if (!fresh || this.#inUse()) return;
    const imported = document.importNode(fresh, true);
    nameLocalTimes(imported);
    reconcile(part, imported);
  }

  #inUse(): boolean {
    const selection = getSelection();
    return selection !== null && !selection.isCollapsed && this.contains(selection.anchorNode);
  }
}

/** Change `old` into `fresh` where they differ, child by child, so that focus and scroll positions stay. */
function reconcile(old: Element, fresh: Element): void {
  if (old.isEqualNode(fresh)) return;
  if (old.tagName !== fresh.tagName || fresh.childElementCount === 0 || old.childElementCount === 0) {
    old.replaceWith(fresh);
    return;
  }
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const name of fresh.getAttributeNames()) {
    const value = fresh.getAttribute(name) ?? "";
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const before = [...old.children].filter((child) => !child.matches("c-copy > button"));
  const after = [...fresh.children];
  const mixed = (node: Element) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent?.trim());
  if (mixed(old) || mixed(fresh)) {
    old.replaceChildren(...fresh.childNodes);
    return;
  }
  after.forEach((child, at) => {
    const counterpart = before[at];
    if (counterpart) reconcile(counterpart, child);
    else old.append(child);
  });
  for (const surplus of before.slice(after.length)) surplus.remove();
}

customElements.define("c-refresh", RefreshElement);
