"use strict";
// Filter, sort, keyboard, and what is new. The page says the same without any of it.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const lower = (element) => element.textContent.toLowerCase();
  const isRow = (element) => element.tagName === "TR";

  // ---- Filter: every word must stand in the row, or in the heads of a cell's row and column.
  const words = byId("filter");
  const states = all("#states input");
  const found = byId("found");

  const filter = () => {
    if (!words) return;
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set(states.filter((box) => box.checked).map((box) => box.value));
    const fits = (text, state) => (!state || shown.has(state)) && wanted.every((word) => text.includes(word));
    const isAll = wanted.length === 0 && shown.size === states.length;
    let n = 0;
    let of = 0;
    for (const table of all("table.matrix")) {
      const pools = all("thead th", table).map(lower);
      for (const row of all("tbody tr", table)) {
        const receiver = lower(row.cells[0]);
        let isSeen = isAll;
        for (let place = 1; place < row.cells.length; place++) {
          const cell = row.cells[place];
          const state = cell.dataset.state;
          if (!state) continue;
          of++;
          const isFound = isAll || fits(`${receiver} ${pools[place]}`, state);
          cell.classList.toggle("dim", !isFound);
          if (isFound) { n++; isSeen = true; }
        }
        row.hidden = !isSeen;
      }
    }
    for (const row of all("tr[data-state], tr[data-text], section.pair")) {
      const text = isRow(row) ? lower(row) : row.dataset.text;
      row.hidden = !(isAll || fits(text, row.dataset.state));
    }
    found.textContent = isAll ? "" : `${n} of ${of} pairs are shown.`;
  };

  let isDue = false;
  const filterSoon = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => { isDue = false; filter(); });
  };

  // ---- Sort: by what a cell says, or by its data-value.
  const sortedBy = new Map();
  const value = (row, place) => {
    const cell = row.cells[place];
    return cell ? cell.dataset.value ?? cell.textContent : "";
  };
  const compare = (one, other) => {
    const difference = one === "" || other === "" ? NaN : Number(one) - Number(other);
    return Number.isNaN(difference) ? one.localeCompare(other, "en", { numeric: true }) : difference;
  };
  const sort = (table, place, isDown) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [value(row, place), row]);
    rows.sort((one, other) => (isDown ? compare(other[0], one[0]) : compare(one[0], other[0])));
    body.append(...rows.map((row) => row[1]));
    all("thead th", table).forEach((head, at) => {
      if (at === place) head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    sortedBy.set(table.id, [place, isDown]);
  };
  const makeSortable = () => {
    for (const table of all("table.sortable")) {
      all("thead th", table).forEach((head, place) => {
        if (head.querySelector("button")) return;
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        button.addEventListener("click", () => {
          const [last, wasDown] = sortedBy.get(table.id) ?? [];
          sort(table, place, last === place && !wasDown);
        });
        head.append(button);
      });
      const wanted = sortedBy.get(table.id);
      if (wanted) sort(table, ...wanted);
    }
  };

  // ---- Keyboard: one stop of the Tab key for a matrix, arrows inside.
  const isSeen = (link) => link && !link.closest("tr").hidden;
  const onlyStop = (link) => {
    for (const other of all("a[tabindex='0']", link.closest("table"))) other.tabIndex = -1;
    link.tabIndex = 0;
  };
  const makeWalkable = () => {
    for (const table of all("table.matrix")) {
      all("td a", table).forEach((link, n) => { link.tabIndex = n === 0 ? 0 : -1; });
    }
  };
  const step = (from, down, right) => {
    const cell = from.closest("td");
    let row = cell.parentElement;
    let place = cell.cellIndex;
    for (;;) {
      if (down) row = down > 0 ? row.nextElementSibling : row.previousElementSibling;
      place += right;
      const next = row && place > 0 ? row.cells[place] : undefined;
      if (!next) return;
      const link = next.querySelector("a");
      if (isSeen(link)) {
        onlyStop(link);
        link.focus();
        return;
      }
    }
  };
  const ends = (from, isLast) => {
    const links = all("td a", from.closest("tr"));
    const link = isLast ? links[links.length - 1] : links[0];
    onlyStop(link);
    link.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (event.key === "/" && words && target !== words) {
      event.preventDefault();
      words.focus();
    } else if (event.key === "Escape" && target === words) {
      words.value = "";
      filter();
    } else if (target.matches?.("table.matrix td a")) {
      const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
      if (moves[event.key]) {
        event.preventDefault();
        step(target, ...moves[event.key]);
      } else if (event.key === "Home" || event.key === "End") {
        event.preventDefault();
        ends(target, event.key === "End");
      }
    }
  });
  // A link leads into what is folded.
  const unfold = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  };
  window.addEventListener("hashchange", unfold);

  // ---- What is new: the parts of the page are changed in place, where the reader is.
  const dress = () => { makeSortable(); makeWalkable(); filter(); };
  const place = (element) => {
    const cell = element?.closest?.("td, th");
    const part = element?.closest?.("[data-part]");
    if (!part) return undefined;
    return { part: part.id, at: all("a, button, summary", part).indexOf(element), cell: cell?.dataset.key };
  };
  const refocus = (spot) => {
    const part = spot && byId(spot.part);
    if (!part) return;
    const keyed = spot.cell && part.querySelector(`[data-key="${CSS.escape(spot.cell)}"] a`);
    const element = keyed || all("a, button, summary", part)[spot.at];
    if (!element) return;
    if (element.closest("table.matrix")) onlyStop(element);
    element.focus({ preventScroll: true });
  };
  const take = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    if (!fresh.querySelector("[data-part]")) throw new Error("no page of ours");
    const [left, top] = [window.scrollX, window.scrollY];
    const spot = place(document.activeElement);
    const sides = new Map(all(".scroll[id]").map((box) => [box.id, box.scrollLeft]));
    for (const part of all("[data-part]")) {
      const next = fresh.getElementById(part.id);
      if (!next) continue;
      const open = new Set(all("details[id][open]", part).map((fold) => fold.id));
      const shut = new Set(all("details[id]:not([open])", part).map((fold) => fold.id));
      part.replaceChildren(...next.childNodes);
      for (const fold of all("details[id]", part)) {
        if (open.has(fold.id)) fold.open = true;
        if (shut.has(fold.id)) fold.open = false;
      }
    }
    dress();
    for (const [id, at] of sides) if (byId(id)) byId(id).scrollLeft = at;
    refocus(spot);
    window.scrollTo(left, top);
  };
  const seconds = Number(document.body.dataset.refresh ?? 0);
  const silent = byId("silent");
  const refresh = async () => {
    const isBusy = document.hidden || !(getSelection()?.isCollapsed ?? true);
    if (!isBusy) {
      try {
        const answer = await fetch(location.pathname + location.search, { cache: "no-store" });
        if (!answer.ok) throw new Error(`${answer.status}`);
        take(await answer.text());
        silent.hidden = true;
      } catch {
        if (silent.hidden) byId("silent-since").textContent = new Date().toLocaleTimeString();
        silent.hidden = false;
      }
    }
    setTimeout(refresh, seconds * 1000);
  };

  if (words) {
    words.addEventListener("input", filterSoon);
    states.forEach((box) => box.addEventListener("change", filterSoon));
    byId("tools").hidden = false;
  }
  dress();
  unfold();
  if (seconds > 0) setTimeout(refresh, seconds * 1000);
})();
