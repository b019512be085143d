(() => {
  "use strict";
  const field = document.getElementById("search");
  const told = document.getElementById("found");
  const toggle = document.getElementById("open-all");
  const folded = (text) => text.normalize("NFKC").toLowerCase();
  const rows = Array.from(document.querySelectorAll("details.example"), (row) => ({
    row,
    words: folded(row.textContent),
  }));
  const search = () => {
    const sought = folded(field.value).split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { row, words } of rows) {
      row.hidden = !sought.every((word) => words.includes(word));
      found += row.hidden ? 0 : 1;
    }
    told.textContent = sought.length ? `${found} of ${rows.length} rows` : "";
  };
  field.addEventListener("input", search);
  toggle.addEventListener("click", () => {
    const open = rows.some(({ row }) => !row.hidden && !row.open);
    for (const { row } of rows) {
      if (!row.hidden) row.open = open;
    }
  });
  document.getElementById("tools").hidden = false;
  search();
})();
