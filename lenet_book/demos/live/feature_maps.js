// What each layer of LeNet-5 makes of a digit, and what becomes of it when the digit is deformed.
import { digits, floats, provided, weights } from "./files.js";
import { article, clamp, fixed, moved, round } from "./numbers.js";
import { because, paintGlyphs, paintLabel, paintScores, read } from "./reading.js";
import { BLUE, CENTRED, RED } from "./sheet.js";
import { longest, unitAt } from "./units.js";

const [INPUT, SIDE, TOP] = [12, 152, 36]; // where the input begins, its side; the top of all pictures
const [LEFT, WIDTH, HEIGHT] = [192, 400, 230]; // the room for the maps
const SCORES = 612;
const DOT = 19; // of F6 in 1998
// Maps in a row, and the space between them.
const WALLS = { 6: [3, 6], 16: [6, 6], 120: [15, 3], 84: [12, 4] };
const SIZE = 28;

const needs = ({ net, noise }) => ["test-digits", net, ...(noise ? ["noise"] : [])];

// A page without a kernel has fewer digits.
const limits = () => (provided("test-digits") ? { index: digits("test-digits").length - 1 } : {});

// The test digits of that class.
const numbersOf = (digit) =>
  digits("test-digits").flatMap(({ label }, number) => (["any", label].includes(digit) ? [number] : []));

// The next digit of the class that the net reads wrong, as it is; after the last one the first.
function nextWrong({ index, digit, net }) {
  const wrong = numbersOf(digit).filter((number) => weights(net).wrong.includes(number));
  if (!wrong.length) return {};
  const next = wrong.find((one) => one > index) ?? wrong[0];
  return { ...turnTo(next), right: 0, down: 0, rotate: 0, scale: 100, noise: 0 };
}

// To the digit of that number or, if it is of another class, to the next one that way.
function go({ index, digit, shown }) {
  const numbers = numbersOf(digit);
  const up = numbers.filter((number) => number >= index);
  const down = numbers.filter((number) => number <= index).reverse();
  return turnTo((index < shown ? [...down, ...up] : [...up, ...down])[0]);
}

// Whoever chooses a test digit wants to see it, and not their own image.
const turnTo = (index) => ({ index, shown: index, image: null });

const actions = { wrong: nextWrong, index: go, digit: go };

// Turned and scaled about its middle, then shifted, with noise; 0 to 255, 28 x 28, as before.
function deform(image, { right, down, rotate, scale, noise }) {
  const pixel = (row, column) =>
    0 <= row && row < SIZE && 0 <= column && column < SIZE ? image[SIZE * row + column] : 0;
  const between = (a, b, share) => a + share * (b - a);
  const random = noise ? floats("noise") : null;
  const [angle, middle] = [(rotate * Math.PI) / 180, (SIZE - 1) / 2];
  const [cos, sin] = [(Math.cos(angle) * 100) / scale, (Math.sin(angle) * 100) / scale];
  return Uint8Array.from(image, (_, i) => {
    const [across, along] = [(i % SIZE) - middle - right, Math.floor(i / SIZE) - middle - down];
    const x = cos * across + sin * along + middle; // where it was
    const y = cos * along - sin * across + middle;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [above, below] = [row, row + 1].map((r) =>
      between(pixel(r, column), pixel(r, column + 1), x - column));
    const grey = between(above, below, y - row) + (noise && ((255 * noise) / 100) * random[i]);
    // Twice rounded: means of four pixels often end in a half, which no last digit shall sway.
    return clamp(round(round(grey * 1e6) / 1e6), 0, 255);
  });
}

// image: a reader's own, of which no label is known.
function compute({ index, layer, net, image: own, ...changes }) {
  const { image, label } = own ? { image: own.flat(), label: null } : digits("test-digits")[index];
  const reading = read(net, deform(image, changes));
  const [count, size] = reading.maps[layer].shape;
  const what = size > 1 ? `${count} maps of ${size} × ${size}` : `${count} units`;
  return { index, label, layer, changes, reading, what, correct: [null, reading.answer].includes(label) };
}

