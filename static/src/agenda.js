// The calendar page: FullCalendar over the JSON of /calendar/events, in the person's zone.
import { Calendar } from "fullcalendar";
import dayGrid from "fullcalendar/daygrid";
import interaction from "fullcalendar/interaction";
import list from "fullcalendar/list";
import classic from "fullcalendar/themes/classic";
import timeGrid from "fullcalendar/timegrid";

const place = document.getElementById("agenda");
const said = document.getElementById("agenda-said");
const { events, zone, view, on, nodes, token } = place.dataset;
const VIEWS = { month: "dayGridMonth", week: "timeGridWeek", day: "timeGridDay", list: "fortnight" };
const LOOK_AGAIN = 30_000; // ms between looks for what others changed
const narrow = matchMedia("(max-width: 767px)").matches;
const shortDay = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", timeZone: zone });
const clock = { hour: "2-digit", minute: "2-digit", hour12: false };
let known = { url: "", etag: "", found: [] };
let busy = false; // something is being dragged: nothing is to move under the hand

const calendar = new Calendar(place, {
  plugins: [classic, dayGrid, timeGrid, list, interaction],
  timeZone: zone,
  initialView: VIEWS[view] ?? (narrow ? VIEWS.list : VIEWS.week),
  initialDate: on || undefined,
  locale: "en-GB",
  firstDay: 1,
  height: "auto",
  headerToolbar: { start: "prev,next today", center: "title", end: Object.values(VIEWS).join(",") },
  buttons: {
    today: { text: "Today", hint: "Today" },
    dayGridMonth: { text: "Month" },
    timeGridWeek: { text: "Week" },
    timeGridDay: { text: "Day" },
    fortnight: { text: "List" },
  },
  views: {
    dayGrid: { displayEventEnd: false },
    timeGrid: { allDaySlot: false, titleFormat: { year: "numeric", month: "long", day: "numeric" }, slotDuration: "01:00", eventMinHeight: 22 },
    // From today on: what is over is in the other views.
    fortnight: { type: "list", duration: { days: 14 }, eventContent: told },
  },
  scrollTime: "07:00",
  nowIndicator: true,
  navLinks: true,
  // What is heard holds what is seen; a day's cell is named by what is in it.
  navLinkHint: (text, date) => `${shortDay.format(date)}, ${text}`,
  dayCellDidMount: ({ el }) => el.removeAttribute("aria-label"),
  dayMaxEvents: 4,
  eventTimeFormat: clock,
  slotHeaderFormat: clock,
  displayEventEnd: true,
  slotEventOverlap: false,
  noEventsContent: "Nothing is reserved in these days.",
  selectable: true,
  selectMirror: true,
  snapDuration: "00:15",
  longPressDelay: 500,
  eventClass: (info) => classes(info.event, info.view.type === VIEWS.list),
  eventDidMount: ({ el, event }) => describe(el, event),
  events: load,
  select: ask,
  eventDragStart: () => (busy = true),
  eventDragStop: () => (busy = false),
  eventResizeStart: () => (busy = true),
  eventResizeStop: () => (busy = false),
  eventDrop: moved,
  eventResize: moved,
  loading: (is) => place.parentElement.classList.toggle("is-loading", is),
  datesSet: ({ view: shown, startStr }) => remember(shown, startStr),
});
calendar.render();
setInterval(() => document.hidden || busy || calendar.refetchEvents(), LOOK_AGAIN);

function classes(event, inList) {
  const { status, mine } = event.extendedProps;
  return [inList ? "agenda-row" : "agenda-event", `agenda-${status}`, mine ? "agenda-mine" : "agenda-others"].join(" ");
}

// In the list there is room for who holds what.
function told({ event, timeText }) {
  const { owner, what, mine, status } = event.extendedProps;
  const time = Object.assign(document.createElement("span"), { className: "agenda-time", textContent: timeText });
  const title = Object.assign(document.createElement("span"), { className: "agenda-title", textContent: event.title });
  const more = Object.assign(document.createElement("span"), {
    className: "agenda-more",
    textContent: [status, mine ? "" : owner, what].filter(Boolean).join(" · "),
  });
  const all = Object.assign(document.createElement("div"), { className: "agenda-told" });
  all.append(time, title, more);
  return { domNodes: [all] };
}

function describe(element, event) {
  const { owner, what, status, mine } = event.extendedProps;
  if (!what) return; // the shadow of what is being drawn
  element.title = `${event.title} (${status})\n${mine ? "" : `${owner}\n`}${what}`;
}

