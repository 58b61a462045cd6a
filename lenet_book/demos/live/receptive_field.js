// Stack layers, pick a unit of the last one, and see which pixels of a digit it sees.
import { effectiveKernel, outputSize } from "./arithmetic.js";
import { digits, inked } from "./files.js";
import { grouped, plural, range, round, span } from "./numbers.js";
import { BLUE, GREY, INK, ORANGE, PALE, RED } from "./sheet.js";
import { tensor } from "./tensor.js";

const LAYERS = { // name -> kernel, stride, padding per side, dilation
  "conv 3×3": [3, 1, 0, 1], "conv 3×3, padding 1": [3, 1, 1, 1], "conv 3×3, stride 2": [3, 2, 0, 1],
  "conv 3×3, dilation 2": [3, 1, 0, 2], "conv 5×5": [5, 1, 0, 1], "conv 1×1": [1, 1, 0, 1],
  "pool 2×2, stride 2": [2, 2, 0, 1],
};
const LENET = ["conv 5×5", "pool 2×2, stride 2", "conv 5×5", "pool 2×2, stride 2", "conv 5×5"];
const PAIR_AND_POOL = ["conv 3×3, padding 1", "conv 3×3, padding 1", "pool 2×2, stride 2"];
const STACKS = {
  "LeNet-5 to C3": LENET.slice(0, 3), "LeNet-5 to C5": LENET,
  "VGG: pairs of 3×3": [...PAIR_AND_POOL, ...PAIR_AND_POOL], "empty": [],
};
const OWN = "your own";
const [MOST, INPUT] = [8, 32]; // layers; height and width of the input, pixels
const [CELL, LEFT, TOP] = [12, 36, 58]; // for a pixel of the input, and where it begins
const [RIGHT, ROW] = [456, 26]; // where the table begins, and how high a line of it is

// Units a side, of the input and after each layer.
function unitsAfter(layers) {
  const units = [INPUT];
  for (const layer of layers) units.push(outputSize(units.at(-1), ...LAYERS[layer]));
  return units;
}

// Why one more layer has no room on top; empty if it has.
function whyNot(layers, layer) {
  if (layers.length === MOST) return `${MOST} layers are the most that have room here`;
  const [size, [kernel, stride, padding, dilation]] = [unitsAfter(layers).at(-1), LAYERS[layer]];
  if (outputSize(size, kernel, stride, padding, dilation)) return "";
  const reach = effectiveKernel(kernel, dilation);
  const dilated = dilation > 1 ? ` with dilation ${dilation} (reach ${reach})` : "";
  return `kernel ${kernel}${dilated} does not fit into size ${size} with padding ${padding} ` +
    `(${size} + 2*${padding} - ${reach} < 0)`;
}

const limits = ({ layers }) =>
  Object.fromEntries(["row", "column"].map((name) => [name, unitsAfter(layers).at(-1) - 1]));

const named = (layers) => Object.keys(STACKS).find((name) => String(STACKS[name]) === String(layers));
const become = (layers) => ({ layers, stack: named(layers) ?? OWN });
const actions = {
  stack: ({ stack, layers }) => ({ layers: STACKS[stack] ?? layers }),
  add: ({ layers, layer }) => become(whyNot(layers, layer) ? layers : [...layers, layer]),
  remove: ({ layers }) => become(layers.slice(0, -1)),
};

// The fields of one more layer, in pixels of the input.
function then({ size, jump, start }, [kernel, stride, padding, dilation]) {
  const reach = dilation * (kernel - 1);
  return { size: size + reach * jump, jump: jump * stride, start: start + (reach / 2 - padding) * jump };
}

// By how many paths each row of the input reaches a row of units of the last layer, counted from the
// unit back; columns alike. With all weights of a layer the same, and the mean in place of a maximum,
// the gradient is the paths down times the paths across.
function paths(unit, layers, units) {
  const counts = range(0, units.at(-1)).map((u) => Number(u === unit));
  return layers.reduceRight((after, layer, i) => {
    const [[kernel, stride, padding, dilation], before] = [LAYERS[layer], Array(units[i]).fill(0)];
    after.forEach((count, u) => {
      for (const tap of range(0, kernel)) {
        const read = u * stride - padding + tap * dilation;
        if (read in before) before[read] += count;
      }
    });
    return before;
  }, counts);
}

