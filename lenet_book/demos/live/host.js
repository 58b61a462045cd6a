// What a demo is on any page: buttons, one picture, and the sentence that reads it aloud.
//
// demo: an object with the functions that its Python module has, by the same names:
//   compute(values) -> facts   paint(sheet, facts)   say(facts) -> sentence
//   limits(values) -> {name: largest value that makes sense now}      if there are any
//   actions: {name: (values) => ({name: value of another control})}   if there are any
//   needs(values) -> names of the files that this picture is painted from, if not all of them
// description: what Python says of it, see Demo.described.
// controls: the widgets of a notebook or the elements of a page, as an object with
//   values() -> {name: value}   put({name: value})   limit({name: largest value})
//   listen((name, byReader) => ...)   load(names of files) -> Promise
import { provided } from "./files.js";
import { Sheet } from "./sheet.js";

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function show(demo, description, el, controls) {
  const { size, scale } = description;
  const buttons = element("div", { className: "lenet-buttons" });
  const words = element("div", { className: "lenet-sentence" });
  words.setAttribute("role", "status");
  const canvas = element("canvas", { className: "lenet-picture" });
  canvas.setAttribute("role", "img");
  canvas.style.width = `${Math.round(size[0] * scale)}px`;
  canvas.style.aspectRatio = `${size[0]} / ${size[1]}`;
  el.append(buttons, canvas, words);

  let quiet = false; // while what follows from a movement is put into the other controls
  let frame = 0;

  function values() {
    const now = controls.values();
    for (const [name, highest] of Object.entries(demo.limits?.(now) ?? {})) {
      now[name] = Math.min(now[name], highest);
    }
    return now;
  }

  function paint() {
    const now = values();
    const missing = (demo.needs?.(now) ?? description.needs).filter((name) => !provided(name));
    if (missing.length) return void controls.load(missing).then(paint);
    const facts = demo.compute(now);
    demo.paint(new Sheet(canvas, ...size, scale * (window.devicePixelRatio || 1)), facts);
    words.textContent = demo.say(facts);
    canvas.setAttribute("aria-label", words.textContent);
  }

  function act(name) {
    quiet = true;
    controls.put(demo.actions?.[name]?.(values()) ?? {});
    controls.limit(demo.limits?.(controls.values()) ?? {});
    quiet = false;
    paint();
  }

  // What the kernel tells comes in many messages, after the last of which it is all as it should be.
  controls.listen((name, byReader) => {
    if (quiet) return;
    if (byReader) act(name);
    else frame ||= requestAnimationFrame(() => { frame = 0; paint(); });
  });

  for (const [name, { kind, label, tooltip }] of Object.entries(description.controls)) {
    if (kind !== "button" || description.kernel_buttons) continue;
    const button = element("button", { type: "button", textContent: label, title: tooltip });
    button.addEventListener("click", () => act(name));
    buttons.append(button);
  }
  paint();
}
