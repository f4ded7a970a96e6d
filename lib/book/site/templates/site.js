// What the pages of the site do: panels that move, regions that scroll.
"use strict";

function preparePanel(panel) {
  const frames = JSON.parse(panel.querySelector("script").textContent);
  const slider = panel.querySelector("input");
  const picture = panel.querySelector("img");
  const show = () => {
    const frame = frames[slider.value];
    picture.src = frame.file;
    picture.alt = frame.alt;
    slider.setAttribute("aria-valuetext", frame.value);
    panel.querySelector(".value").textContent = frame.value;
    panel.querySelector("output").textContent = frame.alt;
  };
  // The other pictures are fetched once somebody is about to move the slider.
  slider.addEventListener("focus", () => frames.forEach(({ file }) => (new Image().src = file)), { once: true });
  slider.addEventListener("input", show);
  slider.setAttribute("aria-valuetext", frames[slider.value].value);
  panel.querySelector(".control").hidden = false;
}

// What is wider than its place can be scrolled with the keyboard, and is not stopped at otherwise.
function markScrolling() {
  for (const region of document.querySelectorAll("pre, .wide, .formula")) {
    if (region.scrollWidth > region.clientWidth) {
      region.tabIndex = 0;
      region.setAttribute("role", "group");
      region.setAttribute("aria-label", region.matches("pre") ? "code or text" : region.matches(".wide") ? "table" : "formula");
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) region.removeAttribute(name);
    }
  }
}

addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".moving").forEach(preparePanel);
  for (const fold of document.querySelectorAll("details")) fold.addEventListener("toggle", markScrolling);
  markScrolling();
});
addEventListener("resize", markScrolling);

let opened = []; // paper cannot be unfolded
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const fold of opened) fold.open = true;
});
addEventListener("afterprint", () => opened.forEach((fold) => (fold.open = false)));