function paint(sheet, { reading, layer, label, what, correct }) {
  const [maps, full] = [reading.maps[layer], reading.full[layer]];
  sheet.title(INPUT, 18, "input: 32 × 32");
  sheet.image(reading.image, INPUT, TOP, SIDE, { frame: true });
  const [colour, verdict] = correct ? [BLUE, "right"] : [RED, "wrong"];
  sheet.text(INPUT, 256, "read as");
  if (label === null) {
    sheet.text(INPUT, 216, "your own image");
  } else {
    sheet.text(INPUT, 216, "label");
    paintLabel(sheet, label, INPUT + 100, 216);
    sheet.text(INPUT, 278, verdict, { colour, bold: true });
  }
  sheet.text(INPUT + 100, 264, reading.answer, { ...CENTRED, size: 48, colour, bold: true });
  sheet.title(LEFT, 18, `${layer.toUpperCase()}: ${what}`);
  if (layer === "f6" && reading.areDistances) {
    paintGlyphs(sheet, reading, LEFT, TOP, DOT, 200);
    sheet.title(LEFT + 200, 18, `the ideal ${reading.answer}`);
    sheet.answer(LEFT + 196, 4, 141, HEIGHT + 36);
  } else {
    sheet.maps(maps, ...placeOf(maps.shape[0]), { reach: full });
  }
  const most = fixed(full, 1);
  const violet = maps.data.some((value) => value < 0) ? `violet −${most}, ` : "";
  sheet.text(LEFT, 281, `${violet}white 0, orange ${most} and more`);
  paintScores(sheet, reading, SCORES, 52, 122, 23.5, label);
  sheet.answer(INPUT - 4, 236, SIDE + 8, 56);
  sheet.answer(SCORES - 4, 4, 228, 288);
}

// Of so many maps: left, top, side of one, maps in a row, space between.
function placeOf(count) {
  const [columns, gap] = WALLS[count];
  return [LEFT, TOP, Math.min(WIDTH / columns, HEIGHT / Math.ceil(count / columns)) - gap, columns, gap];
}

function hover({ reading, layer }, x, y) {
  const { maps: values, areDistances: sparse } = reading;
  const place = layer === "f6" && sparse ? [LEFT, TOP, DOT, 7, 0] : placeOf(values[layer].shape[0]);
  const places = { input: [INPUT, TOP, SIDE, 1, 0], [layer]: place };
  return unitAt({ values, places, sparse, between: true }, x, y);
}

// The digit is dragged to a point of the input.
function point(facts, x, y) {
  const [right, down] = [x - INPUT, y - TOP].map((at) => round((32 * at) / SIDE - 16));
  return Math.max(Math.abs(right), Math.abs(down)) > 16 ? null : { right, down };
}

function say({ index, label, layer, changes, reading, what, correct }) {
  const [own, deformed] = [label === null, done(changes)];
  const digit = own ? `Your image${deformed}${deformed && ","}` : `Test digit ${index}, ${article(label)}${deformed},`;
  const verdict = own ? "" : `, which is ${correct ? "right" : "wrong"}`;
  return `${digit} is read as ${reading.answer}${verdict}: ${because(reading, label ?? undefined)}. ` +
    `${layer.toUpperCase()} has ${what}.`;
}

// What was done to the digit, in words, each after a comma.
const done = ({ right, down, rotate, scale, noise }) => [
  (right || down) && `shifted ${moved(right, down)}`,
  rotate && `rotated by ${Math.abs(rotate)}° ${rotate > 0 ? "clockwise" : "counterclockwise"}`,
  scale !== 100 && `scaled to ${scale} %`,
  noise && `with noise of ${noise} %`,
].filter(Boolean).map((change) => `, ${change}`).join("");

export const feature_maps = {
  compute, paint, say, needs, limits, actions, point, hover, longest: longest(true),
};
