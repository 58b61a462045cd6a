// Stack layers, pick a unit of the last one, and see which pixels of a digit it sees.
import { effectiveKernel, outputSize } from "./arithmetic.js";
import { rgb } from "./colours.js";
import { digits, inked } from "./files.js";
import { cellAt, grouped, nameIn, range, round, span } from "./numbers.js";
import { BLUE, CENTRED, GREY, INK, ORANGE, PALE, RED } from "./sheet.js";
import { tensor } from "./tensor.js";

const [CONV, PADDED, POOL] = ["conv 5×5", "conv 3×3, padding 1", "pool 2×2, stride 2"];
const LAYERS = { // name -> kernel, stride, padding per side, dilation
  "conv 3×3": [3, 1, 0, 1], [PADDED]: [3, 1, 1, 1], "conv 3×3, stride 2": [3, 2, 0, 1],
  "conv 3×3, dilation 2": [3, 1, 0, 2], [CONV]: [5, 1, 0, 1], "conv 1×1": [1, 1, 0, 1], [POOL]: [2, 2, 0, 1],
};
const LENET = [CONV, POOL, CONV, POOL, CONV];
const PAIR_AND_POOL = [PADDED, PADDED, POOL];
const STACKS = {
  "LeNet-5 to C3": LENET.slice(0, 3), "LeNet-5 to C5": LENET,
  "VGG: pairs of 3×3": [...PAIR_AND_POOL, ...PAIR_AND_POOL], "empty": [],
};
const OWN = "your own";
const [MOST, INPUT] = [8, 32]; // layers; height and width of the input, pixels
const [CELL, LEFT, TOP] = [8, 30, 24]; // for a pixel of the input, and where it begins
const [TABLE, ROW] = [302, 24]; // where the table begins, and how high a line of it is
const EDGES = [550, 591, 643, 690]; // the right edges of its numbers
const [OUTPUT, SIDE] = [710, 120]; // where the last layer's units begin, and how wide they are

// Units a side, of the input and after each layer.
function unitsAfter(layers) {
  const units = [INPUT];
  for (const layer of layers) units.push(outputSize(units.at(-1), ...LAYERS[layer]));
  return units;
}

// Why one more layer has no room on top; empty if it has.
function whyNot(layers, layer) {
  if (layers.length === MOST) return `${MOST} layers are the most`;
  const [size, [kernel, stride, padding, dilation]] = [unitsAfter(layers).at(-1), LAYERS[layer]];
  if (outputSize(size, kernel, stride, padding, dilation)) return "";
  const reach = effectiveKernel(kernel, dilation);
  const dilated = dilation > 1 ? ` with dilation ${dilation} (reach ${reach})` : "";
  return `kernel ${kernel}${dilated} does not fit into size ${size} with padding ${padding}`;
}

function limits({ layers }) {
  const last = unitsAfter(layers).at(-1) - 1;
  return { row: last, column: last };
}

const become = (layers) => ({ layers, stack: nameIn(STACKS, layers) ?? OWN });
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
  const { layers: { length }, rows, columns, besides } = facts;
  input(sheet, facts);
  if (besides) frame(sheet, rows, besides, { colour: RED, thickness: 3, dash: true });
  frame(sheet, rows, columns, { colour: BLUE, thickness: 4 });
  table(sheet, facts);
  lastLayer(sheet, facts);
  legend(sheet, facts);
  sheet.answer(LEFT, TOP, CELL * INPUT, CELL * INPUT);
  const numbers = EDGES[0] + 4; // of the unit's field, and of the one to come
  sheet.answer(numbers, lineAt(length + 1), EDGES.at(-1) + 6 - numbers, ROW * (length < MOST ? 2 : 1));
}

