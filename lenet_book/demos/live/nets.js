// The two trained LeNet-5: every layer's maps, as they leave it, for one digit.
import { inked, weights } from "./files.js";
import { conv2d, largest, linear, map, maxPool, relu, squash, subsample, tensor } from "./tensor.js";

// Table I of the paper: for each map of C3 the maps of S2 that it reads.
export const C3_CONNECTIONS = [
  [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
  [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
  [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
  [0, 1, 2, 3, 4, 5],
];
// How a net wants its input: factor and offset for 0 paper to 1 ink.
const [MEAN, DEVIATION] = [0.1307, 0.3081];
const PAPER = [1.275, -0.1];
export const STANDARD = [1 / DEVIATION, -MEAN / DEVIATION];

// image: 28 x 28, 0 to 255 -> 32 x 32 as a net reads it, the border being background.
const input = (image, [factor, offset]) =>
  map(tensor([1, 32, 32], inked(image, 32).data), (ink) => ink * factor + offset);

// The net of 1998 ends in distances to ten codes, of which the smallest wins, the modern one in logits.
export const isOf1998 = (net) => "output.codes" in weights(net);

// image: 28 x 28, 0 to 255 -> {maps: {c1 ... f6: maps x H x W}, outputs: ten numbers, answer: the one that wins}.
// all: the weights, if not those of the file. off: layer -> numbers of maps or units that give out 0.
// precise: all in double precision.
export function run(net, image, { all = weights(net), off = {}, precise = false } = {}) {
  const old = isOf1998(net);
  const of = (layer) => [all[`${layer}.weight`], all[`${layer}.bias`]];
  const after = old ? squash : (x) => x; // the modern net squashes nothing before its pooling
  const pool = (x, layer) => (old ? squash(subsample(x, ...of(layer))) : relu(maxPool(x)));
  const activation = old ? squash : relu;
  const units = (x) => tensor([x.data.length, 1, 1], x.data);
  const kept = (layer, x) => without(x, off[layer] ?? []);
  let x = input(image, old ? PAPER : STANDARD);
  if (precise) x = tensor(x.shape, new Float64Array(x.data));
  const c1 = kept("c1", after(conv2d(x, ...of("c1"))));
  const s2 = kept("s2", pool(c1, "s2"));
  const c3 = kept("c3", after(conv2d(s2, ...of("c3"), old ? C3_CONNECTIONS : null)));
  const s4 = kept("s4", pool(c3, "s4"));
  const c5 = kept("c5", activation(dense(s4, ...of("c5"))));
  const f6 = kept("f6", activation(linear(c5, ...of("f6"))));
  const outputs = old ? distances(f6, all["output.codes"]) : linear(f6, ...of("output"));
  const answer = largest(old ? outputs.data.map((distance) => -distance) : outputs.data);
  return { maps: { c1, s2, c3, s4, c5: units(c5), f6: units(f6) }, outputs, answer };
}

// x, of which some maps or units are put to 0.
function without(x, numbers) {
  const size = x.data.length / x.shape[0];
  for (const number of numbers) x.data.fill(0, number * size, (number + 1) * size);
  return x;
}

// A convolution whose kernels are as large as its maps.
const dense = (x, { shape: [outputs], data }, bias) =>
  linear(x, tensor([outputs, data.length / outputs], data), bias);

// The squared distance of x from each row of codes.
const distances = (x, { shape: [classes, units], data }) =>
  tensor([classes], x.data.constructor.from({ length: classes }, (_, row) =>
    x.data.reduce((sum, value, i) => sum + (value - data[row * units + i]) ** 2, 0)));
