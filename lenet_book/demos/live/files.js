// The trained weights and the digits that ship with the book. A page without a kernel gets them from
// scripts beside it, a notebook from the kernel, once for all demos; a demo says which it needs.
import { tensor } from "./tensor.js";

// Name -> Uint8Array, and name -> what has been made of it. For all demos of a page: in a notebook each has
// modules of its own, which the browser keeps when the demo has gone.
const { contents, read } = (globalThis.lenetContents ??= { contents: new Map(), read: new Map() });

export function provide(name, bytes) {
  contents.set(name, bytes);
  read.delete(name);
}
export const provided = (name) => contents.has(name);

function once(name, make) {
  if (!contents.has(name)) throw new Error(`The file ${name} has not been loaded`);
  if (!read.has(name)) read.set(name, make(contents.get(name)));
  return read.get(name);
}

// The tensors of a net, by name. safetensors: 8 bytes of length, a header in JSON, then the numbers. With them, of a
// LeNet-5, full: of each layer the activation whose colour is full; of one that ships, wrong: the test digits that
// it reads wrong.
export const weights = (net) =>
  once(net, (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = Number(view.getBigUint64(0, true));
    const { __metadata__, ...header } = parsed(bytes.subarray(8, 8 + length));
    const tensors = JSON.parse(__metadata__?.facts ?? "{}");
    for (const [name, { shape, data_offsets }] of Object.entries(header)) { // all in single precision
      const [begin, end] = data_offsets.map((offset) => 8 + length + offset);
      tensors[name] = tensor(shape, new Float32Array(bytes.slice(begin, end).buffer));
    }
    return tensors;
  });

// Digits as they are stored: a byte of label and 784 of ink, 0 to 255, for each.
export const digits = (name) =>
  once(name, (bytes) =>
    Array.from({ length: bytes.length / 785 }, (_, i) => ({
      label: bytes[785 * i],
      image: bytes.subarray(785 * i + 1, 785 * (i + 1)),
    })),
  );

export const floats = (name) => once(name, (bytes) => new Float32Array(bytes.slice().buffer));
// What JSON holds.
const parsed = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
export const json = (name) => once(name, parsed);

// Of a digit, size x size, 0 paper to 1 ink, with a border of paper where it is larger than 28.
export function inked(image, size = 28) {
  const [x, border] = [tensor([size, size]), (size - 28) / 2];
  image.forEach((ink, i) => { x.data[(Math.floor(i / 28) + border) * size + (i % 28) + border] = ink / 255; });
  return x;
}
