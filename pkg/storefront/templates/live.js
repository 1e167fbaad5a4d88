"use strict";
(() => {
  const doc = document, root = doc.documentElement, data = root.dataset;

  // The number of items in the cart comes from a cookie, because a stored page cannot know it.
  const count = () => {
    const n = doc.cookie.match("(?:^|; )wandstore_cart=" + data.shop + ":([1-9]\\d{0,3})(?:;|$)");
    const at = doc.getElementById("cart-count");
    if (at && n) at.textContent = n[1];
  };
  count();

  // Events are sent in batches. Nothing is sent from a browser with Do Not Track or Global Privacy Control.
  const batch = [];
  let flushing;
  const flush = () => {
    clearTimeout(flushing);
    flushing = 0;
    if (batch.length) navigator.sendBeacon("/api/shopper/track", new Blob([JSON.stringify(batch.splice(0, 50))], { type: "application/json" }));
  };
  const track = (event, more) => {
    if (navigator.doNotTrack === "1" || navigator.globalPrivacyControl) return;
    batch.push({ store: data.shop, event, ...more });
    flushing ||= setTimeout(flush, 3000);
  };
  if (data.view === "product") track("view", { product: data.product });
  if (data.view === "search") {
    if (data.query) track("search", { query: data.query });
    else if (data.category) track("view", { category: data.category });
    if (data.sort) track("sort", { query: data.sort });
    if (data.filter) track("filter", { query: data.filter });
  }
  addEventListener("click", (e) => { if (e.target.closest?.("#checkout")) track("checkout"); });
  doc.addEventListener("visibilitychange", () => { if (doc.hidden) flush(); });
  addEventListener("pagehide", flush);

  const box = doc.getElementById("live");
  if (!box) return;
  const words = box.querySelector("p"), button = box.querySelector("button");
  const query = new URLSearchParams(location.search);
  query.set("store", root.dataset.shop);

  let events, typed, heard, asked, over, errors = 0, tries = 0;
  doc.oninput = () => { typed = true; };

  // The page is not replaced while the shopper types, has scrolled down or has focused an element.
  const busy = () => typed || scrollY > 200 || doc.activeElement?.matches(":not(body, #main)");

  const say = (text) => {
    box.hidden = !text;
    if (text && words.textContent !== text) words.textContent = text;
  };
  const end = (text) => {
    over = true;
    events.close();
    say(text);
  };

  const show = (next, asked) => {
    if (next.querySelector("style").textContent !== doc.querySelector("style").textContent)
      return location.reload();
    const swap = () => {
      const y = scrollY;
      for (const a of [...root.attributes]) root.removeAttribute(a.name);
      for (const a of next.documentElement.attributes) root.setAttribute(a.name, a.value);
      doc.title = next.title;
      doc.body.replaceWith(doc.adoptNode(next.body));
      count();
      scrollTo({ top: asked ? 0 : y, behavior: "instant" });
      if (asked) doc.getElementById("main").focus({ preventScroll: true });
    };
    // In a hidden tab the transition is skipped and its promise rejects; the swap still happens.
    if (doc.startViewTransition && !matchMedia("(prefers-reduced-motion: reduce)").matches)
      doc.startViewTransition(swap).ready.catch(() => {});
    else swap();
  };

  const fetchReady = async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok || next.getElementById("live")) throw 0;
      if (!busy()) return end(), show(next);
      end("Your shop is ready");
      button.hidden = false;
      button.addEventListener("click", () => show(next, true), { once: true });
    } catch {
      if (++tries < 9) setTimeout(fetchReady, 1500 * tries); else end();
    }
  };

  const listen = () => {
    if (over || asked) return;
    if (events) events.close();
    events = new EventSource("/api/generation/events?" + query);
    events.addEventListener("status", (e) => {
      const s = JSON.parse(e.data);
      errors = 0;
      if (s.state === "ready") {
        events.close();
        asked = true;
        fetchReady();
      } else if (s.state === "queued" || s.state === "running") {
        heard = true;
        say("Preparing your shop" +
          (s.etaSeconds > 90 ? ", about " + Math.round(s.etaSeconds / 60) + " minutes…" : "…"));
      // A job that was queued or running before continues after a restart of its worker or the edge.
      } else if (!heard || s.state === "failed") end();
    });
    // Browsers reconnect by themselves, but not after an HTTP error.
    events.onerror = () => {
      if (++errors > 20) end();
      else if (events.readyState === 2) setTimeout(listen, 3000 * Math.min(errors, 5));
    };
  };
  listen();
  setTimeout(() => { if (!asked) end(); }, 900000);
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (e) => { if (e.persisted) listen(); });
})();
