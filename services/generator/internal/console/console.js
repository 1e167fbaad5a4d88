// Brings the parts of the page up to date every two seconds, except a part that the operator
// is at: with the focus or a selection in it, or scrolled sideways.
"use strict";
const follow = document.getElementById("follow");
if (follow) follow.closest("label").hidden = false;

const used = (part) => {
  const selection = getSelection();
  return part.contains(document.activeElement) ||
    (!selection.isCollapsed && part.contains(selection.anchorNode)) ||
    [...part.querySelectorAll(".wide")].some((table) => table.scrollLeft > 0);
};

const update = async () => {
  if (document.hidden || (follow && !follow.checked)) return;
  try {
    const answer = await fetch(location.href.split("#")[0]);
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.body.classList.remove("stale");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next && !used(part) && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
    }
  } catch {
    // What is shown is out of date: the style says so.
    document.body.classList.add("stale");
  }
};

const loop = () => setTimeout(async () => { await update(); loop(); }, 2000);
loop();
