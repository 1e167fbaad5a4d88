"use strict";
(() => {
  const doc = document, root = doc.documentElement, box = doc.getElementById("live");
  if (!box || !window.EventSource || !window.DOMParser) return;
  const words = box.querySelector("p"), button = box.querySelector("button");
  const shopper = new URLSearchParams(location.search).get("shopper");
  const query = new URLSearchParams({ store: root.dataset.shop });
  if (shopper) query.set("shopper", shopper);

  let typed = false, errors = 0, tries = 0, over = false;
  doc.addEventListener("input", () => { typed = true; }, { once: true });

  // A page must not be changed under someone who reads, writes or is on a link.
  const busy = () => typed || scrollY > 200 ||
    (doc.activeElement && doc.activeElement !== doc.body && doc.activeElement.id !== "main");

  const say = (text) => { box.hidden = !text; words.textContent = text || ""; };
  const events = new EventSource("/api/generation/events?" + query);
  const end = (text) => {
    if (over) return;
    over = true;
    events.close();
    say(text);
  };

  const show = (next, asked) => {
    if (next.querySelector("style").textContent !== doc.querySelector("style").textContent) {
      location.reload();
      return;
    }
    const swap = () => {
      const y = scrollY;
      for (const a of [...root.attributes]) root.removeAttribute(a.name);
      for (const a of next.documentElement.attributes) root.setAttribute(a.name, a.value);
      doc.title = next.title;
      doc.body.replaceWith(doc.adoptNode(next.body));
      scrollTo({ top: asked ? 0 : y, behavior: "instant" });
      if (asked) doc.getElementById("main").focus({ preventScroll: true });
    };
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (doc.startViewTransition && !still) doc.startViewTransition(swap); else swap();
  };

  const ready = async () => {
    const answer = await fetch(location.href, { cache: "no-store", headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.status);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!next.querySelector("main") || next.getElementById("live")) throw new Error("not yet");
    if (!busy()) { end(); show(next); return; }
    end("Your shop is ready");
    button.hidden = false;
    button.onclick = () => show(next, true);
  };
  const fetchReady = () => ready().catch(() => {
    if (++tries < 4) setTimeout(fetchReady, 1500 * tries); else end();
  });

  let asked = false;
  events.addEventListener("status", (e) => {
    let s;
    try { s = JSON.parse(e.data); } catch { return; }
    errors = 0;
    if (s.state === "ready") { if (!asked) { asked = true; fetchReady(); } }
    else if (s.state === "failed" || s.state === "none") end();
    else say(s.etaSeconds > 90
      ? "Preparing your shop, about " + Math.round(s.etaSeconds / 60) + " minutes…"
      : "Preparing your shop…");
  });
  events.onerror = () => { if (!asked && (events.readyState === 2 || ++errors > 4)) end(); };
  setTimeout(() => { if (!asked) end(); }, 900000);
  addEventListener("pagehide", () => events.close());
})();
