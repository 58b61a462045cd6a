// LeNet-5 layer by layer: where each stands, how its size and its counts come about, its share.
import { explain } from "./arithmetic.js";
import { grouped, percent, range } from "./numbers.js";
import { INPUT_SIZE, LAYERS } from "./paper.js";
import { BLUE, GREEN, INK, ORANGE, PURPLE } from "./sheet.js";

const KINDS = { C: BLUE, S: ORANGE, F: GREEN, O: PURPLE }; // by the first letter of a layer's name
const TINTS = { C: "#B8D5E8", S: "#F8E2B8", F: "#B8E3D7", O: "#F1DCE7" }; // the same, but paler
const [UNIT, MIDDLE] = [3.2, 104]; // pixels for one of a map; the height on which all are centred
const [LEFT, RIGHT, TOP] = [24, 448, 240]; // where the words, the bars, and both of them begin

const kindOf = ({ name }) => name[0].toUpperCase();
const subsampling = (layer) => layer.kind === "subsampling";
const sum = (numbers) => numbers.reduce((total, value) => total + value, 0);

// A unit of a subsampling layer multiplies once; elsewhere every connection does, but for the biases,
// of which the layer whose parameters are fixed has none.
function macs(layer) {
  const units = layer.maps * layer.size ** 2;
  return subsampling(layer) ? units : layer.connections - (layer.fixed ? 0 : units);
}

const MEASURES = {
  "parameters": (layer) => layer.trainable, "connections": (layer) => layer.connections, "multiply-adds": macs,
};
const WHOLE = `${grouped(sum(LAYERS.map((layer) => layer.trainable)))} trainable and ` +
  `${grouped(sum(LAYERS.map((layer) => layer.fixed)))} fixed parameters and ` +
  `${grouped(sum(LAYERS.map((layer) => layer.connections)))} connections`;

// The input and the layers from left to right: see lenet_book/plots/to_scale.py, also for the lengths.
const NET = [];
for (const { name, maps, size, kernel } of [{ name: "input", maps: 1, size: INPUT_SIZE, kernel: 0 }, ...LAYERS]) {
  const before = NET.at(-1);
  const left = before ? before.left + before.width + (before.size > 5 ? 10 : 18) : 0; // room for words
  const step = size > 1 ? Math.min(2, 16 / maps) : 0; // to the next map behind, to the right and up
  const width = size > 1 ? size + step * (maps - 1) : 2;
  const top = (step * (maps - 1) - size) / 2;
  const boxes = size > 1
    ? range(0, maps).map((i) => [left + i * step, top - i * step, size, size])
    : [[left, -maps / 6, 2, maps / 3]];
  const shape = size > 1 ? `${maps} × ${size} × ${size}` : `${maps} units`;
  NET.push({ name, size, kernel, left, width, boxes, shape });
}

// A window on the front map of the layer before, and the unit that it feeds.
function reads({ size, kernel: k, boxes: [box] }, { boxes: [[x, y, width, height]] }) {
  const window = k ? [x + 0.8 * (width - k), y + 0.6 * (height - k), k, k] : [x, y, width, height];
  const [left, top, wide, high] = box;
  return [window, size > 1 ? [left + 0.2 * wide, top + 0.6 * high, 1, 1] : [left, -1 / 6, 2, 1 / 3]];
}

function compute({ layer: name, bars }) {
  const number = LAYERS.findIndex((layer) => layer.name === name);
  const [layer, before] = [LAYERS[number], LAYERS[number - 1]];
  const { kernel: k, maps, size: side, trainable, fixed } = layer;
  const size = k
    ? explain(before?.size ?? INPUT_SIZE, k, subsampling(layer) ? k : 1)
    : `each reads all ${before.maps} of ${before.name}`;
  const once = subsampling(layer) ? `(${k}*${k} + 1) * ${maps}` : grouped(trainable);
  const counts = LAYERS.map(MEASURES[bars]);
  const total = sum(counts);
  return {
    number, layer, shape: NET[number + 1].shape, size, counts, total, macs: macs(layer),
    uses: side > 1 ? `= ${once} * ${side}*${side}` : "each parameter is used once",
    held: fixed ? `${grouped(fixed)} fixed parameters` : `${grouped(trainable)} parameters`,
    measured: bars === "parameters" ? "trainable parameters" : bars,
    shares: counts.map((count) => perCent(count / total)),
  };
}

