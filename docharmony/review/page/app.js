"use strict";
// The review page. Texts of the document are put in as text nodes only, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST = 4; // pixels that an area drawn by hand must measure
const $ = (id) => document.getElementById(id);

const state = { plan: null, edits: [], added: 0, chosen: null, dirty: false };

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

function message(text, bad = false) {
  const box = $("message");
  box.textContent = text;
  box.className = bad ? "bad" : "";
  box.hidden = false;
  clearTimeout(message.timer);
  message.timer = setTimeout(() => { box.hidden = true; }, bad ? 8000 : 2500);
}

// --- pages

function drawPages() {
  const scale = $("zoom").value / 100;
  const main = $("pages");
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const image = entry.target.querySelector("img");
      if (entry.isIntersecting && !image.src) image.src = `page/${entry.target.dataset.page}`;
    }
  }, { root: main, rootMargin: "1200px" });
  state.plan.pages.forEach((page, index) => {
    const sheet = element("div", { className: "sheet" });
    sheet.dataset.page = index + 1;
    const image = element("img", { alt: `page ${index + 1}`, draggable: false });
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
    svg.setAttribute("preserveAspectRatio", "none");
    sheet.append(image, svg);
    draw(svg, index + 1);
    main.append(element("figure", {}, element("figcaption", { textContent: `Page ${index + 1}` }), sheet));
    seen.observe(sheet);
  });
  zoom(scale);
}

function zoom(scale) {
  document.querySelectorAll(".sheet").forEach((sheet) => {
    const page = state.plan.pages[sheet.dataset.page - 1];
    const width = 860 * scale;
    sheet.style.width = `${width}px`;
    sheet.style.height = `${(width * page.height) / page.width}px`;
  });
}

function outline(edit) {
  const svg = document.querySelector(`.sheet[data-page="${edit.page}"] svg`);
  if (!edit.shape) {
    edit.shape = document.createElementNS(SVG, "polygon");
    edit.shape.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      choose(edit, false);
    });
    edit.shape.addEventListener("dblclick", () =>
      decide(edit, edit.status === "rejected" ? "approved" : "rejected"));
    svg.append(edit.shape);
  }
  edit.shape.setAttribute("points", edit.polygon.map((point) => point.join(",")).join(" "));
  edit.shape.setAttribute("class", edit.status + (edit === state.chosen ? " chosen" : ""));
}

function draw(svg, number) {
  let start = null;
  let shape = null;
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    const page = state.plan.pages[number - 1];
    const inside = (value) => Math.min(1, Math.max(0, value));
    return [
      inside((event.clientX - box.left) / box.width) * page.width,
      inside((event.clientY - box.top) / box.height) * page.height,
    ];
  };
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = { at: place(event), x: event.clientX, y: event.clientY };
    shape = document.createElementNS(SVG, "rect");
    shape.setAttribute("class", "drawn");
    svg.append(shape);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!start) return;
    const [x, y] = place(event);
    const [left, top] = [Math.min(x, start.at[0]), Math.min(y, start.at[1])];
    shape.setAttribute("x", left);
    shape.setAttribute("y", top);
    shape.setAttribute("width", Math.abs(x - start.at[0]));
    shape.setAttribute("height", Math.abs(y - start.at[1]));
  });
  const end = (event) => {
    if (!start) return;
    const [x, y] = place(event);
    const [x0, y0] = start.at;
    const large = Math.abs(event.clientX - start.x) >= SMALLEST && Math.abs(event.clientY - start.y) >= SMALLEST;
    shape.remove();
    start = null;
    if (large && event.type === "pointerup") {
      add(number, [Math.min(x, x0), Math.min(y, y0), Math.max(x, x0), Math.max(y, y0)]);
    }
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
}

function add(page, box) {
  const [x0, y0, x1, y1] = box;
  state.added += 1;
  const edit = {
    id: `new ${state.added}`, page, bbox: box, polygon: [[x0, y0], [x1, y0], [x1, y1], [x0, y1]],
    rule: "region", reason: "drawn by hand", original: "", kind: "erase", status: "approved", added: true,
  };
  const after = state.edits.findIndex((other) => other.page > page);
  state.edits.splice(after < 0 ? state.edits.length : after, 0, edit);
  outline(edit);
  changed();
  rules();
  list();
  choose(edit, true);
}

function takeBack(edit) {
  if (!edit || !edit.added) return;
  edit.shape.remove();
  edit.row.remove();
  state.edits = state.edits.filter((other) => other !== edit);
  state.chosen = null;
  changed();
  count();
}

// --- list

function shown() {
  const rule = $("rule").value;
  return state.edits.filter((edit) => !rule || edit.rule === rule);
}

function rules() {
  const before = $("rule").value;
  const names = [...new Set(state.edits.map((edit) => edit.rule))].sort();
  $("rule").replaceChildren(
    element("option", { value: "", textContent: "all" }),
    ...names.map((name) => element("option", { value: name, textContent: name })));
  $("rule").value = names.includes(before) ? before : "";
}

function list() {
  $("edits").replaceChildren(...shown().map(row));
  count();
}

