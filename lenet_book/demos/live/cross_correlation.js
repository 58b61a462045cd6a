// A window slides over an image: the products, their sum, and the result as far as it has come.
import { digits, inked } from "./files.js";
import { nameIn, number } from "./numbers.js";
import { BLUE, CENTRED, RED } from "./sheet.js";
import { conv2d, map, matrix, part, reach, tensor } from "./tensor.js";

const KERNELS = {
  "vertical edges": "-1 0 1; -1 0 1; -1 0 1", "horizontal edges": "-1 -1 -1; 0 0 0; 1 1 1",
  "blur": "1 1 1; 1 1 1; 1 1 1", "sharpen": "0 -1 0; -1 5 -1; 0 -1 0",
  "move by one": "1 0 0; 0 0 0; 0 0 0", "slope": "0 1; -1 0",
};
const TYPED = "typed by you";
const MATRIX = matrix([[3, 1, 2, 0, 1, 4], [4, 2, 0, 2, 2, 1], [0, 3, 1, 5, 0, 2],
                       [2, 2, 4, 1, 3, 0], [1, 0, 2, 2, 5, 1], [3, 1, 0, 4, 1, 2]]);
const [SIDE, TOP, LEFT, RIGHT] = [172, 40, 8, 660]; // panels and where they begin
const [CELL, MATRICES, APART] = [44, 204, 156]; // a number of the kernel; where the matrices begin

// A kernel from its numbers: "1 0; 0 -1". Throws an Error, in words for the reader who typed it.
function parse(numbers) {
  const rows = numbers.split(";").map((row) => row.replaceAll(",", " ").split(/\s+/).filter(Boolean).map(toNumber));
  const typed = quoted(numbers);
  if (rows.flat().some((value) => value === null)) {
    throw new Error(`${typed} holds something that is not a number; write for instance 1 0; 0 -1`);
  }
  const lengths = rows.map((row) => row.length);
  if (new Set(lengths).size > 1 || ![rows.length, ...lengths].every((length) => 1 <= length && length <= 3)) {
    throw new Error("the kernel needs 1 to 3 rows of 1 to 3 numbers, all rows alike, with semicolons " +
      `between; ${typed} has rows of [${lengths.join(", ")}]`);
  }
  if (!rows.flat().every((value) => Math.abs(value) <= 99)) {
    throw new Error(`each number must lie between -99 and 99; ${typed} has others`);
  }
  return matrix(rows);
}

