// The form that answers while one types. htmx asks (see hx-trigger on #suggestions); here is what is around it:
// errors at the fields that were touched, what stands in the box meanwhile, and what it says when no answer comes.
const box = document.getElementById("suggestions");
const form = document.getElementById("ask") ?? document.getElementById("change");
const wish = document.getElementById("wish");
const touched = new Set();
let errors = {};

if (box && form && wish) begin();

function begin() {
  wish.addEventListener("input", (event) => {
    stale(true);
    // Whoever goes on typing in a field that was wrong sees at once when it is right.
    if (event.target.type === "checkbox") touched.add(event.target.name);
  });
  wish.addEventListener("focusout", ({ target }) => {
    if (!target.name || !(target.value || target.dataset.was)) return;
    target.dataset.was = "1";
    touched.add(target.name);
    showErrors();
  });
  box.addEventListener("htmx:before:request", () => {
    box.style.minHeight = `${box.offsetHeight}px`; // what is below stays where it is
    box.setAttribute("aria-busy", "true");
  });
  box.addEventListener("htmx:before:response", (event) => {
    const { raw } = event.detail.ctx.response;
    const state = stateOf(raw);
    if (!state) return;
    event.preventDefault(); // a whole page is no part of this one
    show(state);
  });
  box.addEventListener("htmx:after:swap", answered);
  box.addEventListener("htmx:error", (event) => {
    const late = event.detail.ctx?.request?.signal?.reason === "timeout";
    show(late ? "late" : "offline");
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-again]")) again();
  });
  addEventListener("online", () => box.querySelector(".answer-state-offline") && again());
  form.addEventListener("submit", named);
}

function again() {
  box.dispatchEvent(new Event("again"));
}

// Which state stands for an answer that is none; nothing for one that is.
function stateOf(response) {
  if (response.redirected) return "signed-out";
  if (response.ok) return "";
  return { 400: "old", 401: "signed-out", 429: "busy", 503: "busy" }[response.status] ?? "failed";
}

function show(name) {
  const template = document.querySelector(`template[data-state="${name}"]`);
  box.replaceChildren(template.content.cloneNode(true));
  errors = {}; // nobody has judged what is written now
  showErrors();
  settle();
}

function answered() {
  const told = box.querySelector(".live-errors");
  errors = told ? JSON.parse(told.dataset.errors) : {};
  showErrors();
  settle();
}

function settle() {
  stale(false);
  box.removeAttribute("aria-busy");
  box.style.minHeight = "";
}

// An offer for what is no longer written in the form cannot be pressed by mistake.
function stale(is) {
  box.classList.toggle("is-stale", is);
  box.inert = is;
}

function showErrors() {
  for (const field of wish.querySelectorAll("input[name]:not([type=checkbox])")) {
    const text = errors[field.name] && touched.has(field.name) ? errors[field.name] : "";
    mark(field, text);
  }
}

function mark(field, text) {
  const id = `${field.id}-live`;
  let note = document.getElementById(id);
  if (!text && !note) return;
  if (!note) {
    note = document.createElement("div");
    note.id = id;
    note.className = "invalid-feedback d-block";
    field.after(note);
    const described = field.getAttribute("aria-describedby");
    field.setAttribute("aria-describedby", [id, described].filter(Boolean).join(" "));
  }
  note.textContent = text;
  note.hidden = !text;
  note.classList.toggle("d-block", Boolean(text));
  field.classList.toggle("is-invalid", Boolean(text));
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

// To book, a name is needed; said here it costs no way to the server.
function named(event) {
  const name = form.elements.namedItem("name");
  if (event.submitter?.name !== "take" || !name || name.value.trim()) return;
  event.preventDefault();
  mark(name, "Give it a name, then book.");
  name.addEventListener("input", () => mark(name, ""), { once: true });
  name.focus();
}
