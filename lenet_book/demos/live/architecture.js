// LeNet-5 layer by layer: where each stands, how its size and its counts come about, its share.
import { explain } from "./arithmetic.js";
import { grouped, percent, range, sum } from "./numbers.js";
import { INPUT_SIZE, LAYERS } from "./paper.js";
import { BLUE, CENTRED, GREEN, GREY, INK, ORANGE, PALE, PURPLE, TINTS } from "./sheet.js";

const KINDS = { C: BLUE, S: ORANGE, F: GREEN, O: PURPLE }; // by the first letter of a layer's name
const MIDDLES = [62, 180, 292, 404, 516, 616, 704, 792]; // of the columns of the input and the layers
const [UNIT, HEIGHT] = [2.2, 72]; // pixels for one of a map; the height on which all maps are centred
const [LEFT, FOOT, BAR] = [12, 182, 40]; // where words begin, bars stand, and how long the longest of them is

const colourOf = ({ name }) => KINDS[name[0].toUpperCase()];
const subsampling = (layer) => layer.kind === "subsampling";

// A unit of a subsampling layer multiplies once; elsewhere every connection does, but for the biases,
// of which the layer whose parameters are fixed has none.
function macs(layer) {
  const units = layer.maps * layer.size ** 2;
  return subsampling(layer) ? units : layer.connections - (layer.fixed ? 0 : units);
}

const MEASURES = {
  "parameters": (layer) => layer.trainable, "connections": (layer) => layer.connections, "multiply-adds": macs,
};

// The input and the layers from left to right: see lenet_book/plots/to_scale.py, also for the lengths.
const INPUT = { name: "input", maps: 1, size: INPUT_SIZE, kernel: 0 };
const NET = [INPUT, ...LAYERS].map(({ name, maps, size, kernel }, column) => {
  const step = size > 1 ? Math.min(2, 16 / maps) : 0; // to the next map behind, to the right and up
  const width = size > 1 ? size + step * (maps - 1) : 2;
  const left = MIDDLES[column] / UNIT - width / 2;
  const top = (step * (maps - 1) - size) / 2;
  const boxes = size > 1
    ? range(0, maps).map((i) => [left + i * step, top - i * step, size, size])
    : [[left, -maps / 6, 2, maps / 3]];
  const shape = size > 1 ? `${maps} × ${size} × ${size}` : `${maps} units`;
  return { name, size, kernel, boxes, shape };
});

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
    : `each unit reads all ${before.maps} of ${before.name}`;
  const once = subsampling(layer) ? `(${k}*${k} + 1) * ${maps}` : grouped(trainable);
  const connections = `${grouped(layer.connections)} connections`;
  const counts = LAYERS.map(MEASURES[bars]);
  const total = sum(counts);
  return {
    number, layer, shape: NET[number + 1].shape, size, counts, total, macs: macs(layer),
    uses: side > 1 ? `${once} * ${side}*${side} = ${connections}` : `${connections}: each parameter is used once`,
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
    `${shares[number]} of all ${grouped(total)} ${measured}.`;
}

// A column for each layer with maps, bar and share; below, how the chosen one counts.
function paint(sheet, { number, layer, size, held, uses, macs, counts, total, measured, shares }) {
  drawNet(sheet, number);
  const [measure, trainable = ""] = measured.split(" ").reverse();
  sheet.text(LEFT, FOOT - 3, trainable);
  sheet.text(LEFT, FOOT + 16, measure);
  sheet.text(LEFT, FOOT + 36, `of ${grouped(total)}`);
  LAYERS.forEach((one, i) => {
    const [middle, strong] = [MIDDLES[i + 1], i === number];
    const height = (BAR * counts[i]) / Math.max(...counts);
    sheet.fill(middle - 30, FOOT - height, 60, height, strong ? colourOf(one) : "#B8B8B8");
    sheet.fill(middle - 36, FOOT, 72, 1, GREY);
    sheet.text(middle, FOOT + 16, grouped(counts[i]), style(strong));
    sheet.text(middle, FOOT + 36, shares[i], style(strong));
  });
  sheet.answer(MIDDLES[1] - 48, FOOT - BAR - 1, 706, BAR + 46);
  sheet.fill(LEFT, 230, 816, 1, PALE);
  sheet.title(LEFT, 243, `${layer.name}: ${layer.kind}`);
  sheet.text(280, 243, (layer.kernel ? "size " : "") + size);
  sheet.text(LEFT, 264, `${layer.working} = ${held}`);
  sheet.text(LEFT, 284, `${uses}; ${grouped(macs)} multiply-adds`);
  sheet.answer(LEFT - 4, 254, 826, 40);
}

// The whole net, one layer in colour, and for each what a unit of it reads.
function drawNet(sheet, number) {
  const chosen = colourOf(LAYERS[number]);
  NET.forEach((stack, i) => {
    const strong = i === number + 1;
    const [colour, tint] = strong ? [chosen, TINTS[chosen]] : ["#9A9A9A", "white"];
    for (const box of stack.boxes.map(onPage).reverse()) {
      sheet.fill(...box, stack.size > 1 ? tint : colour);
      sheet.outline(...box, { colour, thickness: 1 });
    }
    sheet.text(MIDDLES[i], 13, stack.name, style(strong));
    sheet.text(MIDDLES[i], 127, stack.shape, { ...CENTRED, colour: strong ? INK : "#707070" });
    if (strong) sheet.fill(MIDDLES[i] - 30, 23, 60, 3, colour);
  });
  const others = [...LAYERS.keys()].filter((i) => i !== number);
  for (const i of [...others, number]) { // the coloured lines last, over all others
    const [colour, thickness] = i === number ? [chosen, 2] : ["#B8B8B8", 1];
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
  return [x, HEIGHT + y, width, height];
}

const style = (strong) => ({ ...CENTRED, colour: strong ? INK : "#707070", bold: strong });

// The layer in whose column a point lies.
function point(facts, x, y) {
  const number = MIDDLES.slice(1).findIndex((middle, i) => 2 * x < middle + (MIDDLES[i + 2] ?? Infinity));
  return x > MIDDLES[1] - 56 && y < FOOT + 46 ? { layer: LAYERS[number].name } : null;
}

export const architecture = { compute, paint, say, point };
