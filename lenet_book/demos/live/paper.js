// LeNet-5 as its paper gives it: see lenet_book/paper.py.
export const INPUT_SIZE = 32;

export const LAYERS = [
  ["C1", "convolution", 6, 28, 5, 156, 0, 122_304, "(5*5*1 + 1) * 6"],
  ["S2", "subsampling", 6, 14, 2, 12, 0, 5_880, "(1 + 1) * 6"],
  ["C3", "partial convolution", 16, 10, 5, 1_516, 0, 151_600,
    "(5*5*3 + 1) * 6 + (5*5*4 + 1) * 9 + (5*5*6 + 1)"],
  ["S4", "subsampling", 16, 5, 2, 32, 0, 2_000, "(1 + 1) * 16"],
  ["C5", "convolution", 120, 1, 5, 48_120, 0, 48_120, "(5*5*16 + 1) * 120"],
  ["F6", "full", 84, 1, 0, 10_164, 0, 10_164, "(120 + 1) * 84"],
  ["output", "Euclidean RBF", 10, 1, 0, 0, 840, 840, "84 * 10"],
].map(([name, kind, maps, size, kernel, trainable, fixed, connections, working]) =>
  ({ name, kind, maps, size, kernel, trainable, fixed, connections, working }));
