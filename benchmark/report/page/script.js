"use strict";
// The page reads well without this: it sorts tables, shows one task at a time, and unfolds what is printed.

const missingLast = (one, other, sign) => {
  if (one === "" || other === "") return (one === "") - (other === "");
  return sign * (Number(one) - Number(other));
};

function sortBy(table, column, sign) {
  const body = table.tBodies[0];
  const key = (row) => row.cells[column].dataset.key;
  const rows = [...body.rows].sort((one, other) => missingLast(key(one), key(other), sign));
  body.append(...rows);
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    if (at === column) head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  });
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      sortBy(table, column, head.getAttribute("aria-sort") === "ascending" ? -1 : 1);
    });
    head.append(button);
  });
}

function showTask(select) {
  for (const panel of document.getElementById(select.dataset.of).children) {
    panel.classList.toggle("off", select.value !== "" && panel.dataset.task !== select.value);
  }
}

let folded = [];

function unfold() {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const one of folded) one.open = true;
}

function foldAgain() {
  for (const one of folded) one.open = false;
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
for (const select of document.querySelectorAll("select[data-of]")) {
  select.addEventListener("change", () => showTask(select));
  select.closest("[hidden]").hidden = false;
}
window.addEventListener("beforeprint", unfold);
window.addEventListener("afterprint", foldAgain);
