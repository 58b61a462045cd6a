// The canvas of draw_digit. What it shares with Python:
//
//   value      a list of strokes, each [x0, y0, x1, y1, ...] in shares of the side, y downwards
//   label      what it is, for those who cannot see it
//
// and what the page tells it:
//
//   thickness  of the pen, in shares of the side
//   idle       whether something else than the drawing is read

const APART = 0.004; // shares of the side: points closer together than this are left out
const MOST = 4000; // points in a drawing, as in ink.py

function render({ model, el }) {
  const canvas = Object.assign(document.createElement("canvas"), {
    className: "lenet-canvas", tabIndex: 0, role: "img", ariaLabel: model.get("label"),
  });
  el.append(canvas);

  let pointer = null; // the one that is drawing, while it is
  let before = []; // the strokes before this one
  let stroke = []; // the one that is being drawn, or was the last
  let unsent = false; // Python does not know it all yet
  let telling = false; // it is being told
  let frame = 0;

  function strokes() {
    const value = model.get("value");
    return Array.isArray(value) ? value.filter(Array.isArray) : [];
  }

  function words() {
    if (model.get("idle")) return ["a test digit is read;", "draw, and your own is"];
    return strokes().length ? [] : ["draw a digit here"];
  }

  function tell(value) {
    telling = true;
    model.set("value", value);
    model.save_changes();
    telling = false;
  }

  function paint() {
    const side = Math.round(canvas.clientWidth * window.devicePixelRatio);
    if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, side, side);
    pen.lineWidth = Math.max((model.get("thickness") ?? 0.08) * side, 1);
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = model.get("idle") ? "#BBBBBB" : "#222222";
    for (const points of strokes()) {
      pen.beginPath();
      pen.moveTo(points[0] * side, points[1] * side);
      for (let i = 0; i < points.length; i += 2) pen.lineTo(points[i] * side, points[i + 1] * side);
      pen.stroke();
    }
    pen.fillStyle = "#666666";
    pen.font = `${side / 14}px sans-serif`;
    pen.textAlign = "center";
    words().forEach((line, i) => pen.fillText(line, side / 2, side * (0.48 + 0.09 * i)));
  }

  // However many events there are: once for each picture on the screen.
  function soon() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (unsent) tell([...before, [...stroke]]);
      unsent = false;
      paint();
    });
  }

  function add(event) {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map(
      (share) => Math.round(10000 * Math.min(Math.max(share, 0), 1)) / 10000,
    );
    const [lastX, lastY] = stroke.slice(-2);
    const points = (before.flat().length + stroke.length) / 2;
    if (points >= MOST || Math.hypot(x - lastX, y - lastY) < APART) return;
    stroke.push(x, y);
    unsent = true;
    soon();
  }

  function begin(event) {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer); // so that a line may leave the canvas and come back
    before = strokes();
    stroke = [];
    add(event);
  }

  function move(event) {
    if (event.pointerId !== pointer) return;
    const all = event.getCoalescedEvents?.() ?? []; // those that came since the last picture
    for (const one of all.length ? all : [event]) add(one);
  }

  function end(event) {
    if (event.pointerId === pointer) pointer = null;
  }

  function press(event) {
    if (event.key !== "Backspace" && event.key !== "Delete") return;
    event.preventDefault();
    event.stopPropagation();
    tell(event.key === "Delete" ? [] : strokes().slice(0, -1));
    changed();
  }

  // By Python, by a key or in another view: a stroke that is being drawn is given up.
  function changed() {
    if (telling) return;
    pointer = null;
    unsent = false;
    soon();
  }

  const on = (name, listener) => canvas.addEventListener(name, listener);
  on("pointerdown", begin);
  on("pointermove", move);
  on("pointerup", end);
  on("pointercancel", end);
  on("lostpointercapture", end);
  on("keydown", press);
  on("contextmenu", (event) => event.preventDefault()); // which a long touch would open
  model.on("change:value", changed);
  model.on("change:thickness change:idle", soon);
  const observer = new ResizeObserver(soon);
  observer.observe(canvas);

  return () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    model.off("change:value", changed);
    model.off("change:thickness change:idle", soon);
  };
}

export default { render };
