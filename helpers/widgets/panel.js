// The browser's side of every panel: native HTML controls, a live view, and a sentence that screen readers announce.
// Python decides everything; this file only shows what it says and sends back what the reader entered.

const PAUSE_MS = 60; // while someone types or drags, send at most this often

function labelled(control, input) {
  const label = document.createElement("label");
  const text = document.createElement("span");
  text.textContent = control.label;
  label.append(...(control.kind === "checkbox" ? [input, text] : [text, input]));
  return label;
}

function textBox(control, send) {
  const input = document.createElement(control.rows > 1 ? "textarea" : "input");
  if (control.rows > 1) input.rows = control.rows;
  else input.type = "text";
  input.spellcheck = false;
  input.addEventListener("input", () => send(input.value));
  return { element: labelled(control, input), show: (value) => { if (input.value !== value) input.value = value; } };
}

function slider(control, send) {
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: control.minimum, max: control.maximum, step: control.step });
  const output = document.createElement("output");
  const decimals = (String(control.step).split(".")[1] || "").length;
  const say = () => { output.textContent = Number(input.value).toFixed(decimals).replace(/^-(0\.?0*)$/, "$1"); };
  input.addEventListener("input", () => { say(); send(Number(input.value)); });
  const element = labelled(control, input);
  element.append(output);
  return { element, show: (value) => { input.value = value; say(); } };
}

function dropDown(control, send) {
  const input = document.createElement("select");
  for (const option of control.options) input.add(new Option(option, option));
  input.addEventListener("change", () => send(input.value));
  return { element: labelled(control, input), show: (value) => { input.value = value; } };
}

function radioButtons(control, send, id) {
  const element = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = control.label;
  element.append(legend);
  const inputs = control.options.map((option) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: `${id}-${control.name}`, value: option });
    input.addEventListener("change", () => send(option));
    const label = document.createElement("label");
    label.className = "radio";
    const text = document.createElement("span");
    text.textContent = option;
    label.append(input, text);
    element.append(label);
    return input;
  });
  return { element, show: (value) => inputs.forEach((input) => { input.checked = input.value === value; }) };
}

function checkbox(control, send) {
  const input = document.createElement("input");
  input.type = "checkbox";
  input.addEventListener("change", () => send(input.checked));
  return { element: labelled(control, input), show: (value) => { input.checked = value; } };
}

function button(control, send) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = control.label;
  let pressed = control.value;
  element.addEventListener("click", () => send((pressed += 1)));
  return { element, show: (value) => { pressed = value; } };
}

function build(control, send, id) {
  if (control.kind === "text") return textBox(control, send);
  if (control.kind === "slider") return slider(control, send);
  if (control.kind === "choice") return control.radio ? radioButtons(control, send, id) : dropDown(control, send);
  if (control.kind === "checkbox") return checkbox(control, send);
  return button(control, send);
}

// In an element marked data-map, dragging moves the sliders across and up, and the wheel with Ctrl (a pinch) the slider zoom.
function moveByPointer(view, form) {
  const slider = (name) => form.querySelector(`[data-control="${name}"] input`);
  const move = (name, value) => { slider(name).value = value; slider(name).dispatchEvent(new Event("input")); };
  let held = null;
  let turned = 0;
  view.addEventListener("pointerdown", (event) => {
    const map = event.target.closest("[data-map]");
    if (!map || event.button !== 0) return;
    const [across, up, zoom] = ["across", "up", "zoom"].map((name) => Number(slider(name).value));
    held = { x: event.clientX, y: event.clientY, box: map.getBoundingClientRect(), across, up, zoom };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", (event) => {
    if (!held) return;
    move("across", held.across - (100 * (event.clientX - held.x)) / held.box.width / held.zoom);
    move("up", held.up + (100 * (event.clientY - held.y)) / held.box.height / held.zoom);
  });
  for (const end of ["pointerup", "pointercancel"]) view.addEventListener(end, () => { held = null; });
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest("[data-map]")) return;
    event.preventDefault();
    turned += event.deltaY * (event.deltaMode ? 40 : 1); // a pinch comes in many small turns, some browsers count lines
    if (Math.abs(turned) < 30) return;
    move("zoom", Number(slider("zoom").value) - Math.sign(turned));
    turned = 0;
  }, { passive: false });
}

function render({ model, el }) {
  const id = `course-panel-${Math.random().toString(36).slice(2)}`; // a counter would begin again for each panel: each loads this file anew
  const section = document.createElement("section");
  section.className = "course-panel";
  section.setAttribute("aria-labelledby", id);
  section.addEventListener("keydown", (event) => event.stopPropagation()); // keys pressed here are not meant for JupyterLab's shortcuts
  const heading = document.createElement("p");
  heading.className = "title";
  heading.id = id;
  heading.textContent = model.get("title");
  const form = document.createElement("form");
  form.addEventListener("submit", (event) => event.preventDefault());

  let waiting = null;
  let entered = { ...model.get("values") };
  const send = (name) => (value) => {
    entered = { ...entered, [name]: value };
    waiting ??= setTimeout(() => { waiting = null; model.set("values", entered); model.save_changes(); }, PAUSE_MS);
  };
  const fields = new Map();
  for (const control of model.get("controls")) {
    const field = build(control, send(control.name), id);
    field.element.dataset.control = control.name;
    fields.set(control.name, field);
    form.append(field.element);
  }
  const status = document.createElement("p");
  status.className = "status";
  status.setAttribute("role", "status");
  const view = document.createElement("div");
  view.className = "view";
  view.setAttribute("role", "group");
  view.setAttribute("aria-label", `${model.get("title")}: result`);
  view.tabIndex = 0; // a wide table scrolls by the arrow keys
  moveByPointer(view, form);

  const showValues = () => {
    if (waiting !== null) return; // the reader is still entering something: what they see stays
    entered = { ...model.get("values") };
    for (const [name, field] of fields) field.show(entered[name]);
  };
  const showStatus = () => { status.textContent = model.get("words"); };
  const showView = () => { view.innerHTML = model.get("html"); };
  showValues();
  showStatus();
  showView();
  model.on("change:values", showValues);
  model.on("change:words", showStatus);
  model.on("change:html", showView);
  section.append(heading, form, status, view);
  el.append(section);
  return () => clearTimeout(waiting);
}

export default { render };
