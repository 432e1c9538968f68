"use strict";
// Keeps an open page as fresh as the journal. It asks for the page again when a fact was written
// and lays what changed over what is shown: scroll, focus, open details and half-filled forms stay.
(() => {
  const PAGE_EVERY_MS = 2000; // at most so often, and without a stream exactly so often
  const QUIET_MS = 6000; // after so long without an answer the page is called stale
  const BACK_OFF_MS = [1000, 2000, 5000, 10000, 30000];
  const STREAM = "/api/v1/stream";
  const banner = document.getElementById("banner");
  let tag = null;
  let heardAt = performance.now();
  let failures = 0;
  let stream = null;
  let board = null;
  let due = null;
  let asking = false;

  // ---- laying one tree over another -------------------------------------------------------------
  const OURS = new Set(["open", "tabindex", "role", "aria-label", "title"]);

  function lay(now, next) {
    if (now.nodeType !== next.nodeType || now.nodeName !== next.nodeName) {
      now.replaceWith(next.cloneNode(true));
    } else if (now.nodeType === Node.TEXT_NODE) {
      if (now.data !== next.data) now.data = next.data;
    } else if (now.nodeType === Node.ELEMENT_NODE && !now.isEqualNode(next)) {
      layAttributes(now, next);
      if (!now.matches("form:focus-within, [data-kept]")) layChildren(now, next);
    }
  }

  function layAttributes(now, next) {
    for (const { name, value } of next.attributes)
      if (now.getAttribute(name) !== value) now.setAttribute(name, value);
    for (const { name } of [...now.attributes])
      if (!next.hasAttribute(name) && !OURS.has(name)) now.removeAttribute(name);
  }

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined);

  function layChildren(now, next) {
    const wanted = new Set();
    for (const one of next.childNodes) if (keyOf(one)) wanted.add(keyOf(one));
    const known = new Map();
    for (const one of [...now.childNodes]) {
      const key = keyOf(one);
      if (key && wanted.has(key)) known.set(key, one);
      else if (key) one.remove();
    }
    let place = now.firstChild;
    for (const one of next.childNodes) {
      const same = keyOf(one) ? known.get(keyOf(one)) : place;
      if (!same || (!keyOf(one) && keyOf(same))) {
        now.insertBefore(one.cloneNode(true), place);
        continue;
      }
      if (same !== place) now.insertBefore(same, place);
      place = same.nextSibling;
      lay(same, one);
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
  }

  // ---- asking -----------------------------------------------------------------------------------
  function tell(text) {
    if (banner.textContent !== text) banner.textContent = text;
    banner.hidden = !text;
    document.body.classList.toggle("stale", Boolean(text));
  }

  function heard() {
    heardAt = performance.now();
    failures = 0;
    tell("");
  }

  async function look() {
    due = null;
    if (document.hidden || asking) return;
    asking = true;
    const asked = location.href;
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(asked, { headers, cache: "no-store" });
      if (answer.status === 401 || answer.redirected) return location.reload();
      if (answer.status !== 304 && answer.status !== 200) throw new Error(String(answer.status));
      if (answer.status === 200) {
        const text = await answer.text();
        if (asked === location.href) {
          tag = answer.headers.get("ETag");
          take(new DOMParser().parseFromString(text, "text/html"));
        }
      }
      heard();
    } catch {
      failures += 1;
      stale();
    } finally {
      asking = false;
    }
    soon(failures ? BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length) - 1] : PAGE_EVERY_MS);
  }

  function take(fresh) {
    for (const id of ["pulse", "main"]) {
      const now = document.getElementById(id);
      const next = fresh.getElementById(id);
      if (now && next) lay(now, next);
    }
    document.title = fresh.title;
    dress();
  }

  function soon(wait) {
    if (due === null) due = setTimeout(look, wait);
  }

  function stale() {
    const silent = Math.round((performance.now() - heardAt) / 1000);
    tell(`The daemon has not answered for ${silent} s: what you see is stale. Trying again.`);
  }

  // ---- what pushes ------------------------------------------------------------------------------
  function listen() {
    if (document.hidden || stream || !window.EventSource) return;
    stream = new EventSource(STREAM);
    stream.addEventListener("fact", () => soon(250));
    stream.addEventListener("pulse", () => {
      heardAt = performance.now();
    });
    stream.onerror = () => {
      if (stream && stream.readyState === EventSource.CLOSED) hush();
    };
    listenToBoard();
  }

  function hush() {
    if (stream) stream.close();
    if (board) board.close();
    stream = board = null;
  }

  function listenToBoard() {
    const place = document.querySelector("[data-stream]");
    if (!place) return;
    board = new EventSource(place.dataset.stream);
    board.onmessage = (event) => {
      heardAt = performance.now();
      for (const [key, cells] of Object.entries(JSON.parse(event.data))) quote(key, cells);
    };
  }

  function quote(key, cells) {
    const row = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!row) return;
    for (const [column, text, tone] of cells) {
      const cell = row.cells[column];
      if (cell.textContent !== text) cell.textContent = text;
      const name = tone ? `n ${tone}` : "n";
      if (cell.className !== name) cell.className = name;
    }
  }

  // ---- manners ----------------------------------------------------------------------------------
  function dress() {
    for (const one of document.querySelectorAll(".scroll")) {
      const slides = one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight;
      if (slides && !one.hasAttribute("tabindex")) {
        one.tabIndex = 0;
        one.setAttribute("role", "region");
        const heading = one.closest("section")?.querySelector("h2,h3");
        one.setAttribute("aria-label", heading ? `Table: ${heading.textContent}` : "Table");
      }
    }
  }

  function tellLocally(event) {
    const time = event.target.closest?.("time[datetime]");
    if (!time) return;
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.title = `${at.toLocaleString()} where you are`;
  }

  let typed = null;
  function filter(event) {
    const form = event.target.closest?.("form[data-live]");
    if (!form) return;
    if (event.type === "submit") event.preventDefault();
    clearTimeout(typed);
    typed = setTimeout(
      () => {
        const asked = new URLSearchParams(new FormData(form));
        for (const [name, value] of [...asked]) if (!value) asked.delete(name);
        history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
        tag = null;
        clearTimeout(due);
        due = null;
        look();
      },
      event.type === "input" ? 200 : 0,
    );
  }

  document.addEventListener("mouseover", tellLocally);
  document.addEventListener("focusin", tellLocally);
  document.addEventListener("input", filter);
  document.addEventListener("submit", filter);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return hush();
    heardAt = performance.now();
    listen();
    soon(0);
  });
  setInterval(() => {
    if (document.hidden) return;
    if (performance.now() - heardAt > QUIET_MS) stale();
    listen();
  }, 1000);
  dress();
  listen();
  soon(PAGE_EVERY_MS);
})();
