"use strict";
// The map: points on a canvas, the same tracks in a table. Text from files is only ever set as textContent.
(() => {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const byId = (id) => document.getElementById(id);
  const canvas = byId("plane"), told = byId("told"), body = byId("rows"), search = byId("search"), found = byId("found");
  const n = data.title.length, SCALE = 1000, MARGIN = 14, PAGE = 100;
  const hidden = new Set();
  let chosen = -1, shown = PAGE, colours = [], view = { x: 0, y: 0, zoom: 1 };
  const texts = data.title.map((title, i) => plain([title, data.album[i], place(i), data.genres[data.genre[i]] ?? ""].join(" ")));
  let matches = texts.map(() => true);

  function plain(text) { return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase(); }
  function place(i) { return data.folders[data.folder[i]] + data.file[i]; }
  function visible(i) { return matches[i] && !hidden.has(data.genre[i]); }

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    colours = data.genres.map((_, g) => style.getPropertyValue(`--g${g % 10}`).trim());
    colours.soft = style.getPropertyValue("--soft").trim();
    colours.ink = style.getPropertyValue("--ink").trim();
    colours.paper = style.getPropertyValue("--paper").trim();
  }

  function spot(i) {
    const half = canvas.clientWidth / 2, unit = (half - MARGIN) * view.zoom / SCALE;
    return [half + (data.x[i] - view.x) * unit, half - (data.y[i] - view.y) * unit];
  }

  // Five shapes, filled for the first five genres and hollow for the next: no genre is told by colour alone.
  function trace(c, g, x, y, r) {
    c.beginPath();
    const shape = g < 0 ? 0 : g % 5;
    if (shape === 0) c.arc(x, y, r, 0, 7);
    else if (shape === 1) c.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
    else if (shape === 2) { c.moveTo(x, y - r * 1.2); c.lineTo(x + r * 1.1, y + r * 0.9); c.lineTo(x - r * 1.1, y + r * 0.9); }
    else if (shape === 3) { c.moveTo(x, y - r * 1.3); c.lineTo(x + r * 1.3, y); c.lineTo(x, y + r * 1.3); c.lineTo(x - r * 1.3, y); }
    else { c.moveTo(x, y + r * 1.2); c.lineTo(x + r * 1.1, y - r * 0.9); c.lineTo(x - r * 1.1, y - r * 0.9); }
    if (shape > 1) c.closePath();
  }

  function draw() {
    const side = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.height = Math.round(side * ratio);
    const c = canvas.getContext("2d");
    c.scale(ratio, ratio);
    const r = Math.max(1.8, Math.min(5, 170 / Math.sqrt(n + 1))) * Math.min(2, Math.sqrt(view.zoom));
    c.lineWidth = 1.4;
    for (let i = 0; i < n; i++) {
      if (!visible(i)) continue;
      const [x, y] = spot(i), g = data.genre[i];
      if (x < -r || y < -r || x > side + r || y > side + r) continue;
      trace(c, g, x, y, r);
      c.globalAlpha = 0.8;
      c.fillStyle = c.strokeStyle = g < 0 ? colours.soft : colours[g];
      if (g >= 0 && g % 10 < 5) c.fill(); else c.stroke();
    }
    c.globalAlpha = 1;
    if (chosen >= 0) {
      const [x, y] = spot(chosen);
      for (const [width, colour] of [[7, colours.paper], [3, colours.ink]]) {
        c.beginPath(); c.arc(x, y, r + 5, 0, 7); c.lineWidth = width; c.strokeStyle = colour; c.stroke();
      }
    }
  }

  function element(name, text, parent) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  function link(i, parent) {
    const made = element("button", data.title[i], parent);
    made.type = "button";
    made.className = "link";
    made.addEventListener("click", () => choose(i));
    return made;
  }

  function choose(i, scroll = true) {
    chosen = i;
    told.replaceChildren();
    if (i < 0) element("p", "No track is chosen.", told);
    else {
      element("b", data.title[i], told);
      const genre = data.genre[i] < 0 ? "genre not known" : `${data.genres[data.genre[i]]} ${data.sure[i]}%`;
      const facts = [data.album[i], data.year[i] || "", genre, data.moods[data.mood[i]] ?? "", data.bpm[i] ? `${data.bpm[i]} bpm` : "",
        data.keys[data.key[i]] ?? ""];
      element("p", facts.filter(Boolean).join(" · "), told);
      element("p", place(i), told);
      if (data.similar[i].length) {
        const near = element("p", "Sounds most like: ", told);
        data.similar[i].forEach((other, k) => { if (k) near.append(", "); link(other, near); });
      }
      const [x, y] = spot(i), side = canvas.clientWidth;
      if (x < 0 || y < 0 || x > side || y > side) view = { ...view, x: data.x[i], y: data.y[i] };
    }
    list(scroll);
    draw();
  }

  function list(scroll) {
    const all = [];
    for (let i = 0; i < n; i++) if (visible(i)) all.push(i);
    const at = all.indexOf(chosen);
    if (at >= shown) shown = at + 20;
    body.replaceChildren();
    for (const i of all.slice(0, shown)) {
      const row = element("tr", undefined, body);
      link(i, element("td", undefined, row));
      element("td", data.genres[data.genre[i]] ?? "", row);
      element("td", data.bpm[i] || "", row).className = "n";
      element("td", (data.keys[data.key[i]] ?? "").replace(" minor", "m").replace(" major", ""), row);
      if (i === chosen) {
        row.setAttribute("aria-current", "true");
        const box = byId("table");
        if (scroll) box.scrollTop = row.offsetTop - box.clientHeight / 3;
      }
    }
    byId("more").hidden = all.length <= shown;
    found.textContent = `${all.length.toLocaleString("en")} of ${n.toLocaleString("en")} tracks`;
  }

  function filter() {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    matches = texts.map((text) => words.every((word) => text.includes(word)));
    shown = PAGE;
    list(false);
    draw();
  }

  function nearestTo(px, py, reach) {
    let best = -1, least = reach * reach;
    for (let i = 0; i < n; i++) {
      if (!visible(i)) continue;
      const [x, y] = spot(i), d = (x - px) ** 2 + (y - py) ** 2;
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  function step(dx, dy) {
    if (chosen < 0 || !visible(chosen)) return choose(nearestTo(canvas.clientWidth / 2, canvas.clientWidth / 2, Infinity));
    const [x0, y0] = spot(chosen);
    let best = -1, least = Infinity;
    for (let i = 0; i < n; i++) {
      if (i === chosen || !visible(i)) continue;
      const [x, y] = spot(i), along = (x - x0) * dx + (y - y0) * dy, aside = Math.abs((x - x0) * dy - (y - y0) * dx);
      if (along <= 0 || aside > along) continue;
      const cost = along + 2 * aside;
      if (cost < least) { least = cost; best = i; }
    }
    if (best >= 0) choose(best);
  }

  function zoom(factor) {
    view.zoom = Math.min(40, Math.max(1, view.zoom * factor));
    if (view.zoom === 1) view.x = view.y = 0;
    else if (factor > 1 && chosen >= 0) { view.x = data.x[chosen]; view.y = data.y[chosen]; }
    canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
    draw();
  }

  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (ways[event.key]) step(...ways[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.6);
    else if (event.key === "-") zoom(1 / 1.6);
    else if (event.key === "0") zoom(0);
    else if (event.key === "Escape") choose(-1);
    else return;
    event.preventDefault();
  });
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, moved: false, from: { ...view } }; });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag || !event.buttons) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (Math.abs(dx) + Math.abs(dy) > 6) drag.moved = true;
    if (!drag.moved || view.zoom === 1) return;
    const unit = (canvas.clientWidth / 2 - MARGIN) * view.zoom / SCALE;
    view = { ...view, x: drag.from.x - dx / unit, y: drag.from.y + dy / unit };
    draw();
  });
  canvas.addEventListener("click", (event) => {
    if (drag && drag.moved) return;
    const box = canvas.getBoundingClientRect();
    choose(nearestTo(event.clientX - box.left, event.clientY - box.top, 24));
  });
  byId("in").addEventListener("click", () => zoom(1.6));
  byId("out").addEventListener("click", () => zoom(1 / 1.6));
  byId("whole").addEventListener("click", () => zoom(0));
  byId("more").addEventListener("click", () => { shown += PAGE; list(false); });
  search.addEventListener("input", filter);

  const legend = byId("legend");
  data.genres.forEach((name, g) => {
    const button = element("button", undefined, legend), mark = element("canvas", undefined, button);
    mark.width = mark.height = 28;
    mark.style.cssText = "width:14px;height:14px;vertical-align:-2px;margin-right:6px";
    button.append(name);
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hidden.delete(g)) hidden.add(g);
      button.setAttribute("aria-pressed", String(!hidden.has(g)));
      filter();
    });
  });
  function marks() {
    [...legend.querySelectorAll("canvas")].forEach((mark, g) => {
      const c = mark.getContext("2d");
      c.clearRect(0, 0, 28, 28);
      c.fillStyle = c.strokeStyle = colours[g];
      c.lineWidth = 3;
      trace(c, g, 14, 14, 9);
      if (g % 10 < 5) c.fill(); else c.stroke();
    });
  }

  function repaint() { readColours(); marks(); draw(); }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  new ResizeObserver(draw).observe(canvas);
  byId("map-live").hidden = false;
  choose(-1);
  repaint();
})();
