// Strokes of a pen become a digit such as those of MNIST: see ../ink.py.
import { clamp, grouped, round, sum } from "./numbers.js";

const [BOX, SIZE] = [20, 28];
const PEN = [1.7, 3.3]; // the thinnest and the thickest
const MOST_POINTS = 4000;
const [STEP, MOST_DOTS] = [0.25, 8000]; // a path is drawn as dots so far apart; a long scribble, more

const rounded = (length) => Number(length.toFixed(6)); // so that Python and the page agree where it is whole

// The strokes, each as a list of points [x, y]. Throws an Error, in words, for anything else.
export function checked(value) {
  if (!Array.isArray(value)) throw new Error("it is not a list of strokes");
  value.forEach((stroke, i) => {
    if (!Array.isArray(stroke) || !stroke.length || stroke.length % 2) {
      throw new Error(`stroke ${i + 1} is not a list of pairs of numbers`);
    }
  });
  const points = value.flat().length / 2;
  if (points > MOST_POINTS) {
    throw new Error(`it has ${grouped(points)} points, more than ${grouped(MOST_POINTS)}`);
  }
  value.forEach((stroke, i) => {
    if (!stroke.every((n) => typeof n === "number" && 0 <= n && n <= 1)) {
      throw new Error(`stroke ${i + 1} is not made of numbers between 0 and 1`);
    }
  });
  const at = (stroke, i) => round(stroke[i] * 10000) / 10000;
  return value.map((stroke) =>
    Array.from({ length: stroke.length / 2 }, (_, i) => [at(stroke, 2 * i), at(stroke, 2 * i + 1)]));
}

// The digit that these strokes are, 28 x 28, 0 to 255. thickness: of the pen, in the same unit.
export function drawn(strokes, thickness) {
  const axes = [0, 1].map((k) => strokes.flat().map((point) => point[k]));
  const corner = axes.map((places) => Math.min(...places));
  const extent = axes.map((places, k) => Math.max(...places) - corner[k]);
  const longer = Math.max(...extent);
  const pen = clamp((BOX * thickness) / (longer + thickness), ...PEN);
  const scale = longer ? (BOX - pen) / longer : 0;
  const [columns, rows] = extent.map((length) => Math.ceil(rounded(length * scale + pen)));
  const middle = [columns / 2, rows / 2];
  const paths = strokes.map((stroke) => stroke.map((point) =>
    point.map((place, k) => (place - corner[k] - extent[k] / 2) * scale + middle[k])));
  return centred(ink(paths, pen, rows, columns), rows, columns);
}

// How much of each pixel a round pen covers: by the distance of its middle from the path.
function ink(paths, pen, rows, columns) {
  const reach = pen / 2 + 0.5; // of a dot: pixels that are farther away stay white
  const nearest = new Float64Array(rows * columns).fill(reach ** 2); // distances, squared
  const stretch = (middle, most) =>
    [Math.max(0, Math.floor(middle - reach)), Math.min(most, Math.ceil(middle + reach))];
  function dot(x, y) {
    const [[left, right], [top, bottom]] = [stretch(x, columns), stretch(y, rows)];
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const squared = (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2;
        if (squared < nearest[row * columns + column]) nearest[row * columns + column] = squared;
      }
    }
  }
  const lengths = paths.map(along);
  const step = Math.max(STEP, sum(lengths.map((length) => length.at(-1))) / MOST_DOTS);
  paths.forEach((path, n) => {
    for (const [x, y] of path) dot(x, y);
    const length = lengths[n];
    for (let i = 0, count = 0; count * step < length.at(-1); count++) {
      while (length[i + 1] <= count * step) i++;
      const share = (count * step - length[i]) / (length[i + 1] - length[i]);
      dot(...[0, 1].map((k) => path[i][k] + share * (path[i + 1][k] - path[i][k])));
    }
  });
  return nearest.map((squared) => clamp(pen / 2 - Math.sqrt(squared) + 0.5, 0, 1));
}

// How far each point of a path is from its first, along it.
function along(path) {
  const lengths = [0];
  for (let i = 1; i < path.length; i++) {
    lengths.push(lengths[i - 1] + Math.hypot(path[i][0] - path[i - 1][0], path[i][1] - path[i - 1][1]));
  }
  return lengths;
}

// Placed so that its centre of mass is in the middle.
function centred(dark, rows, columns) {
  const centre = (place) => {
    const moment = sum(dark.map((share, i) => share * place(i)));
    return Math.floor(rounded(moment / sum(dark)) + 0.5);
  };
  const corner = (middle, length) => clamp(SIZE / 2 - middle, 0, SIZE - length);
  const top = corner(centre((i) => Math.floor(i / columns)), rows);
  const left = corner(centre((i) => i % columns), columns);
  const image = new Uint8Array(SIZE * SIZE);
  dark.forEach((share, i) => {
    image[(top + Math.floor(i / columns)) * SIZE + left + (i % columns)] = round(255 * share);
  });
  return image;
}
