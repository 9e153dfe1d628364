// What every page loads, as a module.
import "htmx.org";
import "./copy.js";
import "./timeline.js";
import { apply, chosen, keep, systemIsDark } from "./theme-choice.js";

// <button type="button" data-theme-choice="light|dark|auto"> anywhere chooses the theme.
const buttons = () => document.querySelectorAll("[data-theme-choice]");
let choice = chosen();

function show() {
  apply(choice);
  for (const button of buttons()) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (!button) return;
  choice = button.dataset.themeChoice;
  keep(choice);
  show();
});
systemIsDark.addEventListener("change", show);
show();

// A form control with data-submits sends its form when it changes; the button for that can go.
document.documentElement.classList.add("scripted");
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});
