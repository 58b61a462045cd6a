// Formulas are typeset, what is too high for its slide is made smaller, and reveal.js starts.

const WIDTH = 1280, HEIGHT = 720;
const LEAST = 60; // percent of the usual size of words; a picture may become half as high as it was

renderMathInElement(document.querySelector(".slides"), {
  delimiters: [
    { left: "$$", right: "$$", display: true },
    { left: "$", right: "$", display: false },
  ],
  ignoredClasses: ["notes"], // they are shown in a window without the fonts
});

/** Make pictures of a slide smaller, and then its words, until it is no higher than the screen. */
function fit(section) {
  const over = () => section.scrollHeight - HEIGHT;
  const pictures = [...section.querySelectorAll("img")];
  const high = Math.max(0, ...pictures.map((picture) => picture.clientHeight));
  for (let percent = 100; percent >= 50 && pictures.length && over() > 0; percent -= 5) {
    section.style.setProperty("--high", `${Math.floor(high * percent / 100)}px`);
  }
  for (let percent = 100; percent >= LEAST && over() > 0; percent -= 5) {
    section.style.setProperty("--fit", percent / 100);
  }
}

/** Let a demo fill what the words of its slide leave. */
function enlarge(section) {
  const demo = section.querySelector(".lenet-demo");
  if (!demo) return;
  const others = section.scrollHeight - demo.getBoundingClientRect().height / Reveal.getScale();
  section.style.setProperty("--zoom", Math.min((HEIGHT - others) / demo.scrollHeight, 1.5));
}

Reveal.on("slidechanged", ({ currentSlide }) => enlarge(currentSlide));
Reveal.on("ready", ({ currentSlide }) => enlarge(currentSlide));

window.addEventListener("load", async () => {
  await Promise.all([...document.fonts].map((font) => font.load()));
  document.body.classList.add("measuring");
  document.querySelectorAll(".slides section section").forEach(fit); // the outer ones are columns of them
  document.body.classList.remove("measuring");
  Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0.02, center: false, hash: true, transition: "none",
    slideNumber: "c/t", controlsTutorial: false, plugins: [RevealNotes],
  });
});
