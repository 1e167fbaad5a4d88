"use strict";
(() => {
  const doc = document, form = doc.querySelector("form.buy"), at = (id) => doc.getElementById(id);
  const variants = JSON.parse(at("variants").textContent);
  const options = [...form.querySelectorAll(".option")];
  const valueOf = (o) => o.querySelector(":checked")?.value;
  const put = form.querySelector(".put"), many = form.querySelector("[name=quantity]");
  form.querySelector(".show").hidden = true;

  const element = (name, names, ...content) => {
    const e = doc.createElement(name);
    e.className = names;
    e.append(...content);
    return e;
  };

  // A value is crossed out if, with the other choices, there is none of it.
  const mark = (chosen) => options.forEach((o, i) => o.querySelectorAll("label").forEach((label) => {
    const value = label.querySelector("input").value;
    label.classList.toggle("none", !variants.some((v) => v.most && v.options.every((x, j) => x === (j === i ? value : chosen[j]))));
  }));

  const show = () => {
    const chosen = options.map(valueOf);
    const v = variants.find((v) => v.options.every((x, i) => x === chosen[i]));
    mark(chosen);
    put.disabled = !v?.most;
    if (!v) return at("offer").replaceChildren(element("p", "note few", "There is none of this choice"));
    const price = element("p", "price", element("strong", "", v.price));
    if (v.was) {
      price.firstChild.prepend(element("span", "unseen", "Now "));
      price.append(" ", element("s", "", element("span", "unseen", "Was "), v.was));
    }
    const lines = [price, element("p", v.few ? "note few" : "note", v.stock)];
    if (v.saved) lines.splice(1, 0, element("p", "note few", "You save " + v.saved));
    at("offer").replaceChildren(...lines);
    many.max = v.most || 1;
    if (+many.value > +many.max) many.value = many.max;
    at("sku").hidden = !v.sku;
    at("sku").lastElementChild.textContent = v.sku || "";
    const picture = doc.querySelector('.gallery [data-picture="' + v.picture + '"]');
    if (picture) {
      picture.parentNode.prepend(picture);
      picture.closest(".gallery").scrollLeft = 0;
    }
    history.replaceState(history.state, "", "?variant=" + v.id);
  };
  form.addEventListener("change", (e) => { if (e.target.closest(".option")) show(); });
  mark(options.map(valueOf));
})();
