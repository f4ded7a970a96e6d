// Finds sections that hold all words asked for; SECTIONS comes from search-index.js.
"use strict";

const MOST = 50;
const AROUND = 90; // characters on each side of what was found

function score(section, words) {
  const [title, heading, text] = [section.title, section.heading, section.text].map((part) => part.toLowerCase());
  let sum = 0;
  for (const word of words) {
    const times = text.split(word).length - 1;
    const found = 20 * heading.includes(word) + 10 * title.includes(word) + Math.min(times, 10);
    if (!found) return 0;
    sum += found;
  }
  return sum;
}

// Appends a piece of the text around the first word, each word marked.
function appendExcerpt(place, text, words) {
  const at = Math.max(0, text.toLowerCase().indexOf(words.find((word) => text.toLowerCase().includes(word))));
  const piece = text.slice(Math.max(0, at - AROUND), at + AROUND);
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  for (const part of piece.split(new RegExp(`(${escaped.join("|")})`, "i"))) {
    const marked = words.includes(part.toLowerCase());
    const node = marked ? document.createElement("mark") : document.createElement("span");
    node.textContent = part;
    place.append(node);
  }
}

function entry(section, words) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `${section.page}.html#${encodeURIComponent(section.id)}`;
  link.textContent = section.heading === section.title ? section.title : `${section.title}: ${section.heading}`;
  const excerpt = document.createElement("p");
  appendExcerpt(excerpt, section.text, words);
  item.append(link, excerpt);
  return item;
}

const query = new URLSearchParams(location.search).get("q")?.trim() ?? "";
const words = query.toLowerCase().split(/\s+/).filter(Boolean);
if (words.length) {
  document.getElementById("query").value = query;
  const found = SECTIONS.map((section) => [score(section, words), section])
    .filter(([points]) => points)
    .sort(([one], [other]) => other - one);
  const count = found.length === 1 ? "1 section holds" : `${found.length} sections hold`;
  const shown = found.length > MOST ? `, the first ${MOST} are shown` : "";
  document.getElementById("found").textContent = `${count} “${query}”${shown}.`;
  for (const [, section] of found.slice(0, MOST)) document.getElementById("results").append(entry(section, words));
}
