// A trained LeNet-5 with parts of it broken: what does it still read, of one digit and of a hundred?
// All in double precision, so that sums in another order, as in Python, round alike.
import { digits, weights } from "./files.js";
import { isOf1998, run } from "./nets.js";
import { article, listed, plural, range, sum } from "./numbers.js";
import { LAYERS } from "./paper.js";
import { generator } from "./random.js";
import { because, NETS, paintGlyphs, paintLabel, paintScores, read } from "./reading.js";
import { BLUE, CENTRED, INK, RED } from "./sheet.js";
import { map, part as mapOf, tensor } from "./tensor.js";

const DIGITS = 100; // that are counted: the first of the test set
const MAPS = Object.fromEntries(LAYERS.slice(0, -1).map(({ name, maps }) => [name.toLowerCase(), maps]));
const PARTS = Object.entries(MAPS).flatMap(([layer, count]) => range(0, count).map((i) => `${layer} ${i}`));
// Of each layer: left, top, side of a map or unit, from one to the next, maps in a row.
const PLACES = {
  c1: [136, 34, 46, 50, 3], s2: [296, 34, 46, 50, 3], c3: [456, 34, 31, 34, 6],
  s4: [136, 168, 31, 34, 6], c5: [354, 168, 12, 12, 12], f6: [512, 168, 10.5, 10.5, 7],
};
const [INPUT, SIDE, TOP] = [12, 96, 34]; // where the input begins, its side; the top of the pictures
const [IDEAL, SCORES] = [600, 688]; // where the ideal glyph begins, and the scores
const NAMED = 4; // of a layer so many that are off are named, more are counted

const kind = (layer) => (["c5", "f6"].includes(layer) ? "unit" : "map");
const layerOf = (part) => part.split(" ")[0];
const switched = (off, part) => PARTS.filter((one) => off.includes(one) !== (one === part));

function flipLayer({ part, off }) {
  const inLayer = (one) => layerOf(one) === layerOf(part);
  const on = PARTS.some((one) => inLayer(one) && !off.includes(one)); // something of it
  return { off: PARTS.filter((one) => (inLayer(one) ? on : off.includes(one))) };
}

const actions = {
  flip: ({ part, off }) => ({ off: switched(off, part) }),
  layer: flipLayer,
  mend: () => ({ off: [], noise: 0, biases: true }),
};

const needs = ({ net }) => ["test-digits", net];

const counted = new Map(); // what is broken -> how many of DIGITS are read right

function compute({ index, net, part, off, noise, biases }) {
  const { image, label } = digits("test-digits")[index];
  const changes = { all: damaged(net, noise, biases), off: numbersOf(off), precise: true };
  const reading = read(net, image, changes);
  const key = JSON.stringify([net, off, noise, biases]);
  return {
    index, label, net, part, off, noise, biases, reading, changes, key,
    whole: read(net, image).answer, correct: reading.answer === label,
    right: counted.get(key) ?? "…", // until `later` has counted
  };
}

// Layer -> the numbers of the maps or units that are off.
const numbersOf = (off) => Object.fromEntries(Object.keys(MAPS).map((layer) =>
  [layer, off.filter((one) => layerOf(one) === layer).map((one) => Number(one.split(" ")[1]))]));

let last = { key: "", all: null }; // of what is moved most: which digit, and what is off
let normals = null; // one for each weight, always the same ones

// The weights with noise, or without biases.
function damaged(net, noise, biases) {
  const key = JSON.stringify([net, noise, biases]);
  if (last.key === key) return last.all;
  normals ??= generator(0).normals(2 ** 16);
  const all = { ...weights(net) };
  let at = 0;
  for (const layer of [...Object.keys(MAPS), "output"]) {
    const [weight, bias] = ["weight", "bias"].map((of) => all[`${layer}.${of}`]);
    if (!weight) continue;
    const exact = new Float64Array(weight.data);
    const width = (noise / 100) * deviation(exact);
    all[`${layer}.weight`] = tensor(weight.shape, exact.map((value, i) => value + width * normals[at + i]));
    if (!biases) all[`${layer}.bias`] = map(bias, () => 0);
    at += exact.length;
  }
  last = { key, all };
  return all;
}

function deviation(data) {
  const mean = sum(data) / data.length;
  return Math.sqrt(sum(data.map((value) => (value - mean) ** 2)) / (data.length - 1));
}

// Counts how many are read right, a digit at each step.
function* count({ net, changes, key }) {
  let right = 0;
  for (const { image, label } of digits("test-digits").slice(0, DIGITS)) {
    if (run(net, image, changes).answer === label) right++;
    yield;
  }
  counted.set(key, right);
}

const later = (facts) => (counted.has(facts.key) ? null : count(facts));