const window = (counts) =>
  range(counts.findIndex((count) => count > 0), counts.findLastIndex((count) => count > 0) + 1);

function compute({ layers, layer, row, column, measured }) {
  const [units, settings, problem] = [unitsAfter(layers), LAYERS[layer], whyNot(layers, layer)];
  const fields = [{ size: 1, jump: 1, start: 0 }];
  for (const name of layers) fields.push(then(fields.at(-1), LAYERS[name]));
  const neighbour = column + 1 < units.at(-1) ? column + 1 : column ? column - 1 : null;
  const [down, across] = [row, column].map((unit) => paths(unit, layers, units));
  const beside = neighbour === null ? null : paths(neighbour, layers, units);
  return {
    layers, layer, row, column, measured, units, fields, problem, neighbour, down, across,
    more: problem ? null : [outputSize(units.at(-1), ...settings), then(fields.at(-1), settings)],
    rows: window(down), columns: window(across), besides: beside && window(beside),
    read: down.filter(Boolean).length * across.filter(Boolean).length, // pixels that move the unit
  };
}

function paint(sheet, facts) {
  const { measured, rows, columns, besides, problem } = facts;
  input(sheet, facts, measured);
  if (besides) frame(sheet, rows, besides, { colour: RED, thickness: 3, dash: true });
  frame(sheet, rows, columns, { colour: BLUE, thickness: 4 });
  table(sheet, facts);
  lastLayer(sheet, facts);
  if (problem) sheet.text(LEFT, 451, `no room: ${problem}`, { colour: RED, anchor: "lm" });
}

// The digit, orange where the gradient is not zero, with the numbers of rows and columns.
function input(sheet, { down, across }, measured) {
  const side = CELL * INPUT;
  sheet.title(LEFT, 18, `input ${INPUT} × ${INPUT}`, { size: 16 });
  if (measured) sheet.text(LEFT + side, 18, "orange: what moves the unit", { size: 14, anchor: "rm" });
  for (const pixel of [0, 8, 16, 24, 31]) {
    sheet.text(LEFT + CELL * (pixel + 0.5), TOP - 11, pixel, { size: 12 });
    sheet.text(LEFT - 5, TOP + CELL * (pixel + 0.5), pixel, { size: 12, anchor: "rm" });
  }
  const orange = [1, 3, 5].map((i) => parseInt(ORANGE.slice(i, i + 2), 16));
  const most = Math.max(...down) * Math.max(...across);
  const colours = Array.from(inked(digits("ten-digits")[7].image, INPUT).data, (ink, i) => {
    const count = measured ? down[Math.floor(i / INPUT)] * across[i % INPUT] : 0;
    const [paper, tint] = [255 - Math.round(255 * ink), count ? 0.2 + (0.7 * count) / most : 0];
    return orange.map((value) => (1 - tint) * paper + tint * value + 1e-6); // as in Python
  });
  sheet.paste(tensor([INPUT, INPUT, 3], Uint8Array.from(colours.flat())), LEFT, TOP, side);
  sheet.outline(LEFT, TOP, side, side, { colour: GREY, thickness: 1 });
}

function frame(sheet, rows, columns, style) {
  const [x, y] = [LEFT + CELL * columns[0], TOP + CELL * rows[0]];
  sheet.outline(x, y, CELL * columns.length, CELL * rows.length, style);
}

