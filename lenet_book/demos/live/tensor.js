// Arrays of numbers, {shape, data}, and the layers that the nets of the demos are made of.

const count = (shape) => shape.reduce((product, length) => product * length, 1);

export const tensor = (shape, data) => ({ shape, data: data ?? new Float32Array(count(shape)) });
export const matrix = (rows) => tensor([rows.length, rows[0].length], Float32Array.from(rows.flat()));
export const map = (x, change) => tensor(x.shape, x.data.map(change));

// One of those along the first axis, without copying it.
export function part(x, index) {
  const shape = x.shape.slice(1);
  return tensor(shape, x.data.subarray(index * count(shape), (index + 1) * count(shape)));
}

// A stretch of those along the first axis, without copying it.
export function parts(x, from, to) {
  const size = count(x.shape.slice(1));
  return tensor([to - from, ...x.shape.slice(1)], x.data.subarray(from * size, to * size));
}

export const at = (x, row, column) => x.data[row * x.shape.at(-1) + column];
export const reach = (...arrays) => // the largest number, without its sign
  arrays.reduce((most, x) => x.data.reduce((m, value) => Math.max(m, Math.abs(value)), most), 0);
export const largest = (values) => values.reduce((best, v, i) => (v > values[best] ? i : best), 0);

// Cross-correlation, valid, stride 1. x: inputs x H x W. weight: outputs x inputs x k x l, or with a
// table, which lists for each output the inputs that it reads, one k x l for each of its entries.
export function conv2d(x, weight, bias, table) {
  const [inputs, H, W] = x.shape;
  const [k, l] = weight.shape.slice(-2);
  const outputs = table ? table.length : weight.shape[0];
  const [h, w] = [H - k + 1, W - l + 1];
  const y = tensor([outputs, h, w]);
  for (let output = 0, kernel = 0; output < outputs; output++) {
    const to = output * h * w;
    if (bias) y.data.fill(bias.data[output], to, to + h * w);
    for (const source of table ? table[output] : Array(inputs).keys()) {
      for (let i = 0; i < k; i++) {
        for (let j = 0; j < l; j++) {
          const factor = weight.data[(kernel * k + i) * l + j];
          for (let row = 0; row < h; row++) {
            const from = (source * H + row + i) * W + j;
            for (let column = 0; column < w; column++) {
              y.data[to + row * w + column] += factor * x.data[from + column];
            }
          }
        }
      }
      kernel++;
    }
  }
  return y;
}

// Windows of each map, from the first on while they fit. of: called with the numbers of one window.
function pooled(x, size, stride, of) {
  const [maps, H, W] = x.shape;
  const [h, w] = [H, W].map((length) => Math.floor((length - size) / stride) + 1);
  const y = tensor([maps, h, w]);
  const window = new Float32Array(size * size);
  for (let map = 0, to = 0; map < maps; map++) {
    for (let row = 0; row < h; row++) {
      for (let column = 0; column < w; column++, to++) {
        for (let i = 0; i < size; i++) {
          const from = (map * H + row * stride + i) * W + column * stride;
          for (let j = 0; j < size; j++) window[i * size + j] = x.data[from + j];
        }
        y.data[to] = of(window, map);
      }
    }
  }
  return y;
}

const sum = (window) => window.reduce((total, value) => total + value, 0);
export const maxPool = (x, size = 2, stride = size) =>
  pooled(x, size, stride, (w) => w.reduce((most, value) => Math.max(most, value)));
export const avgPool = (x, size = 2, stride = size) =>
  pooled(x, size, stride, (w) => sum(w) / w.length);

// As S2 and S4 of 1998: the sum of each window times its map's weight, plus its map's bias.
export const subsample = (x, weight, bias) =>
  pooled(x, 2, 2, (w, map) => sum(w) * weight.data[map] + bias.data[map]);

export function linear(x, weight, bias) {
  const [outputs, inputs] = weight.shape;
  const y = tensor([outputs]);
  for (let output = 0; output < outputs; output++) {
    let total = bias ? bias.data[output] : 0;
    for (let i = 0; i < inputs; i++) total += weight.data[output * inputs + i] * x.data[i];
    y.data[output] = total;
  }
  return y;
}

export const squash = (x) => map(x, (value) => 1.7159 * Math.tanh((2 / 3) * value));
export const relu = (x) => map(x, (value) => Math.max(value, 0));

export function softmax(x) {
  const most = x.data.reduce((a, b) => Math.max(a, b));
  const powers = Float64Array.from(x.data, (value) => Math.exp(value - most));
  const total = powers.reduce((a, b) => a + b);
  return tensor(x.shape, Float32Array.from(powers, (power) => power / total));
}
