// The keyboard: a cursor that walks over bars and empty rows, and moves one's own.
import { address, barsOf, commit, place, rowOf, span } from "./timeline-bars.js";

export function keys(tl) {
  const cursor = { row: null, at: Math.max(0, Math.min(tl.scale.now, tl.scale.minutes)) };
  let pending = null; // a bar that was moved and waits for Enter

  const bar = () => document.activeElement?.closest?.(".tl-rows .b") ?? null;
  const rows = () => [...tl.rows.querySelectorAll(".tl-row")];

  tl.scroll.addEventListener("focusin", (event) => {
    const here = event.target.closest(".b");
    if (!here) return;
    tl.ghost(null);
    cursor.row = rowOf(here);
    const [begin, end] = span(here);
    if (cursor.at < begin || cursor.at >= end) cursor.at = Math.max(begin, 0);
  });
  tl.scroll.addEventListener("focusout", (event) => {
    if (pending && event.target === pending.bar && !tl.moving) giveUp();
    if (!tl.scroll.contains(event.relatedTarget)) tl.ghost(null);
  });
  tl.rows.addEventListener("pointerdown", (event) => {
    const row = event.target.closest(".tl-row");
    if (row) Object.assign(cursor, { row, at: tl.scale.snap(tl.scale.at(event.clientX), Math.floor) });
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, select, textarea, [popover]")) return;
    const act = inGrid(event) ? gridKey(event) : null;
    const done = act ?? pageKey(event);
    if (!done) return;
    event.preventDefault();
    done();
  });

  const inGrid = (event) => tl.scroll.contains(event.target) && (event.target === tl.scroll || bar());

  function gridKey(event) {
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.ctrlKey || event.metaKey) return null;
    if ((event.shiftKey || event.altKey) && (side || down)) {
      if (side) return () => nudge(event.altKey ? "end" : "move", side);
      return event.shiftKey ? () => otherRow(down) : null;
    }
    if (pending && event.key === "Enter") return confirm;
    if (pending && event.key === "Escape") return giveUp;
    if (pending && (side || down)) return () => tl.say("Enter to confirm the move, Escape to leave it.", "wait");
    if (side) return () => sideways(side);
    if (down) return () => upOrDown(down);
    if (event.key.toLowerCase() === "n") return reserve;
    if (event.key === "Escape") return () => { tl.card.hide(); tl.ghost(null); };
    return null;
  }

  function pageKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return null;
    const links = { "[": "left", "]": "right" };
    if (links[event.key]) return () => tl.root.querySelector(`[data-go="${links[event.key]}"]`).click();
    if (event.key.toLowerCase() === "t") return () => tl.today();
    if (event.key === "+" || event.key === "=") return () => tl.zoom(1);
    if (event.key === "-" || event.key === "−") return () => tl.zoom(-1);
    if (event.key === "?") return () => tl.root.querySelector(".tl-keys").showModal();
    if (event.key.toLowerCase() === "n") return reserve;
    return null;
  }

  const row = () => (cursor.row?.isConnected && cursor.row) || (cursor.row = firstInSight());

  function firstInSight() {
    const top = tl.scroll.getBoundingClientRect().top + 42;
    return rows().find((one) => one.getBoundingClientRect().bottom > top + 8) ?? rows()[0];
  }

  function sideways(side) {
    const [list, here] = [barsOf(row()), bar()];
    const from = here && list.indexOf(here);
    const ahead = here ? list[from + side]
      : side > 0 ? list.find((one) => span(one)[0] >= cursor.at)
        : list.findLast((one) => span(one)[0] < cursor.at);
    const target = tl.scale.snap(cursor.at + side * tl.scale.step);
    if (ahead && (here || Math.abs(span(ahead)[0] - cursor.at) <= tl.scale.step)) return focus(ahead);
    if (here) cursor.at = side > 0 ? Math.min(span(here)[1], tl.scale.minutes) : Math.max(span(here)[0], 0);
    show(row(), here ? cursor.at : target);
  }

  function upOrDown(by) {
    const list = rows();
    const next = bar() || tl.cursorShown ? list[list.indexOf(row()) + by] : row();
    if (!next) return;
    const near = barsOf(next).sort((a, b) => distance(a) - distance(b))[0];
    if (near) focus(near);
    else show(next, cursor.at);
  }

  function distance(one) {
    const [begin, end] = span(one);
    return Math.max(begin - cursor.at, cursor.at - end, 0);
  }

  function focus(one) {
    tl.ghost(null);
    tl.say("");
    one.focus({ preventScroll: true });
    one.querySelector("rect").scrollIntoView({ block: "nearest", inline: "nearest" });
    tl.card.show(one);
  }

  // The cursor on an empty place; what is read out is the notice.
  function show(target, at) {
    cursor.row = target;
    cursor.at = Math.min(Math.max(at, 0), tl.scale.minutes - tl.scale.step);
    tl.scroll.focus({ preventScroll: true });
    tl.card.hide();
    target.scrollIntoView({ block: "nearest" });
    tl.ghost(target, cursor.at, cursor.at + tl.scale.step, "");
    tl.inSight(cursor.at);
    tl.say(`${target.dataset.node}, ${tl.scale.text(cursor.at)}: N reserves from here.`);
  }

  function reserve() {
    const here = bar();
    if (!here && !cursor.row) {
      location.assign(tl.root.dataset.new); // nobody has pointed anywhere yet
      return;
    }
    const begin = here ? span(here)[1] : tl.scale.snap(cursor.at, Math.floor);
    tl.reserve(row(), begin, begin + Math.max(tl.scale.step, 60));
  }

  function nudge(kind, side) {
    const here = bar();
    if (!here?.dataset.h || (kind === "move" && here.dataset.h !== "both")) {
      tl.say(here ? "This one cannot be moved like that." : "There is no reservation here.", "bad");
      return;
    }
    pending ??= { bar: here, old: span(here), row: rowOf(here), to: null };
    tl.busy = true;
    const [begin, end] = span(here);
    const by = side * tl.scale.step;
    if (kind === "move") place(tl, here, begin + by, end + by);
    else place(tl, here, begin, Math.max(end + by, begin + tl.scale.step));
    tl.card.hide();
    tl.inSight(kind === "move" ? begin + by : end + by);
    sayPending();
  }

  function otherRow(by) {
    const here = bar();
    if (here?.dataset.h !== "both") return tl.say("This one cannot be moved like that.", "bad");
    pending ??= { bar: here, old: span(here), row: rowOf(here), to: null };
    tl.busy = true;
    const list = rows();
    const next = list[list.indexOf(pending.to ?? pending.row) + by];
    if (!next) return undefined;
    pending.to?.classList.remove("target");
    pending.to = next === pending.row ? null : next;
    pending.to?.classList.add("target");
    next.scrollIntoView({ block: "nearest" });
    return sayPending();
  }

  function sayPending() {
    pending.bar.classList.add("drag");
    const where = pending.to ? ` on ${pending.to.dataset.node}` : "";
    tl.say(`${tl.scale.span(...span(pending.bar))}${where}: Enter to confirm, Escape to leave it.`, "wait");
  }

  async function confirm() {
    const { bar: moved, old, row: from, to } = pending;
    clear();
    tl.say("Asking…", "wait");
    await commit(tl, moved, old, to ? { from: from.dataset.node, to: to.dataset.node } : {});
    tl.refocus = address(moved);
    tl.free();
  }

  function giveUp() {
    place(tl, pending.bar, ...pending.old);
    clear();
    tl.say("It stays where it was.");
    tl.free();
  }

  function clear() {
    pending.bar.classList.remove("drag");
    pending.to?.classList.remove("target");
    pending = null;
  }
}
