// Six maps in, one map out: what each kernel makes of its map, and their sum so far.
import { digits, inked, weights } from "./files.js";
import { run } from "./nets.js";
import { fixed, number, range, signed } from "./numbers.js";
import { BLUE, GREY } from "./sheet.js";
import { at, conv2d, map, part, reach, tensor } from "./tensor.js";

const SIZE = 14; // height and width of an input map
const [LEFT, PITCH, CELL] = [112, 91, 6]; // the first map, from map to map, and each pixel of a map
const [INPUTS, KERNELS, PARTS, SUMS] = [32, 130, 194, 300]; // where each row begins
const [RIGHT, TOP, LARGE] = [664, 58, 12]; // the output map and each pixel of it
const KERNEL = 50; // height and width of a kernel
const EACH = range(0, 6).map((k) => [k]); // every kernel reads one map

const limits = ({ kernel }) => ({ row: SIZE - kernel, column: SIZE - kernel });

function compute({ digit, output, maps, kernel, row, column }) {
  const { "c3.weight": weight, "c3.bias": { data: { [output]: bias } } } = weights("lenet5");
  const inputs = mapsOfS2(digit);
  const kernels = middle(part(weight, output), kernel);
  const parts = conv2d(inputs, kernels, null, EACH);
  const [, size] = parts.shape;
  const sums = tensor([7, size, size]); // of the bias and the first 0 to 6 parts
  for (let i = 0; i < size ** 2; i++) {
    let total = 0;
    for (let k = 0; k < 7; k++) {
      sums.data[k * size ** 2 + i] = bias + Math.fround(total);
      total += parts.data[k * size ** 2 + i];
    }
  }
  const ofPixel = (all) => range(0, all.shape[0]).map((k) => at(part(all, k), row, column));
  return {
    digit, output, maps, row, column, bias, inputs, kernels, parts, sums,
    addends: ofPixel(parts), totals: ofPixel(sums), pixels: ofPixel(inputs),
    reach: [reach(inputs), reach(kernels), reach(parts, sums)], // numbers that are in full colour
  };
}

// The middle size x size of kernels of 5 x 5.
function middle({ shape: [count], data }, size) {
  const [cut, pixels] = [(5 - size) / 2, size ** 2];
  const place = (i) => (Math.floor(i / size) + cut) * 5 + (i % size) + cut; // of one within its 5 x 5
  return map(tensor([count, size, size]), (_, i) => data[25 * Math.floor(i / pixels) + place(i % pixels)]);
}

// What C3 reads of a digit.
const known = [];
const mapsOfS2 = (digit) => (known[digit] ??= run("lenet5", digits("ten-digits")[digit].image).maps.s2);

function paint(sheet, facts) {
  const [kernel, size] = [facts.kernels, facts.parts].map(({ shape }) => shape.at(-1));
  const { digit, maps, bias, addends, totals, reach: [strongest, heaviest, most] } = facts;
  sheet.image(inked(digits("ten-digits")[digit].image), 26, 14, 60);
  label(sheet, 88, "input maps", `${SIZE} × ${SIZE}`);
  label(sheet, KERNELS + 16, "kernels", `${kernel} × ${kernel}`);
  label(sheet, PARTS + 32, "partial sums", `${size} × ${size}`);
  label(sheet, SUMS, "this pixel", "sum so far", 24);
  for (let k = 0; k < 6; k++) {
    const left = LEFT + PITCH * k;
    const centre = left + (SIZE * CELL) / 2;
    const weights = [part(facts.kernels, k), centre - KERNEL / 2, KERNELS, KERNEL];
    sheet.text(centre, 16, k, { size: 15, bold: true });
    drawn(sheet, part(facts.inputs, k), left, INPUTS, CELL, strongest, facts, kernel);
    if (kernel === 1) sheet.numbers(...weights, 15, { reach: heaviest });
    else sheet.image(...weights, { reach: heaviest, frame: true });
    if (k < maps) {
      drawn(sheet, part(facts.parts, k), left, PARTS, CELL, most, facts);
      sheet.text(centre, SUMS, signed(addends[k]), { size: 15, colour: BLUE, bold: true });
      sheet.text(centre, SUMS + 24, number(totals[k + 1]), { size: 14 });
    } else {
      frame(sheet, left, PARTS, CELL);
    }
  }
  sheet.title(RIGHT, 16, `output map ${facts.output}`, { size: 16 });
  sheet.text(RIGHT, 38, `bias + ${maps} of 6 maps`, { size: 14, anchor: "lm" });
  drawn(sheet, part(facts.sums, maps), RIGHT, TOP, LARGE, most, facts);
  sheet.text(RIGHT, 242, `${size} × ${size}`, { anchor: "lm" });
  sheet.text(RIGHT, SUMS - 18, `bias ${number(bias)}`, { size: 14, anchor: "lm" });
  sheet.title(RIGHT, SUMS + 12, `= ${number(totals[maps])}`, { size: 22, colour: BLUE });
  sheet.text(8, 358, `violet below zero, orange above: inputs to ${fixed(strongest, 1)}, kernels to ` +
    `±${fixed(heaviest, 2)}, partial sums and output map to ±${fixed(most, 1)}; dashed: ${SIZE} × ${SIZE}`,
    { size: 12, anchor: "lm" });
}

// A map in the middle of a frame of 14 x 14, with the outline of its window at a place.
function drawn(sheet, values, left, top, cell, most, { row, column }, window = 1) {
  const [size] = values.shape;
  if (size < SIZE) frame(sheet, left, top, cell);
  const inset = ((SIZE - size) / 2) * cell;
  const [x, y] = [left + inset, top + inset];
  sheet.image(values, x, y, cell * size, { reach: most, frame: true });
  const side = cell * window + 4;
  sheet.outline(x + cell * column - 2, y + cell * row - 2, side, side, { colour: BLUE });
}

const frame = (sheet, left, top, cell) =>
  sheet.outline(left, top, SIZE * cell, SIZE * cell, { colour: GREY, thickness: 1, dash: true });

function label(sheet, top, first, second, between = 17) {
  sheet.title(8, top, first, { size: 13 });
  sheet.text(8, top + between, second, { anchor: "lm" });
}

function say({ output, maps, row, column, bias, kernels, parts, addends, totals, pixels }) {
  const size = parts.shape.at(-1);
  const whole = size === SIZE;
  const terms = whole
    ? pixels.map((pixel, k) => `${signed(kernels.data[k])}·${number(pixel)}`)
    : addends.map(signed);
  const end = whole
    ? `With the middle number of each kernel alone the output keeps ${SIZE} × ${SIZE}: at every pixel ` +
      "the same dense layer over the six maps."
    : `Each kernel of 5 × 5 turns ${SIZE} × ${SIZE} pixels into ${size} × ${size}.`;
  const total = maps ? ` ${terms.slice(0, maps).join(" ")} = ${number(totals[maps])}, rounded` : "";
  return `Output map ${output}, row ${row}, column ${column}, ${maps} of 6 maps added: bias ` +
    `${number(bias)}${total}. ${end}`;
}

export const channels = { compute, paint, say, limits };
