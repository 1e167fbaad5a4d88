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
})();
