// The demos of a page without a kernel: each element that says which demo it is comes alive.
import { demos } from "./demos.js";
import { element } from "./element.js";
import { provide } from "./files.js";
import { show } from "./host.js";
import { controlsOn } from "./native.js";
import { DEFAULTS, sheetOn } from "./sheet.js";

globalThis.lenetBook = { DEFAULTS, demos, provide, sheetOn }; // for whoever looks inside: the tests

// What was saved stays until the files have been loaded that the live picture is painted from, over it.
function keep(view, picture, sentence) {
  const [words, canvas] = ["sentence", "picture"].map((name) => view.querySelector(`.lenet-${name}`));
  if (words.textContent) return; // there are no files to wait for
  words.textContent = canvas.ariaLabel = sentence;
  if (picture) canvas.style.background = `url("${picture.src}") 0 / 100% 100%`;
}

function start() {
  for (const el of document.querySelectorAll("[data-demo]")) {
    const description = JSON.parse(el.dataset.demo);
    const { order, controls: sorted } = description;
    description.controls = Object.fromEntries(order.map((name) => [name, sorted[name]]));
    const [picture, sentence] = [el.querySelector("img"), el.textContent.trim()]; // as they were saved
    el.replaceChildren();
    el.classList.add("lenet-demo", "lenet-alone");
    el.classList.toggle("lenet-projector", description.scale > 1);
    el.classList.toggle("lenet-beside", Object.values(sorted).some(({ kind }) => kind === "canvas"));
    const controls = controlsOn(el, description, demos[description.name].table);
    const view = el.appendChild(element("div", { className: "lenet-view" }));
    show(demos[description.name], description, view, controls);
    if (!description.hidden) keep(view, picture, sentence);
    el.values = controls.values; // for whoever wants to know what is shown
  }
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
else start();
