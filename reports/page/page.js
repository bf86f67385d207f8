(() => {
  // Sort by a column: numbers descending first, empty cells last, averages stay below.
  const value = (cell) => "sort" in cell.dataset ? (cell.dataset.sort === "" ? NaN : +cell.dataset.sort) : cell.textContent;
  const sort = (head) => {
    const table = head.closest("table"), body = table.tBodies[0];
    const column = head.cellIndex;
    const before = head.getAttribute("aria-sort");
    const text = [...body.rows].some((r) => typeof value(r.cells[column]) === "string");
    const down = before ? before === "ascending" : !text;
    for (const h of table.querySelectorAll("[aria-sort]")) h.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map((row, i) => ({ row, i, v: value(row.cells[column]), last: row.classList.contains("average") }));
    rows.sort((a, b) => {
      if (a.last || b.last) return a.last - b.last || a.i - b.i;
      if (text) return (a.v < b.v ? -1 : a.v > b.v ? 1 : 0) * (down ? -1 : 1) || a.i - b.i;
      if (isNaN(a.v) || isNaN(b.v)) return isNaN(a.v) - isNaN(b.v) || a.i - b.i;
      return (down ? b.v - a.v : a.v - b.v) || a.i - b.i;
    });
    body.append(...rows.map((r) => r.row));
  };
  for (const head of document.querySelectorAll("th.sort")) {
    head.addEventListener("click", () => sort(head));
    head.addEventListener("keydown", (e) => { if (e.key === "Enter") sort(head); });
  }

  const zoom = document.getElementById("zoom");
  for (const picture of document.querySelectorAll(".picture")) {
    picture.addEventListener("click", () => {
      zoom.querySelector("img").src = picture.querySelector("img").src;
      zoom.querySelector("img").alt = picture.title;
      zoom.querySelector("figcaption").textContent = picture.title;
      zoom.showModal();
    });
  }
  zoom.addEventListener("click", () => zoom.close());

  // A page opened from disk may have no storage.
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("anobench-theme"); } catch { return null; } };
  const store = (v) => { try { localStorage.setItem("anobench-theme", v); } catch { /* not kept */ } };
  if (stored()) root.dataset.theme = stored();
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    store(root.dataset.theme);
  });
})();
