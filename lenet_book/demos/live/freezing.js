// A picture that is kept beside the one that goes on moving, to compare the two.
import { element } from "./element.js";

// add(label, press, tooltip) -> the button, at the end of the others. Gives back the canvas of the kept picture,
// swapped(whether it has the other's place) and release, after which there is none.
export function freezing(el, canvas, words, add) {
  const caption = element("figcaption");
  const still = element("canvas", { className: "lenet-picture", role: "img" });
  const frozen = element("figure", { className: "lenet-frozen" }, caption, still);
  const freeze = add("", () => (frozen.parentNode ? release() : keep()), "keeps this picture, to compare it with another");
  const swap = add("swap", () => swapped(swap.ariaPressed !== "true"),
    "the frozen picture in the place of the other, and back: what differs is seen at once");
  function keep() {
    const { width, height, ariaLabel } = canvas;
    Object.assign(still, { width, height, ariaLabel });
    still.getContext("2d").drawImage(canvas, 0, 0);
    caption.textContent = `Frozen: ${ariaLabel}`;
    el.append(frozen);
    freeze.textContent = "unfreeze";
    swap.hidden = false;
  }
  function release() {
    swapped(false);
    frozen.remove();
    freeze.textContent = "freeze";
    swap.hidden = true;
  }
  // To the pixel, so that nothing moves but what differs.
  function swapped(now) {
    const room = words.closest(".lenet-hover-said") ?? words;
    caption.style.height = now ? `${room.getBoundingClientRect().height}px` : "";
    el.classList.toggle("lenet-swapped", now);
    swap.ariaPressed = String(now);
  }
  return { still, swapped, release };
}
