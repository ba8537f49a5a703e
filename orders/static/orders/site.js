/* What pages do beyond links and forms: time runs down, what moved is asked for again, and the picture shows where it is.
   Without this file everything can still be done; pages are then refreshed by the browser. */

"use strict";

const say = document.getElementById("said");
const lost = document.getElementById("connection");
const panel = document.getElementById("behind");
const ahead = Date.parse(document.body.dataset.now) - Date.now();
const framed = window !== top; // one of three on a stage, which hears for all: a browser holds few streams open
document.documentElement.classList.toggle("framed", framed);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

/* time */

function tick() {
  for (const shown of document.querySelectorAll("time.left")) {
    const seconds = Math.max(0, (shown.dataset.due * 1000 - Date.now() - ahead) / 1000);
    shown.textContent = shown.dataset.pace ? ofOrder(seconds / shown.dataset.pace) : real(Math.ceil(seconds));
    if (shown.dataset.pace) shown.classList.toggle("soon", seconds / shown.dataset.pace <= 3);
  }
  const badges = document.querySelectorAll("#machine-picture .badge.timer text");
  const left = document.querySelector("#scene-now time.left");
  if (badges.length === 1 && left) badges[0].textContent = `${left.textContent} left`;
}
setInterval(tick, 200);

/* Orders count their own minutes, which a demo makes short; the machine's picture counts real ones. */
function ofOrder(minutes) {
  const told = Math.ceil(minutes * 60);
  return `${Math.floor(told / 60)}:${String(told % 60).padStart(2, "0")}`;
}

function real(seconds) {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/* The server writes its own time of day; people want theirs. */
function localise() {
  for (const shown of document.querySelectorAll("time[datetime]:not(.left)")) {
    shown.textContent = new Date(shown.dateTime).toLocaleTimeString("en-GB");
  }
}

/* the stream */

const RETRY_MS = 3000;
const GRACE_MS = 1500;
let source = null;
let address = null;
let coming = 0;
let losing = 0;

function moved() {
  clearTimeout(coming);
  coming = setTimeout(() => htmx.trigger(document.body, "moved"), 60);
  for (const frame of document.querySelectorAll("iframe")) frame.contentWindow.postMessage("moved", location.origin);
}

function connected(yes) {
  clearTimeout(losing);
  if (yes) lost.hidden = true;
  else losing = setTimeout(() => { lost.hidden = false; }, GRACE_MS);
}

function connect() {
  const page = document.getElementById("page");
  const wanted = document.hidden || framed ? null : page?.dataset.live ?? null;
  if (wanted === address) return;
  source?.close();
  source = null;
  address = wanted;
  if (wanted === null) return connected(true);
  source = new EventSource(wanted);
  source.onopen = () => { connected(true); moved(); };
  source.onerror = () => {
    connected(false);
    if (source?.readyState !== EventSource.CLOSED) return;
    address = null;
    setTimeout(() => { connect(); moved(); }, RETRY_MS);
  };
  for (const name of ["entry", "instance", "moved", "gone"]) source.addEventListener(name, moved);
}
document.addEventListener("visibilitychange", connect);
if (framed) {
  addEventListener("message", (event) => { if (event.origin === location.origin) moved(); });
  addEventListener("load", moved); // what came while the page was on its way
}
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // else the browser kept the page as it was, and its stream is closed
  address = null;
  connect();
  moved();
});

/* the panel */

const RING = 7;
let stood = null;
const remembered = `behind ${document.body.className}`; // frames of one window share the storage

function point() {
  const picture = document.getElementById("machine-picture");
  const active = picture && [...picture.querySelectorAll(".state.active:not([class*='depth-']) > .box")].pop();
  if (!active) return;
  const frame = picture.getBoundingClientRect();
  const box = active.getBoundingClientRect();
  const { x, y, width, height } = active.getBBox();
  const place = { x: x - RING, y: y - RING, width: width + 2 * RING, height: height + 2 * RING };
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ring.setAttribute("class", "ring");
  ring.setAttribute("rx", 2 * RING);
  active.before(ring); // under what is drawn after the state: its timer, say
  put(ring, stood ?? place);
  if (!calm) ring.getBoundingClientRect(); // so that it moves from there
  put(ring, place);
  stood = place;
  picture.scrollTo({
    left: box.x - frame.x + picture.scrollLeft + box.width / 2 - frame.width / 2,
    top: box.y - frame.y + picture.scrollTop + box.height / 2 - frame.height / 2,
    behavior: calm ? "auto" : "smooth",
  });
}

function put(ring, place) {
  for (const [name, length] of Object.entries(place)) ring.style.setProperty(name, `${length}px`);
}

if (panel) {
  panel.addEventListener("toggle", () => {
    sessionStorage.setItem(remembered, panel.open ? "open" : "");
    if (panel.open) htmx.trigger(document.body, "unfolded");
  });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (panel.contains(event.target) && !panel.open) event.preventDefault();
  });
}

/* what was swapped in */

function settled() {
  tick();
  localise();
  connect();
  const told = document.querySelector("[data-say]")?.textContent.trim() ?? "";
  if (say.dataset.told !== undefined && say.dataset.told !== told) say.textContent = told;
  say.dataset.told = told;
}

let typed = {};

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const inputs = event.detail.target.querySelectorAll("input[id]");
  typed = Object.fromEntries([...inputs].filter((one) => one.value !== one.defaultValue).map((one) => [one.id, one.value]));
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  for (const [id, value] of Object.entries(typed)) if (document.getElementById(id)) document.getElementById(id).value = value;
  settled();
  if (panel?.contains(event.target)) point();
  if (event.detail.requestConfig?.verb === "post") {
    moved(); // for the panel, whatever the stream says
    (document.getElementById("refused") ?? document.getElementById("content")).focus({ preventScroll: true });
  }
});

/* a basket adds itself up */

function total(form) {
  let sum = 0;
  for (const input of form.querySelectorAll("[data-price]")) sum += input.value * input.dataset.price;
  form.querySelector(".total").textContent = `Total € ${sum.toFixed(2)}`;
}
for (const form of document.querySelectorAll("[data-basket]")) {
  form.addEventListener("input", () => total(form));
  for (const button of form.querySelectorAll("[data-step]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const input = button.parentElement.querySelector("input");
      if (button.dataset.step > 0) input.stepUp();
      else input.stepDown();
      total(form);
    });
  }
  total(form);
}

document.getElementById("refused")?.focus();
settled();
addEventListener("load", () => {
  if (panel && sessionStorage.getItem(remembered)) panel.open = true;
});