// With a second decimal where the first would be 0.
const perCent = (share) => percent(share, 0 < share && share < 0.001 ? 2 : 1);

function say({ number, layer, shape, held, macs, shares, total, measured }) {
  return `${layer.name}, ${layer.kind}, ${shape}: ${layer.working} = ${held}, ` +
    `${grouped(layer.connections)} connections, ${grouped(macs)} multiply-adds; ` +
    `${shares[number]} of all ${grouped(total)} ${measured}. The whole net has ${WHOLE}.`;
}

// The net above, the words on the left, the bars on the right.
function paint(sheet, { number, layer, shape, size, held, uses, counts, total, measured, shares }) {
  drawNet(sheet, number);
  sheet.title(LEFT, TOP, `${layer.name}: ${layer.kind}`, { size: 18 });
  [[shape, size], [held, `= ${layer.working}`], [`${grouped(layer.connections)} connections`, uses]].forEach(
    ([title, working], i) => {
      sheet.title(LEFT, TOP + 36 + 62 * i, title, { size: 16 });
      sheet.text(LEFT, TOP + 59 + 62 * i, working, { size: 14, anchor: "lm" });
    });
  sheet.title(RIGHT, TOP, `share of ${grouped(total)} ${measured}`);
  LAYERS.forEach((one, i) => {
    const [y, strong] = [TOP + 33 + 28 * i, i === number];
    const write = (x, words, anchor) => sheet.text(x, y, words, { size: 14, anchor, ...style(strong) });
    write(RIGHT, one.name, "lm");
    sheet.bar(RIGHT + 62, y - 9, 180, 18, counts[i] / total, strong ? KINDS[kindOf(one)] : "#B8B8B8");
    write(RIGHT + 318, grouped(counts[i]), "rm");
    write(RIGHT + 382, shares[i], "rm");
  });
}

// The whole net, one layer in colour, and for each what a unit of it reads.
function drawNet(sheet, number) {
  const kind = kindOf(LAYERS[number]);
  NET.forEach((stack, i) => {
    const strong = i === number + 1;
    const [colour, tint] = strong ? [KINDS[kind], TINTS[kind]] : ["#9A9A9A", "white"];
    for (const box of stack.boxes.map(onPage).reverse()) {
      sheet.fill(...box, stack.size > 1 ? tint : colour);
      sheet.outline(...box, { colour, thickness: 1 });
    }
    const middle = LEFT + (stack.left + stack.width / 2) * UNIT;
    sheet.text(middle, 16, stack.name, { size: 15, ...style(strong) });
    sheet.text(middle, 196, stack.shape, { size: 13, ...style(strong) });
    if (strong) sheet.fill(middle - 30, 27, 60, 4, colour);
  });
  const others = [...LAYERS.keys()].filter((i) => i !== number);
  for (const i of [...others, number]) { // the coloured lines last, over all others
    const [colour, thickness] = i === number ? [KINDS[kind], 2] : ["#B8B8B8", 1];
    const [window, unit] = reads(NET[i + 1], NET[i]).map(onPage);
    if (NET[i + 1].kernel) sheet.outline(...window, { colour, thickness: thickness + 1 });
    sheet.fill(...unit, colour);
    for (const bottom of [0, 1]) {
      sheet.curve([[window[0] + window[2], window[1] + bottom * window[3]],
        [unit[0], unit[1] + bottom * unit[3]]], { colour, thickness });
    }
  }
}

function onPage(box) {
  const [x, y, width, height] = box.map((length) => UNIT * length);
  return [LEFT + x, MIDDLE + y, width, height];
}

const style = (strong) => ({ colour: strong ? INK : "#707070", bold: strong });

export const architecture = { compute, paint, say };
