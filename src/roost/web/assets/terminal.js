// The terminal of an agent, live: read-only until the person takes over.
"use strict";

// Nothing that a program writes has the browser answer, or act on anything but these cells.
function deaf(terminal) {
  const pass = () => true;
  for (const final of ["c", "n", "t"]) terminal.parser.registerCsiHandler({ final }, pass);
  for (const prefix of ["?", ">", "="]) {
    for (const final of ["c", "n", "q", "u"]) terminal.parser.registerCsiHandler({ prefix, final }, pass);
  }
  terminal.parser.registerCsiHandler({ intermediates: "$", final: "p" }, pass);
  terminal.parser.registerCsiHandler({ prefix: "?", intermediates: "$", final: "p" }, pass);
  terminal.parser.registerDcsHandler({ intermediates: "$", final: "q" }, pass);
  terminal.parser.registerDcsHandler({ intermediates: "+", final: "q" }, pass);
  for (const code of [0, 1, 2, 4, 8, 10, 11, 12, 52, 104, 110, 111, 112]) terminal.parser.registerOscHandler(code, pass);
}

{
const place = document.getElementById("terminal"), take = document.getElementById("take");
const csrf = JSON.parse(document.body.getAttribute("hx-headers"))["x-csrf-token"];

// The terminal's script makes elements of style, which only this page's nonce allows.
const make = document.createElement.bind(document);
document.createElement = (name, ...more) => {
  const made = make(name, ...more);
  if (name === "style") made.nonce = place.dataset.nonce;
  return made;
};

const terminal = new Terminal({ disableStdin: true, scrollback: 0, fontSize: 13, cursorBlink: false, linkHandler: null });
terminal.open(place);

deaf(terminal);

let view = "", typing = false, source = null, timer = 0;

function typed(on, words) {
  typing = on;
  terminal.options.disableStdin = !on;
  place.classList.toggle("typing", on);
  if (!take) return;
  take.textContent = on ? "Let go" : "Take over";
  take.setAttribute("aria-pressed", String(on));
  document.getElementById("typing").textContent = words ?? (on ? "You type: keys reach the agent." : "You only look: no key reaches it.");
}

async function post(what, fields) {
  const body = new URLSearchParams({ csrf, ...fields });
  const answer = await fetch(`/terminals/${view}/${what}`, { method: "POST", body, headers: { "HX-Request": "true" } });
  if (answer.ok) return true;
  const said = make("template");
  said.innerHTML = await answer.text();
  typed(false, said.content.textContent.trim());
  return false;
}

function open() {
  clearTimeout(timer);
  if (source || document.hidden) return;
  const address = `/live/terminal/${encodeURIComponent(place.dataset.peer)}`;
  source = new EventSource(address);
  const over = (words) => {
    close();
    document.getElementById("over").textContent = words;
    clearTimeout(timer);
    if (words !== OUT) timer = setTimeout(open, 2000);
  };
  source.addEventListener("view", (event) => {
    const told = JSON.parse(event.data);
    view = told.id;
    terminal.reset();
    terminal.resize(told.columns, told.rows);
    document.getElementById("over").textContent = "";
    if (take) take.disabled = false;
  });
  source.addEventListener("size", (event) => {
    const told = JSON.parse(event.data);
    terminal.resize(told.columns, told.rows);
  });
  source.addEventListener("shown", (event) => terminal.write(JSON.parse(event.data)));
  source.addEventListener("asked", (event) => counted(event.data));
  source.addEventListener("over", (event) => over(`It is not live: ${JSON.parse(event.data)}`));
  source.addEventListener("error", async () => {
    close();
    const words = await why(address);
    if (!source) over(words);
  });
}

function close() {
  if (source) source.close();
  source = null;
  view = "";
  if (take) take.disabled = true;
  typed(false);
}

// Keys go in the order in which they were pressed; those pressed meanwhile go together.
let waiting = "", sending = false;
async function press(keys) {
  waiting += keys;
  if (sending) return;
  sending = true;
  while (waiting && typing) {
    const now = waiting.slice(0, 8192);
    waiting = waiting.slice(now.length);
    try {
      if (!(await post("keys", { keys: now }))) break;
    } catch {
      typed(false, "Not typed: roost web does not answer.");
      break;
    }
  }
  waiting = "";
  sending = false;
}
// Where the window has the focus is nobody's key.
terminal.onData((keys) => typing && !/^\x1b\[[IO]$/.test(keys) && press(keys));

take?.addEventListener("click", async () => {
  if (typing) {
    typed(false);
    await post("leave", {});
  } else if (await post("take", {})) {
    typed(true);
    terminal.focus();
  }
});
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
open();
}
