// Six maps in, one map out: what each kernel makes of its map, and their sum so far.
import { digits, inked, weights } from "./files.js";
import { run } from "./nets.js";
import { number, range, signed } from "./numbers.js";
import { BLUE, CENTRED, GREY } from "./sheet.js";
import { conv2d, map, part, reach, tensor } from "./tensor.js";

const SIZE = 14; // height and width of an input map
const [LEFT, PITCH, CELL] = [120, 78, 4.5]; // the first map, from map to map, and each pixel of a map
const [INPUTS, KERNELS, PARTS, SUMS] = [24, 92, 151, 234]; // where each row begins, the last one its middle
const KERNEL = 54; // height and width of a kernel
const [RIGHT, LARGE] = [600, 13]; // the output map and each pixel of it
const DECIMALS = 3; // with two, what is read on the screen would often not add up
const EACH = range(0, 6).map((k) => [k]); // every kernel reads one map

const limits = ({ kernel }) => ({ row: SIZE - kernel, column: SIZE - kernel });

function compute({ digit, output, maps, kernel, row, column }) {
  const { "c3.weight": weight, "c3.bias": { data: { [output]: bias } } } = weights("lenet5");
  // What C3 reads of the digit. In double precision, so that Python and the page round a sum alike.
  const inputs = run("lenet5", digits("ten-digits")[digit].image, { precise: true }).maps.s2;
  const kernels = middle(part(weight, output), kernel);
  const parts = conv2d(inputs, kernels, null, EACH);
  const [, size] = parts.shape;
  const sums = tensor([7, size, size], new Float64Array(7 * size ** 2)); // of bias and the first 0 to 6 parts
  for (let i = 0; i < size ** 2; i++) {
    let total = 0;
    for (let k = 0; k < 7; k++) {
      sums.data[k * size ** 2 + i] = bias + total;
      total += parts.data[k * size ** 2 + i];
    }
  }
  const ofPixel = ({ shape: [count, , width], data }) =>
    range(0, count).map((k) => data[(k * width + row) * width + column]);
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

function paint(sheet, facts) {
  const [kernel, size] = [facts.kernels, facts.parts].map(({ shape }) => shape.at(-1));
  const { digit, maps, bias, addends, totals, reach: [strongest, heaviest, most] } = facts;
  sheet.image(inked(digits("ten-digits")[digit].image), 8, 4, 40);
  for (const [y, words, side] of [
    [60, "input maps", SIZE], [KERNELS + 17, "kernels", kernel], [PARTS + 21, "partial sums", size]]) {
    sheet.text(8, y, words);
    sheet.text(8, y + 20, `${side} × ${side}`);
  }
  sheet.text(8, SUMS, `bias ${number(bias, DECIMALS)}`);
  for (let k = 0; k < 6; k++) {
    const x = LEFT + PITCH * k;
    const centre = x + (SIZE * CELL) / 2;
    const weights = [part(facts.kernels, k), centre - KERNEL / 2, KERNELS, KERNEL];
    sheet.text(centre, 12, k, { ...CENTRED, bold: true });
    drawn(sheet, part(facts.inputs, k), x, INPUTS, CELL, strongest, facts, kernel);
    if (kernel === 1) sheet.numbers(...weights, { reach: heaviest });
    else sheet.image(...weights, { reach: heaviest, frame: true });
    if (k < maps) {
      drawn(sheet, part(facts.parts, k), x, PARTS, CELL, most, facts);
      sheet.text(centre, SUMS, signed(addends[k], DECIMALS), { ...CENTRED, colour: BLUE, bold: true });
    } else {
      frame(sheet, x, PARTS, CELL);
    }
  }
  sheet.title(RIGHT, 12, `output map ${facts.output}, ${size} × ${size}`);
  drawn(sheet, part(facts.sums, maps), RIGHT, INPUTS, LARGE, most, facts);
  sheet.title(RIGHT, SUMS, `= ${number(totals[maps], DECIMALS)}`, { size: 24, colour: BLUE });
  sheet.text(RIGHT, 260, `bias + ${maps} of 6 maps`);
  sheet.text(8, 260, "blue: one output pixel, and what it reads; sums rounded");
  const dashed = size < SIZE ? `; dashed: ${SIZE} × ${SIZE}` : "";
  sheet.text(8, 282, `orange: above zero, violet: below${dashed}`);
  sheet.answer(4, PARTS - 3, RIGHT - 20, 96);
  sheet.answer(RIGHT - 6, 2, 240, 246);
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

// On a map the pixel whose window has its middle there; on a missing map or a number, how far to add.
function point({ maps, kernels }, x, y) {
  const k = Math.min(Math.floor((x - LEFT) / PITCH), 5);
  const [left, cell] = x > RIGHT - 6 ? [RIGHT, LARGE] : [LEFT + PITCH * k, CELL];
  const top = y < KERNELS || cell === LARGE ? INPUTS : PARTS;
  if (cell === CELL && y > PARTS && (k >= maps || y > PARTS + SIZE * CELL)) {
    return y < SUMS + 12 ? { maps: k + 1 } : null;
  }
  const place = (at, start) => Math.round((at - start) / cell - kernels.shape[1] / 2);
  const inside = k >= 0 && y > top && y < top + SIZE * cell;
  return inside ? { row: place(y, top), column: place(x, left) } : null;
}

function say({ output, maps, row, column, bias, kernels, parts, addends, totals, pixels }) {
  const size = parts.shape.at(-1);
  const whole = size === SIZE;
  const terms = whole
    ? pixels.map((pixel, k) => `${signed(kernels.data[k], DECIMALS)}·${number(pixel, DECIMALS)}`)
    : addends.map((addend) => signed(addend, DECIMALS));
  const end = whole
    ? `Kernels of 1 × 1 keep ${SIZE} × ${SIZE}: at every pixel the same dense layer.`
    : `Each kernel of 5 × 5 turns ${SIZE} × ${SIZE} pixels into ${size} × ${size}.`;
  const total = maps
    ? ` ${terms.slice(0, maps).join(" ")} = ${number(totals[maps], DECIMALS)}, rounded` : "";
  return `Output map ${output}, row ${row}, column ${column}, ${maps} of 6 maps added: bias ` +
    `${number(bias, DECIMALS)}${total}. ${end}`;
}

export const channels = { compute, paint, say, limits, point };
