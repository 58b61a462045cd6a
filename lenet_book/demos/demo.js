// Picture and sentence of a demo. What Python has told, in the model that is called shown:
//
//   picture   {width, height, lengths, colours}: its runs of one colour, row by row (see Sheet.runs)
//   sentence  what the picture says, in words

// JupyterLab takes arrow keys and letters as its own commands, "dd" even deletes the cell, unless the
// element that has the focus says that they are not meant for it.
function keepKeys(event) {
  if (event.target.closest(".lenet-demo")) event.target.dataset.lmSuppressShortcuts = "true";
}

function unpacked({ width, height, lengths, colours }) {
  const pixels = new Uint32Array(width * height);
  for (let run = 0, at = 0; at < pixels.length; run++) {
    const colour = colours.getUint32(4 * run, true);
    for (const end = at + lengths.getUint16(2 * run, true); at < end; at++) pixels[at] = colour;
  }
  return new ImageData(new Uint8ClampedArray(pixels.buffer), width, height);
}

async function render({ model, el }) {
  const shown = await model.widget_manager.get_model(model.get("shown").replace("IPY_MODEL_", ""));
  const canvas = document.createElement("canvas");
  canvas.className = "lenet-picture";
  canvas.setAttribute("role", "img");
  const words = document.createElement("div");
  words.className = "lenet-sentence";
  words.setAttribute("role", "status");
  el.append(canvas, words);

  function show() {
    const [picture, sentence] = [shown.get("picture"), shown.get("sentence")];
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    canvas.getContext("2d").putImageData(unpacked(picture), 0, 0);
    words.textContent = sentence;
    canvas.setAttribute("aria-label", sentence);
  }

  show();
  shown.on("change", show); // once for both
  document.addEventListener("focusin", keepKeys);
  return () => {
    shown.off("change", show);
    document.removeEventListener("focusin", keepKeys);
  };
}

export default { render };
