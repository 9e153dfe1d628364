// Bars: reading them, putting them elsewhere, and asking the server whether that holds.

export const span = (bar) => [Number(bar.dataset.s), Number(bar.dataset.e)];
export const rowOf = (element) => element.closest(".tl-row");
export const address = (bar) => bar.getAttribute("href");
export const barsOf = (row) =>
  [...row.querySelectorAll(".b")].sort((a, b) => a.dataset.s - b.dataset.s);

export function place(tl, bar, begin, end) {
  const all = tl.rows.querySelectorAll(`.b[href="${address(bar)}"]`);
  const [from, to] = [Math.max(begin, 0), Math.min(end, tl.scale.minutes)];
  for (const one of all) {
    one.dataset.s = begin;
    one.dataset.e = end;
    const box = one.firstElementChild;
    box.setAttribute("x", `${(100 * from) / tl.scale.minutes}%`);
    box.setAttribute("width", `${Math.max((100 * (to - from)) / tl.scale.minutes, 0)}%`);
  }
  return all;
}

// Waits for the server's word; gives whether the bar is where it was put.
export async function commit(tl, bar, old, target = {}) {
  const [begin, end] = span(bar);
  const id = Number(address(bar).split("/").at(-1));
  const marked = place(tl, bar, begin, end);
  marked.forEach((one) => one.classList.add("wait"));
  const body = {
    begin: tl.scale.origin + begin, end: tl.scale.origin + end,
    version: Number(bar.dataset.v), ...target,
  };
  const answer = await send(tl, id, body);
  marked.forEach((one) => one.classList.remove("wait"));
  if (!answer.done) place(tl, bar, ...old);
  else marked.forEach((one) => { one.dataset.v = answer.version; }); // for a next move before the rows come
  tell(tl, id, answer);
  return answer.done;
}

export async function take(tl, button) {
  const id = Number(button.dataset.reservation);
  button.disabled = true;
  const answer = await send(tl, id, { take: button.dataset.take });
  if (answer.done) tl.refused.close();
  tell(tl, id, answer);
}

async function send(tl, id, body) {
  try {
    const response = await fetch(tl.root.dataset.card + id, {
      method: "POST", redirect: "manual",
      headers: { "Content-Type": "application/json", "X-CSRFToken": tl.root.dataset.token },
      body: JSON.stringify(body),
    });
    if (response.headers.get("Content-Type")?.startsWith("application/json")) return response.json();
    return { done: false, text: "This page is too old. Reload it, and sign in if you are asked to." };
  } catch {
    return { done: false, text: "The server does not answer: it stays where it was." };
  }
}

function tell(tl, id, answer) {
  if (answer.panel) {
    tl.refused.querySelector(".tl-refused-text").innerHTML = answer.panel;
    if (!tl.refused.open) tl.refused.showModal();
    tl.say("");
  } else {
    tl.say(answer.text, answer.done ? "good" : "bad", answer.done && answer.back && {
      text: "Undo",
      act: async () => {
        const [begin, end] = answer.back;
        const back = await send(tl, id, { begin, end, version: answer.version });
        tell(tl, id, { ...back, back: null });
      },
    });
  }
  if (answer.done || !answer.panel) tl.live.refresh();
}
