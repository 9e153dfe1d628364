// The timeline. The server draws it, and without script it is whole; this makes it answer.
import { rowOf, take } from "./timeline-bars.js";
import { Card } from "./timeline-card.js";
import { drags } from "./timeline-drag.js";
import { keys } from "./timeline-keys.js";
import { Live } from "./timeline-live.js";
import { Scale, length } from "./timeline-scale.js";

const MOST = 32; // times the width of the window
const FACTOR = 1.5;
const LABEL = 24; // pixels that an hour on the axis needs

class Timeline {
  constructor(root) {
    this.root = root;
    this.scroll = root.querySelector(".tl-scroll");
    this.canvas = root.querySelector(".tl-canvas");
    this.rows = root.querySelector(".tl-rows");
    this.refused = root.querySelector(".tl-refused");
    this.mark = root.querySelector(".tl-mark");
    this.drawn = root.querySelector(".tl-ghost");
    this.scale = new Scale(root);
    this.busy = false; // a drag or a move is under way: nothing is swapped
    this.factor = 1;
    this.live = new Live(this);
    this.card = new Card(this);
    drags(this);
    keys(this);
    this.listen();
    this.ticks();
    this.tick();
    if (this.scroll.scrollWidth > this.scroll.clientWidth) this.inSight(this.scale.now, 0.15);
    this.live.start();
  }

  listen() {
    this.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1 : -1, event.clientX);
    }, { passive: false });
    this.root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.zoom) this.zoom(Number(button.dataset.zoom));
      if ("keys" in button.dataset) this.root.querySelector(".tl-keys").showModal();
      if ("close" in button.dataset) button.closest("dialog").close();
      if ("take" in button.dataset) take(this, button);
    });
    for (const dialog of this.root.querySelectorAll("dialog")) {
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
    this.scroll.addEventListener("pointermove", (event) => this.point(event));
    this.scroll.addEventListener("pointerleave", () => { this.mark.hidden = true; });
    new ResizeObserver(() => this.ticks()).observe(this.scroll);
    setInterval(() => this.tick(), 20000);
  }

  // The moment under the pointer stays under it.
  zoom(by, clientX) {
    const port = this.scale.axis.parentElement.firstElementChild.getBoundingClientRect();
    const box = this.scroll.getBoundingClientRect();
    const x = clientX ?? (port.right + box.right) / 2;
    const factor = Math.min(Math.max(this.factor * FACTOR ** by, 1), MOST);
    if (factor === this.factor) return by < 0 ? this.wider() : undefined;
    const minute = this.scale.at(x);
    this.factor = factor;
    this.canvas.style.setProperty("--zoom", factor);
    this.scroll.scrollLeft += this.scale.x(minute) - x;
    this.ticks();
    this.ghost(null);
    return undefined;
  }

  wider() {
    const spans = [...this.root.querySelectorAll("[data-span]")];
    spans[spans.findIndex((link) => link.dataset.span === this.root.dataset.view) + 1]?.click();
  }

  today() {
    const { now } = this.scale;
    if (now < 0 || now >= this.scale.minutes) this.root.querySelector('[data-go="today"]').click();
    else this.inSight(now, 0.3);
  }

  inSight(minute, where = null) {
    const [x, box] = [this.scale.x(minute), this.scroll.getBoundingClientRect()];
    const left = this.root.querySelector(".tl-corner").getBoundingClientRect().right;
    if (where === null && x >= left && x <= box.right - 12) return;
    this.scroll.scrollLeft += x - left - (box.right - left) * (where ?? 0.5);
  }

  ticks() {
    const hour = this.scale.pixelsAMinute * 60;
    this.scroll.dataset.ticks = [1, 3, 6, 12].find((every) => every * hour >= LABEL) ?? 0;
  }

  // The line of the present, and what has ended since.
  tick() {
    const { now } = this.scale;
    const line = this.root.querySelector(".tl-now line");
    line.setAttribute("x1", now);
    line.setAttribute("x2", now);
    line.setAttribute("visibility", now >= 0 && now < this.scale.minutes ? "visible" : "hidden");
  }

  point(event) {
    const minute = this.scale.snap(this.scale.at(event.clientX));
    const inside = rowOf(event.target) && event.target.closest(".tl-lane");
    this.mark.hidden = !inside || event.pointerType === "touch";
    if (this.mark.hidden) return;
    this.mark.textContent = this.scale.text(minute);
    this.mark.style.left = `${this.scale.x(minute) - this.canvas.getBoundingClientRect().left}px`;
    const bar = event.target.closest(".b[data-h]");
    if (!bar || this.busy) return;
    const box = bar.querySelector("rect").getBoundingClientRect();
    const grip = Math.min(8, box.width / 3);
    bar.classList.toggle("grip", event.clientX > box.right - grip
      || (bar.dataset.h === "both" && event.clientX < box.left + grip));
  }

  // What is being drawn, or the cursor of the keyboard.
  ghost(row, begin, end, text) {
    this.cursorShown = Boolean(row);
    this.drawn.hidden = !row;
    if (!row) return;
    const [box, canvas] = [row.getBoundingClientRect(), this.canvas.getBoundingClientRect()];
    const left = this.scale.x(begin) - canvas.left;
    Object.assign(this.drawn.style, {
      left: `${left}px`, top: `${box.top - canvas.top}px`, height: `${box.height}px`,
      width: `${Math.max(this.scale.x(end) - canvas.left - left, 2)}px`,
    });
    this.drawn.firstElementChild.textContent = text;
  }

  reserve(row, begin, end) {
    if (end <= this.scale.now) {
      this.say("This time has passed.", "bad");
      return;
    }
    const asked = new URLSearchParams({ nodes: row.dataset.node });
    const from = Math.max(begin, this.scale.now + 1);
    if (begin > this.scale.now) asked.set("earliest", this.scale.local(begin));
    asked.set("latest_end", this.scale.local(end));
    asked.set("duration", length(end - from));
    location.assign(`${this.root.dataset.new}?${asked}`);
  }

  say(text, kind = "", action = null) {
    const notice = this.root.querySelector(".tl-notice");
    notice.className = `tl-notice ${kind}`;
    notice.hidden = !text;
    notice.textContent = text;
    clearTimeout(this.quiet);
    if (kind === "good" || kind === "bad") this.quiet = setTimeout(() => { notice.hidden = true; }, 9000);
    if (!action) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm";
    button.textContent = action.text;
    button.addEventListener("click", () => { notice.hidden = true; action.act(); });
    notice.append(button);
  }

  state(text, stale) {
    this.root.classList.toggle("is-stale", stale);
    this.root.querySelector(".tl-state-text").textContent = text;
  }

  free() {
    this.busy = false;
    this.live.caughtUp();
  }
}

const root = document.querySelector(".tl");
if (root?.querySelector(".tl-rows")) new Timeline(root);
