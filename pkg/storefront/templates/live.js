"use strict";
(() => {
  const doc = document, root = doc.documentElement;
  const box = doc.getElementById("live");
  const words = box.querySelector("p"), button = box.querySelector("button");
  const query = new URLSearchParams(location.search);
  query.set("store", root.dataset.shop);

  const main = doc.getElementById("main");
  let events, typed, heard, asked, over, errors = 0, tries = 0;
  doc.oninput = () => { typed = true; };

  // The page is not replaced while the shopper types, has scrolled down or has focused an element.
  const busy = () => typed || scrollY > 200 || doc.activeElement?.matches(":not(body, #main)");
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  const say = (text) => {
    box.hidden = !text;
    if (text && words.textContent !== text) words.textContent = text;
  };
  const offer = (text, accept) => {
    say(text);
    button.hidden = false;
    button.onclick = () => { button.hidden = true; button.onclick = null; accept(); };
  };
  const end = (text) => {
    over = true;
    events?.close();
    tail?.remove();
    say(text);
  };

  // In a hidden tab the transition is skipped and its promise rejects; the change still happens.
  // Its callback comes some frames later, when the shopper may have become busy.
  const change = (text, how, wanted) => {
    const free = () => wanted || !busy();
    const act = () => free() ? how(wanted) : offer(text, () => change(text, how, true));
    if (free() && doc.startViewTransition && !still()) doc.startViewTransition(act).ready.catch(() => {});
    else act();
  };
  const toTop = () => {
    scrollTo({ top: 0, behavior: "instant" });
    doc.getElementById("main").focus({ preventScroll: true });
  };
  // Where the shopper is, unless they asked for the page: its beginning.
  const stay = (y, wanted) => { if (wanted) toTop(); else scrollTo({ top: y, behavior: "instant" }); };
  const become = (from) => {
    for (const a of [...root.attributes]) root.removeAttribute(a.name);
    for (const a of from.documentElement.attributes) root.setAttribute(a.name, a.value);
    doc.title = from.title;
  };

  const show = (next) => change("Your shop is ready", (wanted) => {
    if (next.documentElement.dataset.sheet !== root.dataset.sheet) return location.reload();
    const y = scrollY;
    become(next);
    const inCart = doc.getElementById("cart-count").textContent;
    doc.body.replaceWith(doc.adoptNode(next.body));
    doc.getElementById("cart-count").textContent = inCart;
    stay(y, wanted);
  });

  // While the page is written, its sections come one by one. Those on the screen are followed by
  // a tail that fills the window, so that no section pushes away what can be seen.
  const sections = [];
  let theme, tail, frozen;
  const parse = (html) => {
    const t = doc.createElement("template");
    t.innerHTML = html;
    return t.content;
  };
  const newTail = () => {
    const made = doc.createElement("div");
    made.className = "coming wrap";
    made.ariaHidden = "true";
    made.append(...Array.from({ length: 6 }, () => doc.createElement("i")));
    return made;
  };
  const append = (html) => {
    const arrived = parse(html), nodes = [...arrived.children], before = tail;
    const below = main.lastElementChild, y = below.getBoundingClientRect().top;
    tail = newTail();
    before.replaceWith(arrived, tail);
    if (!still()) for (const n of nodes) n.animate({ opacity: [0, 1] }, 400);
    // Not every browser holds in place what a shopper further down looks at.
    if (y < innerHeight && !CSS.supports("overflow-anchor", "auto"))
      scrollBy({ top: below.getBoundingClientRect().top - y, behavior: "instant" });
  };
  const begin = () => change("The first part of your shop is ready", (wanted) => {
    const y = scrollY;
    button.hidden = true;
    for (const name in theme) root.dataset[name] = theme[name];
    tail = newTail();
    main.replaceChildren(...sections.map(parse), tail, main.lastElementChild);
    stay(y, wanted);
  });

  const hear = ({ index, html, theme: look }) => {
    // After a reconnection all sections come again.
    if (over || index > sections.length || sections[index] === html) return;
    const anew = index < sections.length;
    sections.splice(index, Infinity, html);
    theme = look ?? theme;
    if (tail && !anew && !frozen) return append(html);
    // The model has begun another answer. A shopper who looks at the first one keeps it until the page is whole.
    frozen = !!tail && busy();
    if (!frozen) begin();
  };

  // The whole page takes the place of the one that was shown while it was written, unless what was
  // shown differs. What is on the screen stays.
  const alike = (a, b) => b && a.className === b.className && a.textContent === b.textContent;
  const morph = (a, b) => {
    if (a.isEqualNode(b)) return;
    if (a.nodeName !== b.nodeName || !a.attributes || a.childNodes.length !== b.childNodes.length) return a.replaceWith(b);
    for (const { name } of [...a.attributes]) if (!b.hasAttribute(name)) a.removeAttribute(name);
    for (const { name, value } of b.attributes) a.setAttribute(name, value);
    const others = [...b.childNodes];
    [...a.childNodes].forEach((child, i) => morph(child, others[i]));
  };
  const settle = (next) => {
    const shown = [...main.children].slice(0, -2), range = main.lastElementChild;
    const whole = [...next.getElementById("main").children];
    if (!tail || shown.length >= whole.length || !shown.every((e, i) => alike(e, whole[i]))) return false;
    become(next);
    shown.forEach((e, i) => morph(e, whole[i]));
    // What lies below the window is exchanged there, and so does not move into it.
    const seen = range.getBoundingClientRect().top < innerHeight || range.contains(doc.activeElement);
    tail.replaceWith(...whole.slice(shown.length, -1));
    if (!seen) range.replaceWith(whole.at(-1));
    const after = (d) => { const all = [...d.body.children]; return all.slice(all.findIndex((e) => e.id === "main") + 1); };
    const old = after(doc);
    doc.body.append(...after(next));
    for (const e of old) e.remove();
    return true;
  };

  const fetchReady = async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok || next.getElementById("live")) throw 0;
      over = true;
      // A page of another kind was expected in vain, and this one is shown already.
      if (!tail && next.getElementById("main").isEqualNode(main)) return end();
      if (!settle(next)) show(next);
    } catch {
      if (++tries < 9) setTimeout(fetchReady, 1500 * tries); else end();
    }
  };

  const listen = () => {
    if (over || asked || doc.hidden) return;
    events?.close();
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
        if (button.hidden) say("Preparing your shop" +
          (s.etaSeconds > 90 ? ", about " + Math.round(s.etaSeconds / 60) + " minutes…" : "…"));
      // A job that was queued or running before continues after a restart of its worker or the edge.
      } else if (!heard || s.state === "failed") end();
    });
    events.addEventListener("section", (e) => hear(JSON.parse(e.data)));
    // Browsers reconnect by themselves, but not after an HTTP error.
    events.onerror = () => {
      if (++errors > 20) end();
      else if (events.readyState === 2) setTimeout(listen, 3000 * Math.min(errors, 5));
    };
  };
  listen();
  setTimeout(() => { if (!asked) end(); }, 900000);
  addEventListener("pagehide", () => events?.close());
  addEventListener("pageshow", (e) => { if (e.persisted) listen(); });
  // A tab that nobody sees holds no stream.
  doc.addEventListener("visibilitychange", () => { if (doc.hidden) events?.close(); else listen(); });
})();
