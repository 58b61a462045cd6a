// An Inception module: four paths side by side, what each costs, and what the reductions save.
import { fixed, grouped, number, range, sum } from "./numbers.js";
import { BLUE, CENTRED, GREEN, GREY, INK, ORANGE, PALE, PURPLE, TINTS } from "./sheet.js";

const COLOURS = [BLUE, GREEN, ORANGE, PURPLE]; // of the four paths
const THIN = 16; // maps in one pixel of a band's thickness
const [TOP, PITCH, HIGH] = [34, 54, 46]; // the first path, from path to path, the height of a box
const [INPUT, FIRST, SECOND, JOIN, RIGHT] = [14, 84, 336, 612, 648]; // where the columns begin
const [WIDE, GAP, BAR] = [200, 52, 12]; // widths of a box, between boxes, of the input and the join

function compute({ inputs, size, reductions, ones, reduce3, threes, reduce5, fives, projection }) {
  const [first, pooling] = [convolution(1, inputs, ones), { name: "3 × 3 max pooling", maps: inputs, weights: 0 }];
  const reduced = counted(size, [
    [first], [convolution(1, inputs, reduce3), convolution(3, reduce3, threes)],
    [convolution(1, inputs, reduce5), convolution(5, reduce5, fives)],
    [pooling, convolution(1, inputs, projection)],
  ]);
  const naive = counted(size, [
    [first], [convolution(3, inputs, threes)], [convolution(5, inputs, fives)], [pooling],
  ]);
  const [module, other] = reductions ? [reduced, naive] : [naive, reduced];
  return { inputs, size, reductions, modules: [reduced, naive], module, other };
}

const convolution = (kernel, inputs, maps) =>
  ({ name: `${kernel} × ${kernel}`, maps, weights: kernel ** 2 * inputs * maps });

function counted(size, paths) {
  const layers = paths.flat();
  const weights = sum(layers.map((layer) => layer.weights));
  return {
    paths, weights, maps: sum(paths.map((path) => path.at(-1).maps)),
    biases: sum(layers.map((layer) => (layer.weights ? layer.maps : 0))),
    macs: weights * size ** 2, // each weight is used once at each place of a map
  };
}

function say({ inputs, reductions, module, other }) {
  const [begin, that] = reductions ? ["With", "without"] : ["Without", "with"];
  const replaced = other.maps !== module.maps ? `, not ${grouped(other.maps)}` : " either way";
  const passed = reductions ? "" : `: pooling passes on all ${inputs}`;
  return `${begin} reductions the module has ${grouped(module.weights)} weights (and ` +
    `${grouped(module.biases)} biases) and ${millions(module.macs)} multiply-adds, ` +
    `${compared(module.weights, other.weights)} ${that} (${grouped(other.weights)} and ` +
    `${millions(other.macs)}). It gives out ${grouped(module.maps)} maps${replaced}${passed}.`;
}

function millions(count) {
  if (count < 1e6) return grouped(count);
  const [whole, tenths] = fixed(count / 1e6, 1).split(".");
  return `${grouped(Number(whole))}.${tenths} million`;
}

function compared(count, other) {
  const times = number(Math.max(count, other) / Math.min(count, other));
  if (times === "1.00") return "about as many as";
  return count < other ? `${times} times fewer than` : `${times} times as many as`;
}

