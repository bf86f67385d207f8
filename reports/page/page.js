(() => {
  const all = (selector, of = document) => [...of.querySelectorAll(selector)];

  // Sort by a column: numbers descending first, empty cells last, averages stay below.
  const value = (cell) => "sort" in cell.dataset ? (cell.dataset.sort === "" ? NaN : +cell.dataset.sort) : cell.textContent;
  const sort = (head) => {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const text = [...body.rows].some((r) => typeof value(r.cells[column]) === "string");
    const before = head.getAttribute("aria-sort");
    const down = before ? before === "ascending" : !text;
    for (const h of all("[aria-sort]", table)) h.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...body.rows].map((row, i) => ({ row, i, v: value(row.cells[column]), last: row.classList.contains("average") }));
    rows.sort((a, b) => {
      if (a.last || b.last) return a.last - b.last || a.i - b.i;
      if (text) return a.v.localeCompare(b.v) * (down ? -1 : 1) || a.i - b.i;
      if (isNaN(a.v) || isNaN(b.v)) return isNaN(a.v) - isNaN(b.v) || a.i - b.i;
      return (down ? b.v - a.v : a.v - b.v) || a.i - b.i;
    });
    body.append(...rows.map((r) => r.row));
  };
  for (const button of all(".sort")) button.addEventListener("click", () => sort(button.closest("th")));

  // One category, or all.
  const category = document.getElementById("category");
  const show = (name) => {
    for (const e of all("[data-category]")) e.hidden = name !== "" && e.dataset.category !== name;
  };
  category?.addEventListener("change", () => show(category.value));
  if (category?.value) show(category.value); // the browser remembers it

  // Pictures large: the picture, its mask, and what it is to be compared with.
  const zoom = document.getElementById("zoom"), panels = zoom.querySelector(".panels"), outline = zoom.querySelector("input");
  let current = null;
  const panel = (caption, ...content) => {
    const figure = document.createElement("figure"), frame = document.createElement("div"), text = document.createElement("figcaption");
    figure.className = "panel";
    frame.className = "frame";
    frame.append(...content);
    text.textContent = caption;
    figure.append(frame, text);
    panels.append(figure);
  };
  const solid = (svg) => {
    const copy = svg.cloneNode(true);
    copy.setAttribute("class", "solid");
    return copy;
  };
  const shown = () => all(".picture").filter((p) => !p.closest("[hidden]"));
  const open = (picture) => {
    current = picture;
    panels.replaceChildren();
    const image = (p) => all("img, .outline", p).map((e) => e.cloneNode(true));
    const mask = picture.querySelector(".outline"), nearest = picture.querySelector(".inset");
    const tested = picture.closest(".maps .strip")?.querySelector(".picture");
    const label = (p) => p.parentElement.querySelector("figcaption")?.textContent ?? "image";
    panel(label(picture), ...image(picture));
    if (mask) panel("mask", solid(mask));
    if (nearest) {
      const copy = solid(nearest);
      copy.setAttribute("viewBox", "0 0 1 1");
      panel("nearest training image", copy);
    }
    if (tested && tested !== picture) panel(label(tested), ...image(tested));
    panels.style.setProperty("--count", panels.children.length);
    const pictures = shown();
    zoom.querySelector(".place").textContent = `${pictures.indexOf(picture) + 1} of ${pictures.length}`;
    document.getElementById("zoom-caption").textContent = picture.title;
    if (!zoom.open) zoom.showModal();
    history.replaceState(null, "", "#" + encodeURIComponent(picture.id));
  };
  const step = (by) => {
    const pictures = shown();
    open(pictures[(pictures.indexOf(current) + by + pictures.length) % pictures.length]);
  };
  for (const picture of all(".picture")) picture.addEventListener("click", () => open(picture));
  outline.addEventListener("change", () => panels.classList.toggle("plain", !outline.checked));
  for (const button of all("[data-step]", zoom)) button.addEventListener("click", () => step(+button.dataset.step));
  zoom.addEventListener("keydown", (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (by) {
      e.preventDefault();
      step(by);
    }
  });
  zoom.addEventListener("click", (e) => { if (e.target === zoom || e.target.closest(".close")) zoom.close(); });
  zoom.addEventListener("close", () => {
    history.replaceState(null, "", location.pathname + location.search);
    current.focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  });

  // A link may lead to a picture, and to what the chosen category hides.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest("[hidden]") && category) {
      category.value = "";
      show("");
      target.scrollIntoView();
    }
    if (target?.matches(".picture")) open(target);
  };
  addEventListener("hashchange", follow);
  follow();

  // What a title says, also where there is no pointer to rest.
  const tip = document.getElementById("tip");
  const hide = () => { tip.hidden = true; };
  const tell = (e) => {
    const of = e.target.closest("td[title], td[data-tip], .confusion th, .chart g, .chart .line");
    if (!of) return hide();
    const title = of.querySelector("title");
    if (title || of.title) {
      of.dataset.tip = title ? title.textContent : of.title;
      of.removeAttribute("title");
      title?.remove();
    }
    if (!of.dataset.tip) return hide();
    tip.textContent = of.dataset.tip;
    tip.hidden = false;
    const at = of.matches(".line") ? { left: e.clientX, right: e.clientX, top: e.clientY - 6, bottom: e.clientY + 6 } : of.getBoundingClientRect();
    const left = (at.left + at.right - tip.offsetWidth) / 2;
    tip.style.left = Math.max(6, Math.min(left, innerWidth - tip.offsetWidth - 6)) + "px";
    tip.style.top = (at.top > tip.offsetHeight + 60 ? at.top - tip.offsetHeight - 6 : at.bottom + 6) + "px";
  };
  document.addEventListener("pointerover", (e) => { if (e.pointerType === "mouse") tell(e); });
  document.addEventListener("click", tell);
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") hide(); });

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