// As Python reads a number, and as it writes a text.
function toNumber(word) {
  const plain = word.replace(/(?<=\d)_(?=\d)/g, "");
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return Number(plain);
  if (/^[+-]?(inf(inity)?|nan)$/i.test(word)) return NaN;
  return null;
}
function quoted(words) {
  const quote = words.includes("'") && !words.includes('"') ? '"' : "'";
  return quote + words.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`) + quote;
}

// The image of that name, H x W.
const pixels = (image) =>
  image === "a small matrix" ? MATRIX : inked(digits("ten-digits")[image.at(-1)].image);

function limits({ image, numbers }) {
  try {
    const [[h, w], [H, W]] = [parse(numbers).shape, pixels(image).shape];
    return { row: H - h, column: W - w };
  } catch {
    return {};
  }
}

function compute({ image, numbers, flip, row, column }) {
  const picture = pixels(image);
  let weights;
  try {
    weights = parse(numbers);
  } catch (error) {
    return { problem: error.message, image: picture };
  }
  const turned = tensor(weights.shape, weights.data.slice().reverse());
  const kernel = flip ? turned : weights;
  const [[h, w], W] = [kernel.shape, picture.shape[1]];
  const place = (i) => (row + Math.floor(i / w)) * W + column + (i % w);
  const window = map(kernel, (_, i) => picture.data[place(i)]);
  const result = part(conv2d(tensor([1, ...picture.shape], picture.data), tensor([1, 1, h, w], kernel.data)), 0);
  const here = row * result.shape[1] + column;
  return {
    problem: "", image: picture, flip, row, column, kernel, window,
    symmetric: String(weights.data) === String(turned.data),
    products: map(kernel, (value, i) => value * window.data[i]), value: result.data[here], result,
    soFar: map(result, (value, i) => (i > here ? NaN : value)),
  };
}

function paint(sheet, facts) {
  const { image, problem, kernel, row, column, result, soFar } = facts;
  const cell = SIDE / image.shape[0];
  panel(sheet, "image", image, LEFT, cell);
  if (problem) return sheet.title(MATRICES, TOP + 20, "this is not a kernel", { colour: RED });
  const [h, w] = kernel.shape;
  const [x, y] = [cell * column, TOP + cell * row];
  sheet.outline(LEFT + x, y, cell * w, cell * h, { colour: BLUE, thickness: 3 });
  sum(sheet, facts);
  panel(sheet, "result", soFar, RIGHT, cell, Math.max(reach(result), 1e-9));
  sheet.outline(RIGHT + x, y, cell, cell, { colour: BLUE });
  sheet.text(LEFT, 260, "orange: above zero, violet: below; grey: the window has not been there yet" +
    (rounded(facts) ? "; sum rounded" : ""));
  sheet.answer(MATRICES + 2 * APART - 4, 4, 840 - MATRICES - 2 * APART, 244);
}

// A matrix, with its numbers where they fit; from -reach to reach, or from 0 to 1.
function panel(sheet, name, values, left, cell, full = null) {
  const [rows, columns] = values.shape;
  sheet.title(left, 18, `${name} ${rows} × ${columns}`);
  if (cell > SIDE / 8) sheet.numbers(values, left, TOP, cell, { reach: full });
  else sheet.image(values, left, TOP, cell * columns, { reach: full, frame: true });
}

// Window, kernel and products side by side, and what they add up to.
function sum(sheet, { window, kernel, products, flip, value }) {
  const middle = TOP + (CELL * kernel.shape[0]) / 2;
  [["window", "", window], [flip ? "kernel, turned" : "kernel", "×", kernel], ["products", "=", products]]
    .forEach(([title, sign, values], i) => {
      const left = MATRICES + APART * i;
      sheet.title(left, 18, title);
      sheet.text(left - 14, middle, sign, { ...CENTRED, size: 24 });
      sheet.numbers(values, left, TOP, CELL);
    });
  sheet.title(MATRICES, 230, "sum of the products", { size: 20 });
  sheet.title(MATRICES + 2 * APART, 230, `= ${number(value)}`, { size: 24, colour: BLUE });
}

// The window in whose middle a point of the image or of the result lies.
function point({ image, problem, kernel, result }, x, y) {
  if (problem) return null;
  const cell = SIDE / image.shape[0];
  const [left, [h, w]] = x < MATRICES - 20 ? [LEFT, kernel.shape] : [RIGHT, [1, 1]];
  const [row, column] = [(y - TOP) / cell - h / 2, (x - left) / cell - w / 2].map(Math.round);
  const inside = row > -2 && column > -2 && row < result.shape[0] + 2 && column < result.shape[1] + 2;
  return inside ? { row, column } : null;
}

function say(facts) {
  const { problem, kernel, window, flip, symmetric, row, column, value } = facts;
  if (problem) return `Not a kernel: ${problem}.`;
  const terms = Array.from(kernel.data, (weight, i) => weight && `${factor(weight)}·${factor(window.data[i])}`);
  const same = flip && symmetric ? " Turned or not, this kernel is the same." : "";
  return `${flip ? "Convolution" : "Cross-correlation"}, window at row ${row}, column ${column}: weight` +
    `${flip ? " (turned by 180 degrees)" : ""} times pixel, added up: ` +
    `${terms.filter(Boolean).join(" + ") || "0"} = ${number(value)}${rounded(facts) ? ", rounded" : ""}.${same}`;
}

// Whether what is shown would add up to another sum, or might.
const rounded = ({ window, kernel, products }) => [window, kernel, products].some(({ data }) =>
  Array.from(data).some((value) => Math.abs(100 * value - Math.round(100 * value)) > 0.01));

// With decimals if it has any, in brackets where it is negative.
function factor(value) {
  const words = number(value, Number.isInteger(value) ? 0 : 2);
  return value < 0 ? `(${words})` : words;
}

const actions = {
  kernel: ({ kernel }) => (kernel === TYPED ? {} : { numbers: KERNELS[kernel] }),
  numbers: ({ numbers }) => ({ kernel: nameIn(KERNELS, numbers) ?? TYPED }),
};

export const cross_correlation = { compute, paint, say, limits, actions, point };