function row(edit) {
  const remove = element("button", { type: "button", className: "remove",
    textContent: edit.kind === "replace" ? "Replace" : "Remove" });
  const keep = element("button", { type: "button", className: "keep", textContent: "Keep" });
  remove.addEventListener("click", () => decide(edit, "approved"));
  keep.addEventListener("click", () => decide(edit, "rejected"));
  const choice = element("div", { className: "choice" }, remove, keep);
  if (edit.kind === "replace") {
    const text = element("input", { type: "text", value: edit.replacement });
    text.setAttribute("aria-label", "replacement");
    text.addEventListener("input", () => { edit.replacement = text.value; changed(); });
    choice.append(text);
  }
  if (edit.added) {
    const back = element("button", { type: "button", textContent: "Take back" });
    back.addEventListener("click", (event) => { event.stopPropagation(); takeBack(edit); });
    choice.append(back);
  }
  const sure = edit.confidence < 1 ? `, ${Math.round(100 * edit.confidence)} %` : "";
  edit.row = element("li", {},
    element("div", { className: "what", textContent: edit.original || "area" }),
    element("div", { className: "rule", textContent: `page ${edit.page} · ${edit.rule} · ${edit.reason}${sure}` }),
    choice);
  edit.row.addEventListener("click", () => choose(edit, true));
  mark(edit);
  return edit.row;
}

function mark(edit) {
  if (!edit.row) return;
  edit.row.className = edit.status + (edit === state.chosen ? " chosen" : "");
  edit.row.querySelector(".remove").setAttribute("aria-pressed", edit.status === "approved");
  edit.row.querySelector(".keep").setAttribute("aria-pressed", edit.status === "rejected");
}

function count() {
  const kept = state.edits.filter((edit) => edit.status === "rejected").length;
  const open = state.edits.filter((edit) => edit.status === "proposed").length;
  const go = state.edits.length - kept;
  $("count").textContent = `${go} will go, ${kept} kept` + (open ? `, ${open} not looked at` : "") +
    (state.dirty ? " · not saved" : "");
}

// --- decisions

function changed() {
  state.dirty = true;
  count();
}

function decide(edit, status) {
  edit.status = status;
  outline(edit);
  mark(edit);
  changed();
}

function choose(edit, scroll) {
  const before = state.chosen;
  state.chosen = edit;
  for (const one of [before, edit]) {
    if (one && state.edits.includes(one)) { outline(one); mark(one); }
  }
  if (scroll) edit.shape.scrollIntoView({ block: "center", inline: "nearest" });
  if (edit.row) edit.row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const visible = shown();
  if (!visible.length) return;
  const at = visible.indexOf(state.chosen);
  choose(visible[at < 0 ? 0 : Math.min(visible.length - 1, Math.max(0, at + by))], true);
}

async function send(name, data) {
  const reply = await fetch(name, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data),
  });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.error || reply.statusText);
  return answer;
}

async function save() {
  const old = state.edits.filter((edit) => !edit.added);
  const answer = await send("save", {
    statuses: Object.fromEntries(old.map((edit) => [edit.id, edit.status])),
    replacements: Object.fromEntries(
      old.filter((edit) => edit.kind === "replace").map((edit) => [edit.id, edit.replacement])),
    added: state.edits.filter((edit) => edit.added && edit.status !== "rejected")
      .map((edit) => ({ page: edit.page, bbox: edit.bbox })),
  });
  state.dirty = false;
  count();
  message(`Saved ${answer.saved} edits to ${state.plan.target}`);
}

const tell = (work) => work().catch((error) => message(`Not saved: ${error.message}`, true));

function keys(event) {
  if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const edit = state.chosen;
  const acts = {
    j: () => step(1), k: () => step(-1), s: () => tell(save), Delete: () => takeBack(edit),
    r: () => { if (edit) { decide(edit, "approved"); step(1); } },
    x: () => { if (edit) { decide(edit, "rejected"); step(1); } },
  };
  if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
}

async function start() {
  const reply = await fetch("plan");
  state.plan = await reply.json();
  if (!reply.ok) { message(state.plan.error, true); return; }
  state.edits = state.plan.edits;
  $("name").textContent = state.plan.name;
  document.title = `Review: ${state.plan.name}`;
  drawPages();
  state.edits.forEach(outline);
  rules();
  list();
  $("rule").addEventListener("change", list);
  $("zoom").addEventListener("input", () => zoom($("zoom").value / 100));
  $("save").addEventListener("click", () => tell(save));
  $("done").addEventListener("click", () => tell(async () => {
    await save();
    await send("done", {});
    document.body.replaceChildren(element("p", { textContent: "The plan is saved. You can close this page." }));
  }));
  $("all-remove").addEventListener("click", () => shown().forEach((edit) => decide(edit, "approved")));
  $("all-keep").addEventListener("click", () => shown().forEach((edit) => decide(edit, "rejected")));
  document.addEventListener("keydown", keys);
  window.addEventListener("beforeunload", (event) => { if (state.dirty) event.preventDefault(); });
}

tell(start);