// Bands of maps from the input through the boxes of each path to the join, and what all cost.
function paint(sheet, facts) {
  const { inputs, size, module } = facts;
  const centre = middle(1.5);
  for (const row of range(0, 4)) band(sheet, INPUT + BAR, centre, FIRST, middle(row), inputs, PALE);
  const labels = []; // painted over all bands
  let end = centre - module.maps / THIN / 2; // of the next path, in the join
  module.paths.forEach((path, row) => {
    let [x, maps, colour] = [FIRST, inputs, PALE];
    const y = middle(row);
    path.forEach((layer, i) => {
      const left = i === path.length - 1 ? SECOND : FIRST;
      band(sheet, x, y, left, y, maps, colour);
      if (left === SECOND) labels.push([left - GAP / 2, y, maps]);
      box(sheet, left, y, layer, facts, row);
      [x, maps, colour] = [left + WIDE, layer.maps, TINTS[COLOURS[row]]];
    });
    const high = maps / THIN;
    band(sheet, x, y, JOIN, end + high / 2, maps, colour);
    labels.push([x + 22, y, maps]);
    sheet.fill(JOIN, end, BAR, high, COLOURS[row]);
    end += high;
  });
  for (const [x, y, maps] of labels) {
    sheet.fill(x - 17, y - 9, 34, 18, "white");
    sheet.text(x, y, maps, CENTRED);
  }
  const high = Math.max(inputs / THIN, 1);
  sheet.fill(INPUT, centre - high / 2, BAR, high, INK);
  sheet.title(INPUT, 16, `${inputs} maps of ${size} × ${size}`);
  sheet.text(INPUT, 260, `Bands: maps. Boxes: weights, × ${size}² places = multiply-adds; ` +
    "shaded: their share of all.");
  costs(sheet, facts);
}

const middle = (row) => TOP + PITCH * row + HIGH / 2;

// So many maps on their way; it is level where it begins and where it ends.
function band(sheet, x, y, toX, toY, maps, colour) {
  const thick = Math.max(maps / THIN, 1);
  if (y === toY) return sheet.fill(x - 1, y - thick / 2, toX - x + 1, thick, colour); // over the bend's end
  const strands = Math.ceil(thick / 14); // a curve much thicker than that has cracks where it bends
  for (const strand of range(0, strands)) {
    const lower = ((strand + 0.5) / strands - 0.5) * thick;
    const points = range(0, 12).map((i) => i / 11).map((share) =>
      [x + (toX - x) * share, y + (toY - y) * share ** 2 * (3 - 2 * share) + lower]);
    sheet.curve(points, { colour, thickness: thick / strands + (strands > 1 ? 1 : 0) });
  }
}

function box(sheet, left, y, { name, weights }, { size, module }, row) {
  const [top, right] = [y - HIGH / 2, left + WIDE - 8];
  const write = (down, words) => sheet.text(right, y + down, words, { anchor: "rm" });
  sheet.fill(left, top, WIDE, HIGH, "white");
  sheet.fill(left, top, (WIDE * weights) / module.weights, HIGH, TINTS[COLOURS[row]]);
  sheet.outline(left, top, WIDE, HIGH, { colour: COLOURS[row] });
  sheet.title(left + 8, y - 11, name);
  if (!weights) return write(11, "no weights");
  write(-11, grouped(weights));
  write(11, `× ${size}² = ${grouped(weights * size ** 2)}`);
}

// What comes out, and the multiply-adds of both modules side by side.
function costs(sheet, { size, module: shown, modules }) {
  sheet.title(RIGHT, 16, `${grouped(shown.maps)} maps joined`);
  sheet.title(RIGHT, 52, "the whole module");
  const most = Math.max(...modules.map((module) => module.macs));
  modules.forEach((module, i) => {
    const [y, bold] = [80 + 90 * i, module === shown];
    const words = (bold ? "▶ " : "") + ["with reductions", "without"][i];
    sheet.text(RIGHT, y, words, { bold });
    sheet.bar(RIGHT, y + 14, 170, 18, module.macs / most, bold ? BLUE : GREY);
    sheet.text(840 - 22, y + 42, grouped(module.weights), { anchor: "rm" });
    sheet.text(840 - 22, y + 62, `× ${size}² = ${grouped(module.macs)}`, { anchor: "rm" });
  });
  sheet.answer(RIGHT - 8, 2, 840 - RIGHT, 244);
}

export const inception = { compute, paint, say };
