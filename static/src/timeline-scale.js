// Between pixels, minutes since the start of the range, and clocks in the person's zone.
const STEPS = [5, 15, 30, 60, 180, 360, 720];
const FINGER = 3; // a step is at least so many pixels

export class Scale {
  constructor(root) {
    this.origin = Number(root.dataset.origin); // minutes since 1970
    this.minutes = Number(root.dataset.minutes);
    this.axis = root.querySelector(".tl-days");
    this.format = new Intl.DateTimeFormat("en-GB", {
      timeZone: root.dataset.zone, hourCycle: "h23", weekday: "short", year: "numeric",
      month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
    });
    this.numbers = new Intl.DateTimeFormat("en-GB", {
      timeZone: root.dataset.zone, hourCycle: "h23", year: "numeric", month: "2-digit",
      day: "2-digit", hour: "2-digit", minute: "2-digit",
    });
  }

  get now() {
    return Math.floor(Date.now() / 60000) - this.origin;
  }

  get pixelsAMinute() {
    return this.axis.getBoundingClientRect().width / this.minutes;
  }

  get step() {
    return STEPS.find((step) => step * this.pixelsAMinute >= FINGER) ?? STEPS.at(-1);
  }

  at(clientX) {
    const box = this.axis.getBoundingClientRect();
    return ((clientX - box.left) / box.width) * this.minutes;
  }

  x(minute) {
    const box = this.axis.getBoundingClientRect();
    return box.left + (minute / this.minutes) * box.width;
  }

  // Days begin at midnight, and clocks change by whole steps: this snaps to what clocks show.
  snap(minute, round = Math.round) {
    return round(minute / this.step) * this.step;
  }

  parts(format, minute) {
    const parts = format.formatToParts(new Date((this.origin + minute) * 60000));
    return Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  }

  text(minute) {
    const p = this.parts(this.format, minute);
    return `${p.weekday} ${p.day} ${p.month}, ${p.hour}:${p.minute}`;
  }

  span(begin, end) {
    const [from, to] = [this.text(begin), this.text(end)];
    const sameDay = from.split(",")[0] === to.split(",")[0];
    return `${from} – ${sameDay ? to.split(", ")[1] : to}`;
  }

  local(minute) {
    const p = this.parts(this.numbers, minute);
    return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}`;
  }
}

export function length(minutes) {
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours ? `${hours}h` : "", rest ? `${rest}m` : ""].filter(Boolean).join(" ");
}
