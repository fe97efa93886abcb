
"use strict";
for (const filters of document.querySelectorAll(".filters")) {
  const rows = [...filters.parentElement.querySelectorAll(".row")];
  const buttons = [...filters.querySelectorAll("button")];
  const words = filters.querySelector("input");
  const told = filters.querySelector("output");
  let state = "";
  const show = () => {
    const wanted = words.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = (!state || row.dataset.state === state) &&
        (!wanted || row.textContent.toLowerCase().includes(wanted));
      row.hidden = !fits;
      shown += fits;
    }
    told.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      state = button.dataset.state;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      show();
    });
  }
  words.addEventListener("input", show);
  filters.hidden = false;
}
addEventListener("beforeprint", () => {
  for (const row of document.querySelectorAll("details")) row.open = true;
});
