// The keys of a demo, in a dialog: those that do something in this one, and no others.
import { button, element } from "./element.js";
import { listed, pairs, range } from "./numbers.js";

const ROWS = [ // kind of a control or key in the picture that a demo must have; keys; what they do
  ["slider", "← →", "on a slider: one step"],
  ["slider", "Page Up, Page Down", "on a slider: several steps"],
  ["slider", "Home, End", "on a slider: to its first and last value"],
  ["choice", "↑ ↓", "on a list: another choice"],
  ["switch", "Space", "on a box: on or off"],
  ["text", "Enter", "in a field: takes what is typed there"],
  ["table", "← → ↑ ↓", "in the table: from square to square"],
  ["ArrowRight", "← → ↑ ↓", "in the picture: from unit to unit"],
  ["PageDown", "Page Up, Page Down", "in the picture: to the layer before, after"],
  ["canvas", "Backspace", "on the canvas: takes the last stroke back"],
  ["canvas", "Delete", "on the canvas: takes all strokes away"],
];
const APART = 8; // pixels of the picture between two points that are tried

// Pairs of keys and what they do. table: whether the arrow keys walk through a table of squares. units: the keys
// that go from unit to unit in the picture, if there are any.
export function keysOf({ controls, plays }, table, units = []) {
  const kinds = [...Object.values(controls).map(({ kind }) => (kind === "stops" ? "slider" : kind)), ...units];
  if (plays.length) kinds.push("choice"); // of the speed
  if (table) kinds.push("table");
  return [
    ["Tab", "to the next control, with Shift to the one before"],
    ...ROWS.filter(([kind]) => kinds.includes(kind)).map(([, ...row]) => row),
    ["Space, Enter", `on a button${table ? " or a square" : ""}: presses it`],
    ["?", "opens and closes this list"],
    ["Esc", `closes this list;${units.length ? " ends pointing at a unit;" : ""} leaves the full window`],
  ];
}

// What a pointer does in the picture or on the canvas, and which controls do it with keys; may be empty.
export function pointing(demo, { controls, size: [width, height] }, facts) {
  const units = demo.hover ? "Point at a unit of a map, or tap it: frames show what reaches it. " : "";
  if (Object.values(controls).some(({ kind }) => kind === "canvas")) {
    return `${units}To draw takes a mouse, a pen or a finger; with keys a digit of MNIST can be chosen as input.`;
  }
  const points = pairs(range(0, width, APART), range(0, height, APART));
  const moved = (dragged) => {
    const names = points.flatMap((point) => Object.keys(demo.point(facts, ...point, dragged) ?? {}));
    return [...new Set(names.map((name) =>
      (controls[name].kind === "toggle" ? "the squares of the table" : controls[name].label)))];
  };
  const clicked = demo.point && facts ? moved(false) : [];
  if (!clicked.length) return units;
  const how = moved(true).length ? "a click or a drag" : "a click";
  return `${units}In the picture ${how} sets ${listed(clicked)}; with keys, use the controls themselves.`;
}

// Opens the dialog in root, or closes it if it is open; gone, it leaves nothing behind.
export function toggleKeys(root, rows, note) {
  const open = root.querySelector(".lenet-keys[open]"); // a closed one is about to be removed
  if (open) return open.close();
  const title = "The keys of this demo";
  const list = rows.flatMap(([keys, words]) => [element("dt", {}, keys), element("dd", {}, words)]);
  const dialog = element("dialog", { className: "lenet-keys", ariaLabel: title, onclose: () => dialog.remove() },
    element("h2", {}, title), element("dl", {}, ...list), element("p", { hidden: !note }, note),
    element("div", { className: "lenet-buttons" }, button("close", () => dialog.close())));
  root.append(dialog);
  dialog.showModal();
}

// Whether a key that is pressed there is meant for a text.
export const typing = (el) =>
  el.isContentEditable || el.matches("textarea, input:not([type=range], [type=checkbox])");
