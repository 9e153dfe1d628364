// <button data-copies="id" hidden> copies the value of a field; shown where that can be done.
const DONE_MS = 2000; // how long "Copied" stands

for (const button of document.querySelectorAll("[data-copies]")) {
  const field = document.getElementById(button.dataset.copies);
  field.addEventListener("focus", () => field.select());
  // Browsers have no clipboard for pages that came without encryption.
  if (navigator.clipboard) button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.textContent;
    try {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = text), DONE_MS);
    } catch {
      field.focus();
    }
  });
}
