// All demos, by the names that they have in Python.
export { architecture } from "./architecture.js";
export { cross_correlation } from "./cross_correlation.js";
export { inception } from "./inception.js";
export { padding_stride } from "./padding_stride.js";
export { training } from "./training.js";