// The digit, orange where the gradient is not zero, with the numbers of rows and columns.
function input(sheet, { down, across, measured }) {
  const side = CELL * INPUT;
  for (const pixel of [0, 8, 16, 24, 31]) {
    sheet.text(LEFT + CELL * (pixel + 0.5), TOP - 11, pixel, CENTRED);
    sheet.text(LEFT - 5, TOP + CELL * (pixel + 0.5), pixel, { anchor: "rm" });
  }
  const most = Math.max(...down) * Math.max(...across);
  const colours = Array.from(inked(digits("ten-digits")[7].image, INPUT).data, (ink, i) => {
    const count = measured ? down[Math.floor(i / INPUT)] * across[i % INPUT] : 0;
    const [paper, tint] = [255 - Math.round(255 * ink), count ? 0.2 + (0.7 * count) / most : 0];
    return rgb(ORANGE).map((value) => (1 - tint) * paper + tint * value + 1e-6); // as in Python
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
  const [left, width] = [TABLE - 6, EDGES.at(-1) + 12 - TABLE];
  sheet.fill(left, lineAt(0), width, ROW, PALE);
  const lines = [["", "layer", "output", "size", "jump", "start"]];
  ["input", ...layers].forEach((name, i) => lines.push(line(i || "", name, units[i], fields[i])));
  if (more) lines.push(line("+", layer, ...more));
  else if (layers.length < MOST) lines.push(["+", layer, "no room", "", "", ""]);
  sheet.outline(left, lineAt(layers.length + 1), width, ROW, { colour: BLUE }); // the unit's
  lines.forEach(([index, name, ...numbers], at) => {
    const [y, style] = [lineAt(at + 0.5), { colour: index === "+" ? "#767676" : INK }];
    sheet.text(TABLE, y, index, style);
    sheet.text(TABLE + (index ? 16 : 0), y, name, style);
    EDGES.forEach((x, i) => sheet.text(x, y, numbers[i], { ...style, anchor: "rm" }));
  });
}

const lineAt = (index) => 4 + ROW * index; // where a line of the table begins
const line = (index, name, units, { size, jump, start }) =>
  [index, name, `${units}×${units}`, size, jump, start];
const cellOf = (units) => SIDE / Math.max(units, 4);

// The units of the last layer, and which of them the two frames belong to.
function lastLayer(sheet, { units: all, row, column, neighbour }) {
  const [units, cell] = [all.at(-1), cellOf(all.at(-1))];
  const y = TOP + cell * row;
  sheet.text(OUTPUT, 12, `output ${units}×${units}`);
  sheet.grid(OUTPUT, TOP, cell, units, units, { colour: "#BBBBBB" });
  if (neighbour !== null) sheet.outline(OUTPUT + cell * neighbour, y, cell, cell, { colour: RED });
  sheet.fill(OUTPUT + cell * column, y, cell, cell, BLUE);
}

// What the frames and the colour are, and what the table's numbers say.
function legend(sheet, { row, column, neighbour, measured }) {
  sheet.outline(TABLE, 254, 22, 16, { colour: BLUE, thickness: 4 });
  sheet.text(TABLE + 28, 262, `unit (${row}, ${column})`);
  if (neighbour !== null) {
    sheet.outline(TABLE + 144, 254, 22, 16, { colour: RED, thickness: 3, dash: true });
    sheet.text(TABLE + 172, 262, "its neighbour");
  }
  if (measured) {
    sheet.fill(TABLE + 300, 254, 22, 16, ORANGE);
    sheet.text(TABLE + 328, 262, "what moves the unit");
  }
  sheet.text(TABLE, 284, "jump: from field to field; start: middle of the first; in pixels");
}

// The unit the middle of whose field is nearest to a point of the digit, or the unit at a point.
function point({ units, fields }, x, y) {
  const [count, { start, jump }] = [units.at(-1), fields.at(-1)];
  if (x < TABLE - 8) {
    const [row, column] = [y - TOP, x - LEFT].map((at) => Math.round((at / CELL - 0.5 - start) / jump));
    return { row, column };
  }
  return cellAt(x - OUTPUT, y - TOP, cellOf(count), count);
}

function say(facts) {
  const { layers, layer, row, column, measured, fields, problem, more, rows, columns, read } = facts;
  const [{ size }, inside] = [fields.at(-1), rows.length * columns.length];
  let words = layers.length
    ? `Unit (${row}, ${column}) of layer ${layers.length} (${layers.at(-1)}) sees ${span("row", rows)} and ` +
      `${span("column", columns)} of the input, ${rows.length} × ${columns.length} pixels`
    : `Without layers a unit is a pixel: the one in row ${row} and column ${column} sees itself alone, ` +
      "1 × 1 pixels";
  if (rows.length !== size || columns.length !== size) {
    words += ` of its ${size} × ${size}, the rest is padding`;
  }
  if (read < inside) words += `; there are gaps, it reads ${grouped(read)} of the ${grouped(inside)}`;
  if (measured) {
    const ends = (counts) => [Math.max(...counts), Math.min(...counts.filter(Boolean))];
    const [[most, least], [widest, thinnest]] = [facts.down, facts.across].map(ends);
    const ratio = round((most * widest) / (least * thinnest));
    words += `. Measured: ${grouped(read)} ${read > 1 ? "pixels move" : "pixel moves"} it`;
    if (ratio > 1) words += `, the strongest ${grouped(ratio)} times as much as the weakest`;
  }
  if (problem) {
    const advice = layers.length === MOST ? "remove one" : "add a smaller one";
    return `${words}. No room for ${layer} on top: ${problem}; ${advice}.`;
  }
  if (measured) return `${words}.`;
  const [units, { size: wider, jump }] = more;
  return `${words}. With ${layer} on top: output ${units} × ${units}, size ${wider}, jump ${jump}.`;
}

export const receptive_field = { compute, paint, say, limits, actions, point };