// A line for the input and for each layer: its output, and size, jump and start of its fields. A pale
// one below for the layer that could be added.
function table(sheet, { layers, layer, units, fields, more }) {
  sheet.fill(RIGHT - 6, 6, 388, ROW, PALE);
  const lines = [["", "layer", "output", "size", "jump", "start"]];
  ["input", ...layers].forEach((name, i) => lines.push(line(i || "", name, units[i], fields[i])));
  if (more) lines.push(line("+", layer, ...more));
  else if (layers.length < MOST) lines.push(["+", layer, "no room", "", "", ""]);
  sheet.outline(RIGHT - 6, 6 + ROW * (layers.length + 1), 388, ROW, { colour: BLUE }); // the unit's
  lines.forEach(([index, name, ...numbers], at) => {
    const [y, bold, colour] = [6 + ROW * (at + 0.5), at === 0, index === "+" ? "#767676" : INK];
    sheet.text(RIGHT, y, index, { size: 14, colour, anchor: "lm" });
    sheet.text(RIGHT + (index ? 20 : 0), y, name, { size: 14, colour, anchor: "lm", bold });
    [692, 736, 784, 834].forEach((x, i) =>
      sheet.text(x, y, numbers[i], { size: 14, colour, anchor: "rm", bold }));
  });
}

const line = (index, name, units, { size, jump, start }) =>
  [index, name, `${units} × ${units}`, size, jump, String(start).replace("-", "−")];

// The units of the last layer, and which of them the two frames belong to.
function lastLayer(sheet, { units: all, fields, row, column, neighbour }) {
  const [top, side, units] = [304, 126, all.at(-1)];
  const cell = side / Math.max(units, 4);
  const [y, text] = [top + cell * row, RIGHT + side + 20];
  sheet.grid(RIGHT, top, cell, units, units, { colour: "#BBBBBB" });
  sheet.title(RIGHT, top - 16, `output ${units} × ${units}`);
  if (neighbour !== null) {
    sheet.outline(RIGHT + cell * neighbour, y, cell, cell, { colour: RED });
    sheet.outline(text, top + 52, 26, 20, { colour: RED, thickness: 3, dash: true });
    const words = `its neighbour: jump ${fields.at(-1).jump}`;
    sheet.text(text + 36, top + 62, words, { size: 14, anchor: "lm" });
  }
  sheet.fill(RIGHT + cell * column, y, cell, cell, BLUE);
  sheet.outline(text, top + 16, 26, 20, { colour: BLUE, thickness: 4 });
  sheet.title(text + 36, top + 26, `unit (${row}, ${column})`);
}

function say(facts) {
  const { layers, layer, row, column, measured, fields, problem, more, rows, columns, read } = facts;
  const [{ size }, inside] = [fields.at(-1), rows.length * columns.length];
  const where = `${span("row", rows)} and ${span("column", columns)}`;
  let words = layers.length
    ? `The unit in row ${row} and column ${column} of layer ${layers.length} (${layers.at(-1)}) sees ` +
      `${where} of the input, ${rows.length} × ${columns.length} pixels`
    : `Without layers a unit is a pixel: the one in row ${row} and column ${column} sees itself alone, ` +
      "1 × 1 pixels";
  if (rows.length !== size || columns.length !== size) {
    words += `; its field has ${size} × ${size}, the rest is padding`;
  }
  if (read < inside) words += `; there are gaps, it reads ${grouped(read)} of the ${grouped(inside)}`;
  if (measured) {
    const ends = (counts) => [Math.max(...counts), Math.min(...counts.filter(Boolean))];
    const [[most, least], [widest, thinnest]] = [facts.down, facts.across].map(ends);
    const ratio = round((most * widest) / (least * thinnest));
    words += `. Measured: the gradient is not zero at ${grouped(read)} ${plural("pixel", read)}, in ${where}`;
    if (ratio > 1) words += `; the strongest counts ${grouped(ratio)} times as much as the weakest`;
  }
  if (problem) {
    const advice = layers.length === MOST ? "remove one first" : "remove a layer first or add a smaller one";
    return `${words}. There is no room for ${layer} on top: ${problem}; ${advice}.`;
  }
  const [units, { size: wider, jump }] = more;
  return `${words}. With ${layer} on top: output ${units} × ${units}, size ${wider}, jump ${jump}.`;
}

export const receptive_field = { compute, paint, say, limits, actions };
