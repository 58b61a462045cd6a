// The controls of a demo on a page without a kernel: the browser's own.
import canvas from "./canvas.js";
import { button, element } from "./element.js";
import { provide } from "./files.js";
import { gunzip } from "./widgets.js";

const labelled = (label, ...parts) => element("label", {}, `${label} `, ...parts);

// range: of the slider. words(place): what its value looks like beside it, which the slider tells itself: to be
// read twice is once too often.
function slid(label, range, words, moved) {
  const output = element("span", { className: "lenet-value", ariaHidden: "true" });
  const write = () => { slider.ariaValueText = output.textContent = words(Number(slider.value)); };
  const oninput = () => { write(); moved(Number(slider.value)); };
  const slider = element("input", { type: "range", ...range, oninput });
  return {
    box: labelled(label, slider, output),
    set(place) { slider.value = place; write(); },
    limit(highest) { slider.max = highest; write(); },
  };
}

const placeOf = (options, value) => options.findIndex(([, option]) => option === value);

// kind -> (description, moved) -> {box: what is shown, set(value), limit(max)}; moved is told the value.
const MAKE = {
  slider({ label, min, max, step }, moved) {
    const decimals = String(step).split(".")[1]?.length ?? 0;
    return slid(label, { min, max, step }, (value) => value.toFixed(decimals), moved);
  },
  stops({ label, options }, moved) {
    const { box, set } = slid(label, { min: 0, max: options.length - 1 },
      (place) => options[place][0], (place) => moved(options[place][1]));
    return { box, set: (value) => set(placeOf(options, value)) };
  },
  choice({ label, options }, moved) {
    const list = element("select", { onchange: () => moved(options[list.selectedIndex][1]) },
      ...options.map(([words]) => element("option", {}, words)));
    return {
      box: labelled(label, list),
      set(value) { list.selectedIndex = placeOf(options, value); },
    };
  },
  switch({ label }, moved) {
    const box = element("input", { type: "checkbox", onchange: () => moved(box.checked) });
    return { box: element("label", {}, box, ` ${label}`), set(value) { box.checked = value; } };
  },
  toggle({ label, tooltip }, moved) {
    const set = (value) => { box.ariaPressed = value; };
    const box = button(label, () => {
      const value = box.ariaPressed !== "true";
      set(value);
      moved(value);
    }, { title: tooltip, ariaLabel: tooltip });
    return { box, set };
  },
  text({ label }, moved) {
    const field = element("input", { type: "text", size: 24, onchange: () => moved(field.value) });
    return { box: labelled(label, field), set(value) { field.value = value; } };
  },
  // The canvas of the notebook, which is told by a model what is drawn on it.
  canvas({ value, label }, moved) {
    const state = { value, label };
    const listeners = {};
    const model = {
      get: (name) => state[name],
      set(name, now) { state[name] = now; },
      save_changes: () => moved(state.value),
      on(events, listener) { for (const event of events.split(" ")) listeners[event] = listener; },
    };
    const box = element("div", { className: "lenet-pad" });
    canvas.render({ model, el: box });
    return {
      box,
      set(now) { state.value = now; listeners["change:value"](); },
      tell(facts) { Object.assign(state, facts); listeners["change:idle"](); },
    };
  },
};

// One stop of the Tab key for all toggles of a table; the arrow keys go from one to another.
function walk(table, columns) {
  const buttons = [...table.querySelectorAll("button")];
  const stopAt = (button) => buttons.forEach((one) => { one.tabIndex = one === button ? 0 : -1; });
  table.addEventListener("focusin", ({ target }) => stopAt(target));
  table.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const next = by && buttons[buttons.indexOf(event.target) + by];
    if (by) event.preventDefault();
    next?.focus();
  });
  stopAt(buttons[0]);
}

// labels: {name, corner, columns, rows} of a table of toggles, if there is one.
export function controlsOn(el, { controls }, labels) {
  const [values, made, highest] = [{}, {}, {}];
  let moved = () => {};
  const row = element("div", { className: "lenet-controls" });
  const heads = labels ? [labels.corner, ...labels.columns] : [];
  const table = element("div", { className: "lenet-toggles" }, ...heads.map((head) => element("span", {}, head)));
  for (const [name, control] of Object.entries(controls)) {
    if (control.kind === "button") continue;
    [values[name], highest[name]] = [control.value, control.max];
    if (control.kind === "held") continue;
    made[name] = MAKE[control.kind](control, (value) => {
      values[name] = value;
      moved(name, true);
    });
    made[name].set(control.value);
    const toggle = control.kind === "toggle";
    const place = table.children.length / heads.length;
    if (toggle && Number.isInteger(place)) table.append(element("span", {}, labels.rows[place - 1]));
    (toggle ? table : row).append(made[name].box);
  }
  if (labels) {
    table.role = "group";
    table.ariaLabel = `${labels.name}; arrow keys go from square to square`;
    walk(table, labels.columns.length);
    row.append(table);
  }
  el.append(row);
  return {
    values: () => ({ ...values }),
    put(changes) {
      for (const [name, value] of Object.entries(changes)) {
        values[name] = value;
        made[name]?.set(value);
      }
    },
    limit(limits) {
      for (const [name, limit] of Object.entries(limits)) {
        [values[name], highest[name]] = [Math.min(values[name], limit), limit];
        made[name].limit(limit);
        made[name].set(values[name]);
      }
    },
    tell: (name, facts) => made[name].tell(facts),
    highest: (name) => highest[name],
    listen(listener) { moved = listener; },
    load: (names) => Promise.all(names.map(load)),
  };
}

const here = document.currentScript?.src; // of the script that this is a part of
const files = new Map(); // name -> Promise: files that are there or on their way

// Called by the script of each file.
globalThis.lenetFile = (name, base64) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  files.set(name, gunzip(bytes).then((content) => provide(name, content)));
};

async function load(name) {
  if (!files.has(name)) {
    files.set(name, new Promise((resolve, reject) => {
      const script = element("script", {
        src: new URL(`data/${name}.js`, here), onload: () => resolve(files.get(name)),
        onerror: () => {
          files.delete(name); // to be tried again when it is needed again
          reject(new Error(`${script.src} cannot be loaded`));
        },
      });
      document.head.append(script);
    }));
  }
  await files.get(name);
}
