// The pointer: along an empty row it reserves, on a bar of one's own it moves or resizes.
import { commit, place, rowOf, span } from "./timeline-bars.js";

const GRIP = 8; // pixels at the ends of a bar that resize it
const SLACK = 4; // pixels until a press is a drag

export function drags(tl) {
  let drag = null;

  tl.rows.addEventListener("dragstart", (event) => event.preventDefault());
  tl.rows.addEventListener("pointerdown", (event) => {
    if (event.button || event.pointerType === "touch" || tl.busy || event.ctrlKey || event.metaKey) return;
    const bar = event.target.closest(".b");
    const lane = event.target.closest(".tl-lane");
    if (!lane || (bar && !bar.dataset.h)) return;
    const at = tl.scale.at(event.clientX);
    drag = { x: event.clientX, y: event.clientY, at, row: rowOf(lane), moved: false, bar };
    if (!bar) return;
    const box = bar.querySelector("rect").getBoundingClientRect();
    const grip = Math.min(GRIP, box.width / 3);
    drag.old = span(bar);
    drag.kind = event.clientX > box.right - grip ? "end"
      : bar.dataset.h === "end" ? null : event.clientX < box.left + grip ? "begin" : "move";
    if (!drag.kind) drag = null;
  });

  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    if (!drag.moved && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < SLACK) return;
    if (!drag.moved) begin();
    event.preventDefault();
    if (drag.bar) moveBar(event);
    else drawGhost(event);
  });
  window.addEventListener("pointerup", finish);
  window.addEventListener("pointercancel", () => giveUp());
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drag?.moved) giveUp();
  });

  function begin() {
    drag.moved = tl.busy = true;
    tl.card.hide();
    tl.root.classList.add(drag.bar ? `is-${drag.kind}` : "is-drawing");
    drag.bar?.classList.add("drag");
  }

  function moveBar(event) {
    const by = tl.scale.at(event.clientX) - drag.at;
    const [begin, end] = drag.old;
    const step = tl.scale.step;
    if (drag.kind === "move") {
      const from = tl.scale.snap(begin + by);
      place(tl, drag.bar, from, from + end - begin);
      aim(document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".tl-row"));
    } else if (drag.kind === "end") {
      place(tl, drag.bar, begin, Math.max(tl.scale.snap(end + by), begin + step));
    } else {
      place(tl, drag.bar, Math.min(tl.scale.snap(begin + by), end - step), end);
    }
    tl.say(tl.scale.span(...span(drag.bar)) + (drag.to ? ` on ${drag.to.dataset.node}` : ""));
  }

  function aim(row) {
    drag.to?.classList.remove("target");
    drag.to = row && row !== drag.row ? row : null;
    drag.to?.classList.add("target");
  }

  function drawGhost(event) {
    const [low, high] = [drag.at, tl.scale.at(event.clientX)].sort((a, b) => a - b);
    const from = Math.max(tl.scale.snap(low, Math.floor), 0);
    drag.range = [from, Math.min(Math.max(tl.scale.snap(high, Math.ceil), from + tl.scale.step), tl.scale.minutes)];
    tl.ghost(drag.row, ...drag.range, tl.scale.span(...drag.range));
  }

  async function finish(event) {
    const done = drag;
    if (!done) return;
    drag = null;
    if (!done.moved) return;
    window.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 50);
    clear(done);
    if (!done.bar) {
      tl.ghost(null);
      tl.busy = false;
      if (event.type === "pointerup") tl.reserve(done.row, ...done.range);
      return;
    }
    const [begin, end] = span(done.bar);
    if ((begin !== done.old[0] || end !== done.old[1] || done.to) && begin < end) {
      const nodes = done.to ? { from: done.row.dataset.node, to: done.to.dataset.node } : {};
      await commit(tl, done.bar, done.old, nodes);
    } else tl.say("");
    tl.free();
  }

  function giveUp() {
    if (!drag) return;
    const left = drag;
    drag = null;
    if (!left.moved) return;
    clear(left);
    if (left.bar) place(tl, left.bar, ...left.old);
    tl.ghost(null);
    tl.say("");
    tl.free();
  }

  function clear(done) {
    tl.root.classList.remove("is-move", "is-begin", "is-end", "is-drawing");
    done.bar?.classList.remove("drag");
    done.to?.classList.remove("target");
  }
}

function swallow(event) {
  event.preventDefault();
  event.stopPropagation();
}
