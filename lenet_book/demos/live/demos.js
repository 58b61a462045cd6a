// All demos, by the names that they have in Python.
import { ablation } from "./ablation.js";
import { architecture } from "./architecture.js";
import { c3_connections } from "./c3_connections.js";
import { channels } from "./channels.js";
import { cross_correlation } from "./cross_correlation.js";
import { draw_digit } from "./draw_digit.js";
import { feature_maps } from "./feature_maps.js";
import { find_the_digit } from "./find_the_digit.js";
import { inception } from "./inception.js";
import { padding_stride } from "./padding_stride.js";
import { pooling } from "./pooling.js";
import { receptive_field } from "./receptive_field.js";
import { training } from "./training.js";

export const demos = {
  ablation, architecture, c3_connections, channels, cross_correlation, draw_digit, feature_maps, find_the_digit,
  inception, padding_stride, pooling, receptive_field, training,
};
