// A digit among scraps: the ten class maps of a trained net, and where the winning one peaks.
import { digits, weights } from "./files.js";
import { STANDARD } from "./nets.js";
import { number, range, sum } from "./numbers.js";
import { generator } from "./random.js";
import { share } from "./reading.js";
import { BLUE, RED } from "./sheet.js";
import { conv2d, largest, map, maxPool, part, reach, relu, softmax, tensor } from "./tensor.js";

const NET = "vgg-small-average";
const LAYERS = "conv1_1 conv1_2 pool conv2_1 conv2_2 pool conv3_1 conv3_2 pool conv4_1".split(" ");
const SIZE = 28; // of a digit
const PIECE = 8; // of a scrap
const OTHERS = 12; // the digits after it in the test set, of which the scraps are
const PIXELS = 8; // from one place of a class map to the next: the net pools 2 x 2 three times
const [LEFT, TOP, CANVAS] = [14, 34, 218]; // the canvas
const [MAPS, SIDE, ACROSS, DOWN] = [286, 90, 110, 122]; // the class maps: the first, each, and to the next

// The whole frame stays on the canvas.
const limits = ({ canvas }) => ({ row: canvas - SIZE, column: canvas - SIZE });

function compute({ index, row, column, canvas, pieces, seed }) {
  const all = digits("test-digits");
  const some = range(index, index + OTHERS + 1).map((i) => all[i % all.length]);
  const ink = cluttered(some, row, column, canvas, pieces, seed);
  const maps = classMaps(ink);
  const size = maps.shape[1];
  const scores = tensor([10], Float64Array.from(range(0, 10), (digit) => sum(part(maps, digit).data) / size ** 2));
  const answer = largest(scores.data);
  const first = largest(part(maps, answer).data);
  const peak = [Math.floor(first / size), first % size];
  const inside = (place, from) => Math.abs(PIXELS * (place + 0.5) - from - SIZE / 2) < SIZE / 2;
  return {
    index: index % all.length, label: some[0].label, row, column, maps, scores: scores.data, answer, peak,
    image: map(tensor(ink.shape, new Float32Array(ink.data)), (value) => value / 255),
    probability: softmax(scores).data[answer], reach: reach(maps),
    inside: inside(peak[0], row) && inside(peak[1], column),
  };
}

// The first of some digits on a canvas, 0 to 255, with pieces of the others: as mnist.cluttered, which
// draws for each digit a canvas, of which only the first is wanted.
function cluttered(some, row, column, canvas, pieces, seed) {
  const [random, count] = [generator(seed), some.length];
  const ink = tensor([canvas, canvas], new Uint8Array(canvas ** 2));
  function lay({ image }, size, [fromRow, fromColumn], [toRow, toColumn]) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const to = (toRow + i) * canvas + toColumn + j;
        ink.data[to] = Math.max(ink.data[to], image[(fromRow + i) * SIZE + fromColumn + j]);
      }
    }
  }
  random.integers(21, SIZE + 1, count); // sizes and places of the digits, which are given here
  random.shares(2 * count);
  lay(some[0], SIZE, [0, 0], [row, column]);
  for (let piece = 0; piece < pieces; piece++) {
    const [other] = random.integers(1, count, count);
    const [cut, laid] = [[4, SIZE - 4 - PIECE + 1], [0, canvas - PIECE + 1]].map(([low, high]) => {
      const places = random.integers(low, high, 2 * count);
      return [places[0], places[count]];
    });
    lay(some[other], PIECE, cut, laid);
  }
  return ink;
}

// The last layer at each place, before the average: 10 x m x m, in double precision.
function classMaps(ink) {
  const all = weights(NET);
  // Its input is in single precision, as in Python.
  const [scale, offset] = [Math.fround(STANDARD[0] / 255), Math.fround(STANDARD[1])];
  const scaled = new Float32Array(ink.data).map((value) => Math.fround(value * scale) + offset);
  let x = tensor([1, ...ink.shape], new Float64Array(scaled));
  for (const layer of LAYERS) {
    if (layer === "pool") x = maxPool(x);
    else x = relu(conv2d(x, all[`${layer}.weight`], all[`${layer}.bias`], null, 1));
  }
  const { shape, data } = all["fc4.weight"];
  return conv2d(x, tensor([...shape, 1, 1], data), all["fc4.bias"]);
}

function say({ index, label, maps, scores, answer, probability, peak, inside }) {
  const size = maps.shape[1];
  return `The ${label}, test digit ${index}, is read as ${answer}, which is ` +
    `${answer === label ? "right" : "wrong"}: score ${number(scores[answer])}, probability ` +
    `${share(probability)}. The class map of the ${answer} peaks at row ${peak[0]}, column ${peak[1]} of ` +
    `${size} × ${size}, ${inside ? "inside" : "outside"} the digit's frame.`;
}

// The canvas on the left, the ten class maps on the right.
function paint(sheet, facts) {
  const { image, maps, scores, answer, label } = facts;
  const [canvas, size, [row, column]] = [image.shape[0], maps.shape[1], facts.peak];
  const [pixel, cell, side] = [CANVAS / canvas, SIDE / size, (SIZE * CANVAS) / canvas];
  sheet.title(LEFT, 16, `canvas ${canvas} × ${canvas}`);
  sheet.image(image, LEFT, TOP, CANVAS, { frame: true });
  const dashed = { colour: RED, dash: true };
  sheet.outline(LEFT + pixel * facts.column, TOP + pixel * facts.row, side, side, dashed);
  sheet.outline(LEFT + pixel * PIXELS * column, TOP + pixel * PIXELS * row, pixel * PIXELS, pixel * PIXELS,
    { colour: BLUE, thickness: 3, answer: true });
  scores.forEach((score, digit) => {
    const [x, y] = [MAPS + ACROSS * (digit % 5), TOP + DOWN * Math.floor(digit / 5)];
    const won = digit === answer;
    const style = won ? { colour: BLUE, bold: true } : {};
    sheet.text(x, y - 18, (won ? "▶ " : "") + digit, { size: 17, ...style });
    sheet.text(x + SIDE, y - 18, number(score), { anchor: "rm", ...style });
    sheet.image(part(maps, digit), x, y, SIDE, { reach: facts.reach, frame: true });
    if (won) sheet.outline(x + cell * column - 2, y + cell * row - 2, cell + 4, cell + 4, { colour: BLUE });
    if (digit === label) sheet.outline(x - 6, y - 30, SIDE + 12, SIDE + 36, dashed);
  });
  const full = number(facts.reach, 1);
  sheet.text(LEFT, 270, "dashed: what the digit is, and where; blue: the answer, and where its map peaks");
  sheet.text(LEFT, 289, `a digit's score is the mean of its map: violet −${full}, white 0, orange +${full}`);
  sheet.answer(MAPS - 12, 2, 840 - MAPS, 250);
}

// The digit is put where the canvas is touched, its middle there.
function point({ image }, x, y) {
  const [row, column] = [y - TOP, x - LEFT].map((at) => Math.round((at * image.shape[0]) / CANVAS - SIZE / 2));
  return x > LEFT + CANVAS + 20 ? null : { row, column };
}

export const find_the_digit = { compute, paint, say, limits, point };
