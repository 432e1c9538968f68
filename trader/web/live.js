"use strict";
// Keeps an open page as fresh as the journal. It asks for the page again when a fact was written
// and lays what changed over what is shown: scroll, focus, open details and half-filled forms stay.
(() => {
  const PAGE_EVERY_MS = 2000; // at most so often, and without a stream exactly so often
  const BOARD_EVERY_MS = 10000; // where quotes are pushed, only the rest of the page is asked for
  const QUIET_MS = 6000; // after so long without an answer the page is called stale
  const BACK_OFF_MS = [1000, 2000, 5000, 10000, 30000];
  const STREAM_AGAIN_MS = 30000;
  const EVENTS = document.documentElement.dataset.events; // where what happens is told, if at all
  const banner = document.getElementById("banner");
  let tag = null;
  let heardAt = performance.now();
  let failures = 0;
  let stream = null;
  let board = null;
  let streamAfter = 0;
  let rows = null; // of the board, by key, until the page is laid over
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
      if (name !== "class" || !now.matches(".scroll"))
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
    const wait = board ? BOARD_EVERY_MS : PAGE_EVERY_MS;
    soon(failures ? BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length) - 1] : wait);
  }

  function take(fresh) {
    for (const id of ["pulse", "main"]) {
      const now = document.getElementById(id);
      const next = fresh.getElementById(id);
      if (now && next) lay(now, next);
    }
    document.title = fresh.title;
    rows = null;
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
    if (document.hidden || !window.EventSource) return;
    if (!board) listenToBoard();
    if (!EVENTS || stream || performance.now() < streamAfter) return;
    stream = new EventSource(EVENTS);
    stream.addEventListener("fact", () => soon(250));
    stream.addEventListener("pulse", () => {
      heardAt = performance.now();
    });
    stream.onerror = () => {
      if (!stream || stream.readyState !== EventSource.CLOSED) return;
      stream = null; // refused: asking for the page itself goes on
      streamAfter = performance.now() + STREAM_AGAIN_MS;
    };
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
    board.addEventListener("beat", () => {
      heardAt = performance.now();
    });
    board.onerror = () => {
      if (board && board.readyState === EventSource.CLOSED) board = null;
    };
    board.onmessage = (event) => {
      heardAt = performance.now();
      for (const [key, cells] of Object.entries(JSON.parse(event.data))) quote(key, cells);
    };
  }

  function rowsByKey() {
    const found = new Map();
    for (const row of document.querySelectorAll("[data-stream] [data-key]"))
      found.set(row.dataset.key, row);
    return found;
  }

  function quote(key, cells) {
    rows ??= rowsByKey();
    const row = rows.get(key);
    if (!row) return;
    for (const [column, text, tone] of cells) {
      const cell = row.cells[column];
      if (cell.firstChild) cell.firstChild.data = text;
      else cell.textContent = text;
      const name = tone ? `n ${tone}` : "n";
      if (cell.className !== name) cell.className = name;
    }
  }

  // ---- manners ----------------------------------------------------------------------------------
  function dress() {
    for (const one of document.querySelectorAll(".scroll")) {
      one.classList.remove("fits");
      const slides = one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight;
      one.classList.toggle("fits", !slides);
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

  window.addEventListener("resize", dress);
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
  let tickedAt = heardAt;
  setInterval(() => {
    const slept = performance.now() - tickedAt > 3000; // a page that was frozen has not waited
    tickedAt = performance.now();
    if (slept) heardAt = tickedAt;
    if (document.hidden) return;
    if (performance.now() - heardAt > QUIET_MS) stale();
    listen();
  }, 1000);
  document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  dress();
  listen();
  soon(PAGE_EVERY_MS);
})();
