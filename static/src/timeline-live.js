// The rest of the nodes after the first paint, and what others change, without moving anything.
import { address, rowOf } from "./timeline-bars.js";

const EVERY = 8000; // milliseconds between two questions
const BETWEEN = 150; // and between two parts at the beginning

export class Live {
  constructor(tl) {
    this.tl = tl;
    this.parts = [tl.root.dataset.rows];
    this.tag = `W/"${tl.root.dataset.tag}"`;
    this.written = new Map();
    this.waiting = false;
    this.good = new Date();
    this.adopt();
  }

  start() {
    setTimeout(() => this.more(), BETWEEN);
    setInterval(() => document.hidden || this.refresh(), EVERY);
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
    window.addEventListener("online", () => this.refresh());
  }

  // Rows as they came, to compare with; and one stop for Tab instead of thousands.
  adopt(rows = this.tl.rows.querySelectorAll(".tl-row")) {
    for (const row of rows) {
      if (!this.written.has(row)) this.written.set(row, row.outerHTML);
      for (const bar of row.querySelectorAll(".b")) bar.setAttribute("tabindex", "-1");
    }
  }

  async more() {
    const link = this.tl.rows.querySelector(".tl-more a");
    if (!link || this.failed) return;
    link.textContent = "Loading more nodes…";
    try {
      const response = await fetch(link.dataset.rows, { redirect: "manual" });
      if (!response.ok) throw new Error("no rows");
      this.parts.push(link.dataset.rows);
      const came = parse(await response.text());
      const rows = [...came.querySelectorAll(".tl-row")];
      link.parentElement.replaceWith(came);
      this.adopt(rows);
      setTimeout(() => this.more(), BETWEEN);
    } catch {
      link.textContent = "More nodes";
    }
  }

  async refresh() {
    if (this.asking) return;
    if (this.tl.busy) {
      this.waiting = true;
      return;
    }
    this.asking = true;
    try {
      const first = await fetch(this.parts[0], {
        headers: { "If-None-Match": this.tag }, cache: "no-store", redirect: "manual",
      });
      if (first.status === 304) return this.fresh();
      if (first.type === "opaqueredirect") return this.stale("You are signed out: reload the page to sign in.");
      if (!first.ok) return this.stale();
      const others = await Promise.all(this.parts.slice(1).map((part) => fetch(part, { redirect: "manual" })));
      if (others.some((one) => !one.ok)) return this.stale();
      const texts = await Promise.all([first, ...others].map((one) => one.text()));
      if (this.tl.busy) {
        this.waiting = true; // somebody began to drag meanwhile; ask again then
        return;
      }
      this.tag = first.headers.get("ETag") ?? this.tag;
      this.swap(texts.map(parse));
      this.fresh();
    } catch {
      this.stale();
    } finally {
      this.asking = false;
    }
  }

  caughtUp() {
    if (this.waiting) {
      this.waiting = false;
      this.refresh();
    }
  }

  swap(parts) {
    const rows = parts.flatMap((part) => [...part.querySelectorAll(".tl-row")]);
    if (!rows.length) return location.reload(); // the page says why there is nothing
    const focused = document.activeElement?.closest?.(".b");
    const kept = focused && [rowOf(focused).id, address(focused)];
    const present = new Map([...this.tl.rows.querySelectorAll(".tl-row")].map((row) => [row.id, row]));
    rows.forEach((row, i) => {
      const old = present.get(row.id);
      present.delete(row.id);
      const same = old && this.written.get(old) === row.outerHTML;
      const shown = same ? old : row;
      if (old && !same) {
        this.written.delete(old);
        old.replaceWith(row);
      }
      const there = this.tl.rows.querySelectorAll(":scope > .tl-row")[i];
      if (there !== shown) this.tl.rows.insertBefore(shown, there ?? this.tl.rows.querySelector(".tl-more"));
    });
    for (const gone of present.values()) gone.remove();
    this.adopt();
    if (kept && !focused.isConnected) this.refocus(...kept);
  }

  refocus(row, href) {
    const again = document.getElementById(row)?.querySelector(`.b[href="${href}"]`)
      ?? this.tl.rows.querySelector(`.b[href="${href}"]`);
    (again ?? this.tl.scroll).focus({ preventScroll: true });
  }

  fresh() {
    this.good = new Date();
    this.tl.state("Up to date", false);
  }

  stale(text) {
    const since = this.good.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: this.tl.root.dataset.zone });
    this.tl.state(text ?? `No answer from the server: this is as of ${since}. Trying again…`, true);
  }
}

function parse(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content;
}
