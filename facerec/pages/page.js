"use strict";
// A button in each heading of a table sorts it: numbers by size, then words, then empty cells.
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(table, heading, column));
  });
}

function sort(table, heading, column) {
  const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  const body = table.tBodies[0];
  const sign = direction === "ascending" ? 1 : -1;
  const rows = Array.from(body.rows, (row) => [row.cells[column].textContent.trim(), row]);
  rows.sort(([first], [second]) => compare(first, second, sign));
  body.append(...rows.map(([, row]) => row));
}

function compare(first, second, sign) {
  if (!first || !second) return (first ? 0 : 1) - (second ? 0 : 1);
  const [one, other] = [number(first), number(second)];
  if (!isNaN(one) && !isNaN(other)) return sign * (one - other);
  if (isNaN(one) !== isNaN(other)) return isNaN(one) ? 1 : -1;
  return sign * first.localeCompare(second, "en", { numeric: true });
}

function number(text) {
  return Number(text.replace(/,/g, "").replace(/%$/, ""));
}
