// What a demo is on any page: buttons, the sentence that says the result, and one picture.
//
// demo: an object with the functions that its Python module has, by the same names:
//   compute(values) -> facts   paint(sheet, facts)   say(facts) -> sentence
//   limits(values) -> {name: largest value that makes sense now}      if there are any
//   actions: {name: (values) => ({name: value of another control})}   if there are any; also what follows from reset
//   tell(values) -> {name: {...}}: what the page tells a control at once, if it tells any
//   needs(values) -> names of the files that this picture and what follows from a control take, if not all of them
//   later(facts) -> an iterator, a few milliseconds a step, over work that the picture does not wait for and
//     after which compute has more to tell; null when there is none
//   play: {seconds, next(values) -> {name: value} or null}: what it does by itself, so often
//   lines of the sentence for which there is always room, so that the picture stays under a pointer, if more than two
//   point(facts, x, y, dragged) -> {name: value} for a click or a drag in the picture, if it takes any; a slider
//     goes there as far as it can
//   hover(facts, x, y) -> {frames: [[x, y, width, height], ...], words, ways: {key: [x, y]}} or null: what is
//     framed and said while a unit is pointed at, its own frame first, and to which point a key goes on; without
//     x and y the unit at which the keys begin; longest: the longest of such words
// description: what Python says of it, see Demo.described.
// controls: the widgets of a notebook or the elements of a page, as an object with
//   values() -> {name: value}   put({name: value})   limit({name: largest value})   highest(name)
//   tell(name, {...})   listen((name, byReader) => ...)   load(names of files) -> Promise
//   reset({name: value}), whenAlone(listener), where there is a kernel, which is told, and which may go
import { button, element } from "./element.js";
import { provided } from "./files.js";
import { freezing } from "./freezing.js";
import { hovering, pointOf } from "./hover.js";
import { keysOf, pointing, toggleKeys, typing } from "./keys.js";
import { clamp } from "./numbers.js";
import { sheetOn } from "./sheet.js";
import { stepped } from "./steps.js";

const BELOW = 12; // pixels below the picture in a full window: its margin and the demo's
const AROUND = 128; // pixels of a window that a notebook's own bars and margins take
const PAUSES = { slow: 1200, steady: 500, fast: 150 }; // milliseconds of a step
const FULL = ":fullscreen, .lenet-full"; // it has the window to itself: by its button, or a page has nothing else
const [SLICE, SOON] = [5, 50]; // milliseconds of work at a time that the picture does not wait for; until it begins
const QUIET = 700; // milliseconds without a change after which the sentence is read aloud
const ALONE = "No kernel: run this cell again. Until then this is as far as it has come.";
const HIDDEN = "The answer is hidden. Predict it, then press “show the answer”.";

