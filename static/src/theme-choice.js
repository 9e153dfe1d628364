// Light, dark or auto (what the system says), kept in this browser. Bootstrap and Tabler read data-bs-theme.
const KEY = "remas-theme";
export const CHOICES = ["light", "dark", "auto"];
export const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

export function chosen() {
  try {
    const kept = localStorage.getItem(KEY);
    return CHOICES.includes(kept) ? kept : "auto";
  } catch {
    return "auto"; // storage is switched off in this browser
  }
}

export function keep(choice) {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // then the choice lasts as long as the page
  }
}

export function apply(choice) {
  const theme = choice === "auto" ? (systemIsDark.matches ? "dark" : "light") : choice;
  document.documentElement.dataset.bsTheme = theme;
}