// `[start, end)` as moments; asked with what is known, so that nothing new costs nothing.
async function load({ start, end }) {
  const url = `${events}&${new URLSearchParams({ start: start.toISOString(), end: end.toISOString() })}`;
  const headers = known.url === url ? { "If-None-Match": known.etag } : {};
  try {
    const answer = await fetch(url, { headers, cache: "no-store" });
    if (answer.redirected) throw new Error("You are no longer signed in. Load the page again.");
    if (answer.status === 304) return known.found;
    if (!answer.ok) throw new Error(`The server answered with ${answer.status}.`);
    known = { url, etag: answer.headers.get("ETag"), found: await answer.json() };
    said.querySelector(".alert-danger")?.remove();
    return known.found;
  } catch (error) {
    const away = error instanceof TypeError;
    trouble(away ? "The server cannot be reached. What you see may be old." : error.message);
    return known.found;
  }
}

function trouble(text) {
  const [note] = tell("agenda-trouble", "The calendar could not be read.");
  note.querySelector(".notice-text").textContent = text;
}

function tell(template, title) {
  const part = document.getElementById(template).content.cloneNode(true);
  const note = part.firstElementChild;
  note.querySelector(".notice-title").textContent = title;
  said.replaceChildren(note);
  return [note];
}

said.addEventListener("click", ({ target }) => {
  if (target.closest("[data-close]")) said.replaceChildren();
  if (target.closest("[data-reload]")) calendar.refetchEvents();
});

// Empty time was chosen: the form, filled in.
function ask({ start, end, allDay }) {
  const minutes = Math.round((end - start) / 60_000);
  const wish = new URLSearchParams({ earliest: start.toISOString().replace(/\.\d+Z$/, "+00:00") });
  if (!allDay) wish.set("duration", `${minutes} min`);
  else wish.set("latest_end", end.toISOString().replace(/\.\d+Z$/, "+00:00"));
  if (nodes) wish.set("nodes", nodes);
  location.href = `${place.dataset.new}?${wish}`;
}

async function moved(change) {
  const { event, revert } = change;
  const body = { starts_at: event.start.toISOString(), ends_at: event.end.toISOString() };
  await send(event.extendedProps.move, body, revert);
}

async function send(url, body, revert) {
  let answer;
  try {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    if (response.redirected) throw new Error("You are no longer signed in. Load the page again.");
    answer = await response.json();
  } catch (error) {
    revert?.();
    const known = error.message?.startsWith("You");
    tell("agenda-refused", known ? error.message : "The server did not answer. Nothing was moved.");
    return;
  }
  if (answer.ok) {
    tell("agenda-moved", answer.text);
    calendar.refetchEvents();
    return;
  }
  revert?.();
  refuse(url, answer);
}

// The server's word: why not, and where it would fit.
function refuse(url, answer) {
  const [note] = tell("agenda-refused", answer.refusal);
  const reasons = note.querySelector(".agenda-reasons");
  reasons.append(...answer.reasons.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  const offers = note.querySelector(".agenda-offers");
  for (const offer of answer.offers) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-sm btn-primary";
    button.textContent = `Move to ${offer.text}${offer.note ? `: ${offer.note}` : ""}`;
    button.addEventListener("click", () => send(url, { take: offer.take }));
    offers.append(button);
  }
}

// View and day stand in the address, so that a reload or the filter keeps them.
function remember(shown, startStr) {
  const name = Object.keys(VIEWS).find((key) => VIEWS[key] === shown.type);
  const day = (shown.type === VIEWS.month ? shown.currentStart.toISOString() : startStr).slice(0, 10);
  const now = { view: name, on: shown.type === VIEWS.month ? middle(shown) : day };
  const address = new URL(location.href);
  for (const [key, value] of Object.entries(now)) {
    address.searchParams.set(key, value);
    keep(key, value);
  }
  history.replaceState(history.state, "", address);
}

// A day that is surely inside the month, whatever the zone.
function middle(shown) {
  return new Date((+shown.currentStart + +shown.currentEnd) / 2).toISOString().slice(0, 10);
}

function keep(name, value) {
  const form = document.getElementById("agenda-filter");
  const field = form.querySelector(`input[name="${name}"]`) ?? form.appendChild(document.createElement("input"));
  Object.assign(field, { type: "hidden", name, value });
}
