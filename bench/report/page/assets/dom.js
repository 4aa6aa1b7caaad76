// Elements. Texts of results become text nodes and attributes, never HTML: a codec may be called <img>.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: attributes (on... are listeners, style is an object), then children. */
function h(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An SVG element, as `h` makes HTML. */
function s(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") {
      for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    } else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** Replace what is in an element, and give the focus back to what had it: `data-focus` names it. */
function refill(element, ...children) {
  const active = element.contains(document.activeElement) ? document.activeElement : null;
  const key = active ? active.getAttribute("data-focus") : null;
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  if (key === null) return;
  for (const candidate of element.querySelectorAll("[data-focus]")) {
    if (candidate.getAttribute("data-focus") === key) candidate.focus({ preventScroll: true });
  }
}

/** A labelled <select>: options are pairs of a value and a text. */
function picker(label, options, value, onpick, attributes) {
  const select = h(
    "select",
    { ...attributes, onchange: () => onpick(select.value) },
    options.map(([option, text]) => h("option", { value: option }, text)),
  );
  select.value = value;
  return h("label", { class: "picker" }, h("span", {}, label), select);
}

/** Buttons of which one is pressed: options are pairs of a value and a text. */
function choice(label, options, value, onpick, name) {
  return h(
    "div",
    { class: "choice", role: "group", "aria-label": label },
    options.map(([option, text]) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(option === value),
          "data-focus": `${name}=${option}`,
          onclick: () => onpick(option),
        },
        text,
      ),
    ),
  );
}

/** A button that is on or off. */
function toggle(text, on, onpick, name, title) {
  return h(
    "button",
    {
      type: "button",
      class: "toggle",
      "aria-pressed": String(on),
      "data-focus": name,
      title,
      onclick: () => onpick(!on),
    },
    text,
  );
}

/** A table or plot that is wider than the screen scrolls by itself, by keyboard, too. */
function scroller(label, ...children) {
  return h("div", { class: "scroller", role: "region", "aria-label": label, tabindex: "0" }, ...children);
}

/** Text for screen readers only. */
function spoken(text) {
  return h("span", { class: "spoken" }, text);
}

/** Say something to screen readers, now. */
function announce(text) {
  const live = document.getElementById("live");
  if (live.textContent !== text) live.textContent = text;
}

/** A text and a button that copies it. */
function copied(text, label) {
  const field = h("code", { class: "command" }, text);
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy: ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange(); // a page from the disk may have no clipboard
      range.selectNodeContents(field);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    announce(done ? "copied" : "selected; press Ctrl+C to copy");
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
  return h("div", { class: "copied" }, field, button);
}