// Gives back what ends it.
export function show(demo, description, el, controls) {
  const { size, scale: largest, plays } = description;
  const root = el.closest(".lenet-demo");
  const buttons = element("div", { className: "lenet-buttons" });
  const words = element("div", { className: "lenet-sentence" });
  const aloud = element("div", { className: "lenet-aloud", role: "status" });
  const canvas = element("canvas", { className: "lenet-picture", role: "img" });
  if (demo.lines) {
    words.style.setProperty("--lenet-lines", demo.lines);
    words.style.setProperty("--lenet-lines-narrow", 2 * demo.lines + 1); // on a telephone
  }
  el.append(buttons, words, canvas, aloud);

  // What reset goes back to; how far the kernel has come is not for the page to say.
  const first = Object.fromEntries(Object.entries(controls.values()).filter(([name]) =>
    !(description.kernel_buttons && description.controls[name].kind === "held")));
  const full = () => root.matches(FULL);
  const scaleOf = () => (full() ? 4 : largest);
  let scale = largest;
  let quiet = false; // while what follows from a movement is put into the other controls
  let hidden; // the answer
  let veils = []; // what of the picture is hidden with it
  let alone = false; // without the kernel that does what the buttons say
  let frame = 0;
  let reading = 0; // until the sentence is read aloud
  let heard = 0; // until the words of a unit are
  let waiting = 0; // for what a demo does by itself
  let working = 0; // at what the picture did not wait for
  let said = null; // the sentence that was last read aloud, or there at first
  let playing = 0;
  let facts;

  function values() {
    const now = controls.values();
    for (const [name, highest] of Object.entries(demo.limits?.(now) ?? {})) {
      now[name] = Math.min(now[name], highest);
    }
    return now;
  }

  // Whether files that are needed now are not there yet; once they are, it calls this.
  function loading(then) {
    const missing = (demo.needs?.(values()) ?? description.needs).filter((name) => !provided(name));
    if (!missing.length) return false;
    words.ariaBusy = "true";
    controls.load(missing).then(then);
    return true;
  }

  function paint() {
    hide.textContent = hidden ? "show the answer" : "hide the answer";
    const now = values();
    for (const [name, facts] of Object.entries(demo.tell?.(now) ?? {})) controls.tell(name, facts);
    if (loading(() => put({}))) return;
    facts = demo.compute(now);
    const sheet = sheetOn(canvas, ...size, scale * (window.devicePixelRatio || 1), hidden);
    demo.paint(sheet, facts);
    sheet.veil();
    veils = hidden ? sheet.answers : [];
    hoverAnew?.();
    words.textContent = alone ? ALONE : hidden ? HIDDEN : demo.say(facts);
    canvas.ariaLabel = words.textContent;
    work(demo.later?.(facts));
    rest();
    if (demo.play?.next(now)) waiting ||= setTimeout(goOn, 1000 * demo.play.seconds);
  }

  // In slices, between which a control can move, which begins anew; then the picture is painted with the rest.
  function work(steps) {
    clearTimeout(working);
    working = steps ? setTimeout(slice, SOON) : 0;
    words.ariaBusy = String(Boolean(steps));
    function slice() {
      const end = performance.now() + SLICE;
      while (performance.now() < end) {
        if (!steps.next().done) continue;
        const atFirst = said === words.textContent;
        paint();
        if (atFirst) said = words.textContent;
        return;
      }
      working = setTimeout(slice);
    }
  }

  // The sentence is read aloud once all rests, if it is another: not at first, nor while it plays.
  function rest() {
    said ??= words.textContent;
    clearTimeout(reading);
    reading = setTimeout(() => {
      if (playing || working || said === words.textContent) return;
      aloud.textContent = said = words.textContent;
    }, QUIET);
  }

  // What of a unit and its frames is not hidden.
  function unitAt(...point) {
    const found = facts ? demo.hover(facts, ...point) : null;
    const seen = ([x, y, width, height]) => veils.every(([left, top, across, down]) =>
      x + width <= left || left + across <= x || y + height <= top || top + down <= y);
    return found && seen(found.frames[0]) ? { ...found, frames: found.frames.filter(seen) } : null;
  }

  function goOn() {
    waiting = 0;
    const changes = demo.play.next(values());
    if (changes) put(changes);
  }

  function put(changes, name) {
    swapped(false); // whoever moves something wants to see it move
    quiet = true;
    controls.put(changes);
    const waits = loading(() => put({}, name));
    if (!waits) {
      if (name) controls.put(demo.actions?.[name]?.(values()) ?? {});
      controls.limit(demo.limits?.(controls.values()) ?? {});
    }
    quiet = false;
    if (!waits) paint();
  }

  // What the kernel tells comes in many messages, after the last of which it is all as it should be.
  controls.listen((name, byReader) => {
    if (quiet) return;
    if (byReader) put({}, name);
    else frame ||= requestAnimationFrame(() => { frame = 0; paint(); });
  });

  controls.whenAlone?.(() => {
    alone = description.kernel_buttons;
    paint();
  });

  function fit() {
    const seen = [canvas, still].find((one) => one.clientWidth);
    if (!seen) return;
    const used = seen.getBoundingClientRect().top - root.getBoundingClientRect().top;
    const room = innerHeight - used - (full() ? BELOW : AROUND);
    const most = Math.min(scaleOf(), el.clientWidth / size[0]);
    const fitting = Math.max(Math.min(most, room / size[1]), Math.min(most, 0.8));
    if (Math.abs(fitting - scale) > 0.01) {
      scale = fitting;
      paint();
    }
    for (const { style } of [canvas, still]) {
      style.width = `${Math.round(size[0] * scale)}px`;
      style.aspectRatio = `${size[0]} / ${size[1]}`;
    }
  }

  const add = (label, press, title = "") => buttons.appendChild(button(label, press, { title }));

  for (const [name, { kind, label, tooltip }] of Object.entries(description.controls)) {
    if (kind === "button" && !description.kernel_buttons) add(label, () => put({}, name), tooltip);
  }

  let playButton, speed;
  function step(by) {
    const changes = stepped(plays, description.controls, values(), controls.highest, by);
    if (changes) put(changes, plays[0]);
    else pause();
  }
  function pause() {
    clearInterval(playing);
    playing = 0;
    if (playButton) playButton.textContent = "▶ play";
    rest();
  }
  if (plays.length) {
    add("◀ back", () => { pause(); step(-1); }, `one step back: ${plays[0]}`);
    playButton = add("▶ play", () => {
      if (playing) return pause();
      playButton.textContent = "❚❚ pause";
      playing = setInterval(step, PAUSES[speed.value], 1);
    }, `step after step: ${plays[0]}`);
    add("step ▶", () => { pause(); step(1); }, `one step on: ${plays[0]}`);
    speed = element("select", { title: "speed", ariaLabel: "speed", onchange: pause },
      ...Object.keys(PAUSES).map((name) => element("option", { selected: name === "steady" }, name)));
    buttons.append(speed);
  }
  const hide = add("", () => { hidden = !hidden; put({}); });
  const { still, swapped, release } = freezing(el, canvas, words, add);
  function begin() {
    hidden = Boolean(description.hidden);
    release();
  }
  add("reset", () => { pause(); begin(); put(first, "reset"); controls.reset?.(first); }, "all as it was at first");
  if (document.fullscreenEnabled) {
    add("full window", () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()));
  }

  const keys = () => toggleKeys(root, keysOf(description, Boolean(root.querySelector(".lenet-toggles")),
    demo.hover && Object.keys(unitAt()?.ways ?? {})), pointing(demo, description, facts));
  Object.assign(add("?", keys, "the keys of this demo"),
    { ariaLabel: "? keys of this demo", ariaHasPopup: "dialog" });
  // Elsewhere on a page that has more than this demo, the key is not for it.
  function asked(event) {
    const { key, target, ctrlKey, metaKey } = event;
    if (key !== "?" || ctrlKey || metaKey || typing(target) || !(full() || root.contains(target))) return;
    event.preventDefault();
    keys();
  }
  document.addEventListener("keydown", asked);

  function pointed(event) {
    if (!facts) return; // there is no picture yet
    const changes = demo.point(facts, ...pointOf(event, canvas, size), event.type === "pointermove");
    if (!changes) return;
    for (const [name, value] of Object.entries(changes)) {
      const { kind, min } = description.controls[name];
      if (kind === "slider") changes[name] = clamp(value, min, controls.highest(name));
    }
    put(changes, Object.keys(changes)[0]);
  }
  if (demo.point) {
    canvas.style.cursor = "pointer";
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); pointed(event); });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons === 1) pointed(event); });
  }

  const hoverAnew = demo.hover && hovering(canvas, words, size, demo.longest, unitAt, (unit) => {
    clearTimeout(heard);
    if (unit) heard = setTimeout(() => { aloud.textContent = unit; }, QUIET);
  });

  const observer = new ResizeObserver(fit);
  observer.observe(root);
  observer.observe(words); // whose lines may become more
  window.addEventListener("resize", fit); // its height alone, too
  begin();
  paint();
  fit();
  return () => {
    pause();
    for (const timer of [reading, heard, waiting, working]) clearTimeout(timer);
    observer.disconnect();
    window.removeEventListener("resize", fit);
    document.removeEventListener("keydown", asked);
  };
}
