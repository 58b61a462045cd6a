// Pointing at a unit: frames over the picture and words in place of the sentence, until it ends.
import { element } from "./element.js";

// Where in the picture, of that width and height, an event on its canvas is.
export function pointOf({ clientX, clientY }, canvas, [width, height]) {
  const box = canvas.getBoundingClientRect();
  return [((clientX - box.left) * width) / box.width, ((clientY - box.top) * height) / box.height];
}

// canvas, sentence: of the demo. size: width and height of the picture. longest: words, for which there is always
// room. find(x, y): what the demo's hover has to show of a point or, without one, of where the keys begin; null
// for nothing. read(words): they are to be read aloud once they rest. Gives back what shows all anew after the
// picture has changed.
export function hovering(canvas, sentence, size, longest, find, read) {
  const [picture, frames, said, words] = ["picture", "frames", "said", "unit"].map((name) =>
    element("div", { className: `lenet-hover-${name}` }));
  canvas.before(picture);
  picture.append(canvas, frames);
  sentence.before(said);
  said.append(sentence, words);
  said.dataset.longest = longest;
  Object.assign(canvas, {
    tabIndex: 0, role: "application", // so that a screen reader leaves it the arrow keys
    ariaRoleDescription: "picture", ariaDescription: "arrow keys go from unit to unit",
  });

  let place = []; // the point that is shown, or was
  let found = null;

  function show(...point) {
    found = find(...point);
    if (found) place = point;
    frames.replaceChildren(...(found?.frames ?? []).map(([x, y, across, down]) => {
      const [width, height] = size;
      const sides = [y / height, 1 - (x + across) / width, 1 - (y + down) / height, x / width];
      return element("div", { style: `inset: ${sides.map((share) => `${100 * share}%`).join(" ")}` });
    }));
    if (words.textContent !== (words.textContent = found?.words ?? "")) read(words.textContent);
    said.classList.toggle("lenet-pointed", Boolean(found));
  }

  const pointed = (event) => show(...pointOf(event, canvas, size));
  const end = () => show(NaN, NaN);
  const on = (name, listener) => canvas.addEventListener(name, listener);
  // A finger taps: it does not hover, and leaves nothing.
  on("pointermove", (event) => { if (event.pointerType !== "touch" && !event.buttons) pointed(event); });
  on("pointerleave", (event) => { if (event.pointerType !== "touch") end(); });
  on("click", pointed);
  on("focus", () => { if (canvas.matches(":focus-visible")) show(...place); });
  on("blur", end);
  on("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    const [to, ends] = [(found ?? find(...place))?.ways[key], found && key === "Escape"];
    if (!(to || ends) || ctrlKey || metaKey || altKey || shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (ends) end();
    else if (!found) show(...place);
    else if (find(...to)) show(...to); // beyond an edge there is nothing
  });
  return () => { if (found) show(...place); };
}
