"use strict";
// Keeps a page that is open as fresh as the journal: asks for it again and takes over what changed.
(() => {
  const EVERY_MS = 2000;
  const banner = document.getElementById("banner");
  let tag = null;

  function tell(text) {
    banner.textContent = text;
    banner.hidden = !text;
  }

  function take(fresh, id) {
    const now = document.getElementById(id);
    const next = fresh.getElementById(id);
    if (!now || !next || now.innerHTML === next.innerHTML) return;
    if (now.contains(document.activeElement) && document.activeElement.form) return;
    now.innerHTML = next.innerHTML;
  }

  async function look() {
    if (document.hidden) return;
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(location.href, { headers, cache: "no-store" });
      if (answer.status === 304) return tell("");
      if (!answer.ok) throw new Error(String(answer.status));
      tag = answer.headers.get("ETag");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      take(fresh, "pulse");
      take(fresh, "main");
      tell("");
    } catch {
      tell("The daemon does not answer: this page is stale. Trying again.");
    }
  }
  setInterval(look, EVERY_MS);
})();
