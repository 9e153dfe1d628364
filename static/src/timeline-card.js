// The card beside a bar: fetched when it is wanted, kept as long as the bar stays the same.
const DELAY = 140; // milliseconds over a bar until its card comes
const GRACE = 180; // and to reach the card with the pointer

export class Card {
  constructor(tl) {
    this.tl = tl;
    this.box = tl.root.querySelector(".tl-card");
    this.known = new Map();
    tl.rows.addEventListener("pointerover", (event) => this.over(event));
    tl.rows.addEventListener("pointerout", (event) => event.target.closest(".b") && this.leave());
    tl.rows.addEventListener("focusin", (event) => {
      const bar = event.target.closest(".b");
      if (bar?.matches(":focus-visible")) this.show(bar);
    });
    tl.rows.addEventListener("focusout", () => this.leave());
    this.box.addEventListener("pointerenter", () => clearTimeout(this.timer));
    this.box.addEventListener("pointerleave", () => this.leave());
    tl.scroll.addEventListener("scroll", () => this.bar && this.put(), { passive: true });
  }

  over(event) {
    const bar = event.target.closest(".b");
    if (!bar || this.tl.busy || event.pointerType === "touch") return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(bar), DELAY);
  }

  leave() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.hide(), GRACE);
  }

  hide() {
    clearTimeout(this.timer);
    this.bar?.removeAttribute("aria-describedby");
    this.bar = null;
    this.box.hidden = true;
  }

  async show(bar) {
    if (this.tl.busy || !bar.isConnected) return;
    clearTimeout(this.timer);
    if (this.bar !== bar) this.hide();
    this.bar = bar;
    bar.setAttribute("aria-describedby", "tl-card");
    const id = bar.getAttribute("href").split("/").at(-1);
    const key = `${id} ${bar.dataset.s} ${bar.dataset.e} ${this.tl.live.tag}`;
    const waiting = document.createElement("p");
    waiting.textContent = bar.textContent;
    this.fill(this.known.get(key) ?? waiting.outerHTML);
    if (this.known.has(key)) return;
    try {
      const response = await fetch(this.tl.root.dataset.card + id, { redirect: "manual" });
      if (!response.ok) return;
      this.known.set(key, await response.text());
    } catch {
      return; // what the bar says itself stays
    }
    if (this.bar === bar) this.fill(this.known.get(key));
  }

  fill(html) {
    this.box.innerHTML = html;
    this.box.hidden = false;
    this.put();
  }

  put() {
    const bar = this.bar.querySelector("rect").getBoundingClientRect();
    const port = this.tl.scroll.getBoundingClientRect();
    if (bar.bottom < port.top + 42 || bar.top > port.bottom) return this.hide();
    const box = this.box.getBoundingClientRect();
    const left = Math.min(Math.max(bar.left, port.left + 8), window.innerWidth - box.width - 12);
    const below = bar.bottom + 8 + box.height < window.innerHeight;
    this.box.style.left = `${Math.max(left, 8)}px`;
    this.box.style.top = `${Math.max(below ? bar.bottom + 8 : bar.top - box.height - 8, 8)}px`;
    return undefined;
  }
}