function paint(sheet, facts) {
  const { reading, label, whole, correct, right } = facts;
  sheet.title(INPUT, 18, "input");
  sheet.image(reading.image, INPUT, TOP, SIDE, { frame: true });
  sheet.text(INPUT, 152, "label");
  paintLabel(sheet, label, INPUT + 80, 152);
  sheet.text(INPUT, 181, "whole");
  sheet.text(INPUT, 199, "net");
  sheet.text(INPUT + 80, 190, whole, { ...CENTRED, size: 24, bold: true });
  sheet.text(INPUT, 219, "as it is");
  sheet.text(INPUT, 237, "now");
  sheet.text(INPUT + 80, 228, reading.answer, { ...CENTRED, size: 40, colour: correct ? BLUE : RED, bold: true });
  sheet.text(INPUT, 262, "still right");
  sheet.text(INPUT + 50, 285, right, { size: 22, anchor: "rm", bold: true });
  sheet.text(INPUT + 56, 285, `of ${DIGITS}`);
  for (const [layer, [left, top]] of Object.entries(PLACES)) {
    const of = layer === "f6" ? "" : ` ${kind(layer)}s`;
    sheet.title(left, top - 16, `${layer.toUpperCase()}: ${MAPS[layer]}${of}`);
    paintLayer(sheet, facts, layer);
  }
  sheet.text(136, 287, "a click: off or on");
  paintScores(sheet, reading, SCORES, 52, 50, 24, label);
  sheet.answer(INPUT - 4, 206, SIDE + 20, 92);
  sheet.answer(SCORES - 4, 2, 840 - SCORES, 294);
}

// Its maps, or its units as squares; what is off is crossed out, and the chosen one framed.
function paintLayer(sheet, { reading, off, part }, layer) {
  const [[left, top, side, pitch, columns], count] = [PLACES[layer], MAPS[layer]];
  const [maps, reach] = [reading.maps[layer], reading.full[layer]];
  if (layer === "f6" && reading.areDistances) {
    paintGlyphs(sheet, reading, left, top, pitch, IDEAL - left);
    sheet.title(IDEAL, top - 16, "ideal");
    // F6 draws the digit itself.
    sheet.answer(left - 4, top - 4, IDEAL - left + 82, 134);
  } else if (side === pitch) {
    sheet.image(tensor([count / columns, columns], maps.data), left, top, pitch * columns, { reach });
    sheet.grid(left, top, pitch, count / columns, columns);
  }
  for (let number = 0; number < count; number++) {
    const here = `${layer} ${number}`;
    const [x, y] = [left + pitch * (number % columns), top + pitch * Math.floor(number / columns)];
    if (side < pitch) sheet.image(mapOf(maps, number), x, y, side, { reach, frame: true });
    if (off.includes(here)) sheet.cross(x, y, side, INK, { thickness: 2 });
    if (here === part) sheet.outline(x - 3, y - 3, side + 6, side + 6, { colour: BLUE, thickness: 3 });
  }
}

// A map or unit at which one clicks is switched; those over which one drags on become as it is.
function point({ off, part }, x, y, dragged) {
  const here = partAt(x, y);
  if (!here || (dragged && here === part)) return null;
  const same = dragged && off.includes(here) === off.includes(part);
  return { part: here, off: same ? off : switched(off, here) };
}

function partAt(x, y) {
  for (const [layer, [left, top, side, pitch, columns]] of Object.entries(PLACES)) {
    const [column, row] = [x - left, y - top].map((at) => Math.floor(at / pitch));
    const number = row * columns + column;
    const inside = 0 <= column && column < columns && 0 <= row && number < MAPS[layer];
    if (inside && x - left - pitch * column < side && y - top - pitch * row < side) return `${layer} ${number}`;
  }
  return null;
}

function say(facts) {
  const { index, label, net, whole, reading, correct, right } = facts;
  const damage = damageOf(facts);
  const name = isOf1998(net) ? `net ${NETS[net]}` : `${NETS[net]} net`;
  return `The ${name}, whole, reads test digit ${index}, ${article(label)}, as ` +
    (damage && `${whole}; with ${damage} as `) +
    `${reading.answer}, which is ${correct ? "right" : "wrong"}: ${because(reading, label)}. ` +
    `It reads ${right} of the first ${DIGITS} test digits right.`;
}

// All that is broken, in words; empty if nothing is.
function damageOf({ off, noise, biases }) {
  const some = listed(Object.entries(numbersOf(off)).map(offOf).filter(Boolean));
  return listed([
    some && `${some} off`, noise && `noise of ${noise} % on the weights`, !biases && "no biases",
  ].filter(Boolean));
}

function offOf([layer, numbers]) {
  const [name, count] = [layer.toUpperCase(), numbers.length];
  if (count === MAPS[layer]) return `all ${kind(layer)}s of ${name}`;
  if (count > NAMED) return `${count} of ${MAPS[layer]} ${kind(layer)}s of ${name}`;
  return count ? `${plural(kind(layer), count)} ${listed(numbers)} of ${name}` : "";
}

export const ablation = { compute, paint, say, needs, actions, point, later, lines: 3 };
