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

export const reach = (...arrays) => // the largest number, without its sign
  arrays.reduce((most, x) => x.data.reduce((m, value) => Math.max(m, Math.abs(value)), most), 0);
export const largest = (values) => values.reduce((best, v, i) => (v > values[best] ? i : best), 0);

// Cross-correlation, stride 1, of x with a border of that many zeros. x: inputs x H x W. weight: outputs x
// inputs x k x l, or with a table, which lists for each output the inputs that it reads, one k x l for each
// of its entries. The sums are in double precision, and so is the result if x is.
export function conv2d(x, weight, bias, table, padding = 0) {
  const [k, l] = weight.shape.slice(-2);
  const { shape: [inputs, H, W], data } = bordered(x, padding);
  const reads = table ?? Array(weight.shape[0]).fill([...Array(inputs).keys()]);
  const [outputs, h, w, size] = [reads.length, H - k + 1, W - l + 1, inputs * k * l];
  const places = Int32Array.from({ length: size }, (_, i) => // of a window's numbers, from its corner on
    (Math.floor(i / (k * l)) * H + (Math.floor(i / l) % k)) * W + (i % l));
  // By what each of them is multiplied for the first four outputs, for the next four, and so on.
  const fours = Array.from({ length: Math.ceil(outputs / 4) }, () => new Float64Array(4 * size));
  let kernel = 0;
  reads.forEach((sources, output) => sources.forEach((source) => {
    const [factors, from] = [fours[output >> 2], source * k * l];
    for (let i = 0; i < k * l; i++) factors[4 * (from + i) + (output & 3)] = weight.data[kernel++];
  }));
  const sums = new Float64Array(4 * fours.length * h * w);
  if (bias) bias.data.forEach((value, output) => sums.fill(value, output * h * w, (output + 1) * h * w));
  addWindows(data, W, places, fours, sums, h, w);
  return tensor([outputs, h, w], new x.data.constructor(sums.subarray(0, outputs * h * w)));
}

function bordered({ shape: [maps, height, width], data }, border) {
  const [H, W] = [height + 2 * border, width + 2 * border];
  const y = tensor([maps, H, W], new Float64Array(maps * H * W));
  for (let row = 0; row < maps * height; row++) {
    const to = (Math.floor(row / height) * H + (row % height) + border) * W + border;
    y.data.set(data.subarray(row * width, (row + 1) * width), to);
  }
  return y;
}

// Window by window, of which the numbers that are 0 are left out: after ReLU most are. Four sums at a time
// are what a processor adds to without storing and fetching them; that they are so many is spelled out.
function addWindows(x, W, places, fours, sums, h, w) {
  const plane = h * w;
  const [values, numbers] = [new Float64Array(places.length), new Uint16Array(places.length)];
  for (let window = 0; window < plane; window++) {
    const corner = Math.floor(window / w) * W + (window % w);
    let count = 0;
    for (let i = 0; i < places.length; i++) {
      const value = x[corner + places[i]];
      if (value === 0) continue;
      values[count] = value;
      numbers[count++] = i;
    }
    for (let four = 0, to = window; four < fours.length; four++, to += 4 * plane) {
      const factors = fours[four];
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let i = 0; i < count; i++) {
        const value = values[i];
        const from = 4 * numbers[i];
        s0 += value * factors[from];
        s1 += value * factors[from + 1];
        s2 += value * factors[from + 2];
        s3 += value * factors[from + 3];
      }
      sums[to] += s0;
      sums[to + plane] += s1;
      sums[to + 2 * plane] += s2;
      sums[to + 3 * plane] += s3;
    }
  }
}

// The largest number of each window, or their sum, map by map, as far as windows fit.
function pooled(x, size, stride, largest) {
  const { shape: [maps, H, W], data } = x;
  const [h, w] = [H, W].map((length) => Math.floor((length - size) / stride) + 1);
  const y = tensor([maps, h, w], new data.constructor(maps * h * w));
  for (let map = 0, to = 0; map < maps; map++) {
    for (let row = 0; row < h; row++) {
      for (let column = 0; column < w; column++, to++) {
        let value = largest ? -Infinity : 0;
        for (let i = 0; i < size; i++) {
          const from = (map * H + row * stride + i) * W + column * stride;
          for (let j = 0; j < size; j++) {
            value = largest ? Math.max(value, data[from + j]) : value + data[from + j];
          }
        }
        y.data[to] = value;
      }
    }
  }
  return y;
}

export const maxPool = (x, size = 2, stride = size) => pooled(x, size, stride, true);
export const avgPool = (x, size, stride) => map(pooled(x, size, stride, false), (sum) => sum / size ** 2);

// As S2 and S4 of 1998: the sum of each window times its map's weight, plus its map's bias.
export function subsample(x, weight, bias) {
  const sums = pooled(x, 2, 2, false);
  const pixels = count(sums.shape.slice(1));
  const of = ({ data }, i) => data[Math.floor(i / pixels)];
  return map(sums, (sum, i) => sum * of(weight, i) + of(bias, i));
}

export function linear(x, weight, bias) {
  const [outputs, inputs] = weight.shape;
  const y = tensor([outputs], new x.data.constructor(outputs));
  for (let output = 0; output < outputs; output++) {
    let total = bias.data[output];
    for (let i = 0; i < inputs; i++) total += weight.data[output * inputs + i] * x.data[i];
    y.data[output] = total;
  }
  return y;
}

export const squash = (x) => map(x, (value) => 1.7159 * Math.tanh((2 / 3) * value));
export const relu = (x) => map(x, (value) => (value < 0 ? 0 : value));

export function softmax(x) {
  const most = x.data.reduce((a, b) => Math.max(a, b));
  const powers = Float64Array.from(x.data, (value) => Math.exp(value - most));
  const total = powers.reduce((a, b) => a + b);
  return tensor(x.shape, x.data.constructor.from(powers, (power) => power / total));
}
