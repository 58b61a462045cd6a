// The sizes of a layer along one axis, in pixels: see lenet_book/arithmetic.py.
import { plural } from "./numbers.js";

export const effectiveKernel = (kernel, dilation) => dilation * (kernel - 1) + 1;
const room = (size, kernel, padding, dilation) => size + 2 * padding - effectiveKernel(kernel, dilation);

// Output positions; 0 where the kernel does not fit.
export function outputSize(size, kernel, stride = 1, padding = 0, dilation = 1) {
  const left = room(size, kernel, padding, dilation);
  return left < 0 ? 0 : Math.floor(left / stride) + 1;
}

export const dropped = (size, kernel, stride = 1, padding = 0, dilation = 1) =>
  room(size, kernel, padding, dilation) % stride;

// The formula with its numbers, as one line; the kernel must fit.
export function explain(size, kernel, stride = 1, padding = 0, dilation = 1) {
  const left = room(size, kernel, padding, dilation);
  const [steps, lost] = [Math.floor(left / stride), left % stride];
  const reach = dilation === 1 ? kernel : `(${dilation}*(${kernel} - 1) + 1)`;
  const quotient = `(${size} + 2*${padding} - ${reach}) / ${stride}`;
  if (!lost) return `${quotient} + 1 = ${steps + 1}`;
  const rows = `${plural("row", lost)} and ${plural("column", lost)} dropped`;
  const share = Number((left / stride).toPrecision(4));
  return `floor(${quotient}) + 1 = floor(${share}) + 1 = ${steps + 1}, ${lost} ${rows}`;
}
