// All demos, by the names that they have in Python.
export { ablation } from "./ablation.js";
export { architecture } from "./architecture.js";
export { c3_connections } from "./c3_connections.js";
export { channels } from "./channels.js";
export { cross_correlation } from "./cross_correlation.js";
export { draw_digit } from "./draw_digit.js";
export { feature_maps } from "./feature_maps.js";
export { find_the_digit } from "./find_the_digit.js";
export { inception } from "./inception.js";
export { padding_stride } from "./padding_stride.js";
export { pooling } from "./pooling.js";
export { receptive_field } from "./receptive_field.js";
export { training } from "./training.js";
