// Draws a report as bars, stacked where there are several series. The numbers stand in the table as well.
import uPlot from "uplot";

const place = document.getElementById("report-plot");
if (place) draw(place, JSON.parse(place.dataset.plot));

function draw(place, { bars, series, suffix }) {
  const HEIGHT = 290;
  const COLOURS = 6; // what comes after them is the rest
  const places = bars.map((_, i) => i);
  const tops = stack(series.map(({ hours }) => hours));
  let plot;

  function make() {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const quiet = colour("--remas-quiet");
    const line = colour("--remas-line");
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        padding: [12, 8, 0, 0],
        scales: { x: { time: false, range: [-0.5, bars.length - 0.5] }, y: { range: (_, __, most) => [0, nice(most)] } },
        axes: [
          { ...axis, size: 30, grid: { show: false }, splits: (u) => thinned(u.width), values: (_, at) => at.map((i) => short(bars[i])) },
          { ...axis, size: 64, values: (_, at) => at.map(text) },
        ],
        cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
        series: [
          { value: (_, i) => bars[i] ?? "" },
          // The tallest is drawn first, the others over it.
          ...series.map(({ name, hours }, i) => {
            const fill = colour(i < COLOURS ? `--remas-hue-${i}` : "--remas-rest");
            return {
              label: name,
              fill,
              stroke: fill,
              width: 0,
              paths: uPlot.paths.bars({ size: [0.72, 72] }),
              points: { show: false },
              value: (_, __, ___, at) => (at == null ? "" : `${text(hours[at])} ${suffix}`),
            };
          }),
        ],
      },
      [places, ...tops],
      place,
    );
  }

  // Labels that have room beside one another.
  function thinned(width) {
    const room = Math.max(1, Math.floor(width / 76));
    const step = Math.ceil(bars.length / room);
    return places.filter((i) => i % step === 0);
  }

  make();
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  new MutationObserver(make).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

// Each series on top of those after it, so that the first, drawn first, is the tallest.
function stack(rows) {
  const tops = rows.map((row) => [...row]);
  for (let i = tops.length - 2; i >= 0; i--) tops[i] = tops[i].map((hours, at) => hours + tops[i + 1][at]);
  return tops;
}

function nice(most) {
  if (!(most > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(most));
  return Math.ceil((most * 1.04) / (step / 4)) * (step / 4);
}

function short(label) {
  return label.length > 12 ? `${label.slice(0, 11)}…` : label;
}

function text(hours) {
  return hours.toLocaleString("en-GB", { maximumFractionDigits: hours < 10 ? 1 : 0 }).replaceAll(",", "\u202f");
}
