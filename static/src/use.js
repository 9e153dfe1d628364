// Parts that come after the page, and what they bring to be drawn: used against reserved, over time.
// The numbers stand in the tables as well.
import uPlot from "uplot";

const HEIGHT = 230;
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]; // steps of an axis for what has no parts
const drawn = new Map(); // places to what redraws and forgets them

for (const part of document.querySelectorAll(".use-part")) follow(part);
drawAll(document);
new MutationObserver(() => drawn.forEach(({ make }) => make())).observe(document.documentElement, {
  attributeFilter: ["data-bs-theme"],
});

function follow(part) {
  const broken = () => part.replaceChildren(part.parentElement.querySelector(".use-broken").content.cloneNode(true));
  part.addEventListener("htmx:before:request", () => part.setAttribute("aria-busy", "true"));
  part.addEventListener("htmx:before:response", (event) => {
    const { raw } = event.detail.ctx.response;
    if (raw.ok && !raw.redirected) return;
    event.preventDefault(); // a whole page is no part of this one
    done();
    broken();
  });
  part.addEventListener("htmx:after:swap", () => {
    done();
    forgetGone();
    drawAll(part);
  });
  part.addEventListener("htmx:error", () => {
    done();
    broken();
  });
  part.addEventListener("click", (event) => {
    if (event.target.closest(".use-again")) part.dispatchEvent(new Event("again"));
  });
  const done = () => part.removeAttribute("aria-busy");
  // Not htmx's own `load`: it might begin, and fail, before this file is there to hear of it.
  const begin = () => part.dispatchEvent(new Event("again"));
  if (part.hasAttribute("data-htmx-powered")) begin();
  else part.addEventListener("htmx:after:init", begin, { once: true });
}

// Where a part was opened as a page of its own there is nothing to follow: asking again is loading again.
document.addEventListener("click", (event) => {
  if (event.target.closest(".use-again") && !event.target.closest(".use-part")) location.reload();
});

function drawAll(within) {
  for (const place of within.querySelectorAll(".use-plot[data-plot]")) {
    if (!drawn.has(place)) drawn.set(place, draw(place, JSON.parse(place.dataset.plot)));
  }
}

function forgetGone() {
  for (const [place, { forget }] of drawn) {
    if (place.isConnected) continue;
    forget();
    drawn.delete(place);
  }
}

function draw(place, { from, to, times, zone, stepped, suffix, lines }) {
  const same = new Set(lines.map(({ reserved }) => reserved)).size === 1;
  const levels = same ? lines.slice(0, 1) : lines;
  // Two more places at the ends, so that what is reserved is drawn over all of the time.
  const x = [from, ...times.filter((at) => at > from && at < to), to];
  const at = new Map(times.map((time, i) => [time, i]));
  const data = [
    x,
    ...levels.map(({ reserved }) => x.map((_, i) => (i && i < x.length - 1 ? null : reserved))),
    ...lines.map(({ used }) => x.map((time) => (at.has(time) ? used[at.get(time)] : null))),
  ];
  let plot;

  function make() {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const quiet = colour("--remas-quiet");
    const plain = getComputedStyle(document.body).color; // its variable may be a function, which no canvas reads
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: quiet, font, gap: 8, grid: { stroke: colour("--remas-line"), width: 1 }, ticks: { show: false } };
    const hue = (node) => colour(`--remas-hue-${lines.indexOf(node)}`);
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        padding: [12, 8, 0, 0],
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
        scales: { x: { range: [from, to] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
        axes: [
          { ...axis, size: 46, grid: { show: false }, space: 70, values: [
            [86400, "{D} {MMM}", null, null, null, null, null, null, 1],
            [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
          ] },
          { ...axis, size: 52, values: (_, all) => all.map(text), ...(stepped && { incrs: WHOLE }) },
        ],
        legend: { markers: { dash: (_, i) => (i > levels.length ? "solid" : "dashed") } },
        cursor: { drag: { x: false, y: false }, y: false, points: { size: 6 } },
        series: [
          { value: (_, seconds) => (seconds == null ? "" : moment(seconds, zone)) },
          ...levels.map((node) => ({
            label: same ? "reserved" : `${node.node} reserved`,
            stroke: same ? plain : hue(node),
            width: 1.5,
            dash: [6, 4],
            spanGaps: true,
            points: { show: false },
            value: () => `${text(node.reserved)} ${suffix}`,
          })),
          ...lines.map((node) => ({
            label: node.node,
            stroke: hue(node),
            fill: lines.length === 1 ? `${hue(node)}26` : undefined,
            width: 1.75,
            paths: stepped ? uPlot.paths.stepped({ align: -1 }) : undefined,
            points: { show: times.length < 3, size: 6 },
            value: (_, value) => (value == null ? "" : `${text(value)} ${suffix}`),
          })),
        ],
      },
      data,
      place,
    );
  }

  // The arrow keys lead along the times, as the mouse does.
  place.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const now = plot.cursor.idx ?? (step > 0 ? -1 : x.length);
    const index = Math.min(Math.max(now + step, 0), x.length - 1);
    plot.setCursor({ left: plot.valToPos(x[index], "x"), top: 0 });
  });

  make();
  const resized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
  resized.observe(place);
  return {
    make,
    forget() {
      resized.disconnect();
      plot.destroy();
    },
  };
}

function moment(seconds, timeZone) {
  const parts = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat("en-GB", { ...parts, timeZone }).format(seconds * 1000);
}

function text(value) {
  return value.toLocaleString("en-GB", { maximumFractionDigits: value < 10 ? 2 : 1 }).replaceAll(",", "\u202f");
}
