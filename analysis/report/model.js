/* What all pages have in common: the run's data, and the parts that sections are made of. */

const data = JSON.parse(document.getElementById("data").textContent);
const result = data.result, main = document.querySelector("main");
const [AT, KIND, REPORTER, PEER, TEXT, DEVICE, BEGIN, VALUE, NUMBER] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
data.edges = data.edges || [...new Set(data.events.filter(e => e[KIND] === "container").map(e => e[REPORTER]))];
data.aps = data.aps || [];
const ofKind = (...kinds) => data.events.filter(e => kinds.includes(e[KIND]));
const isHandoff = e => e[KIND] === "handoff" && e[TEXT] !== "first association";
const PARTS = {"load layer": "load base"}; /* of stages that are told in parts, and the stages' own names */
const isPart = e => e[KIND] === "stage" && e[TEXT] in PARTS, isStage = e => e[KIND] === "stage" && !isPart(e);
const migrations = (result.migrations || []).filter(m => (m.repetition || 1) === 1);
const endOf = m => m.outcome === "under way" ? view.end : m.begin_s + (m.total_s || 0);
const nav = html(null, "nav", {"aria-label": "Sections"});

function section(id, title, attributes) {
    const element = html(main, "section", {id, ...attributes});
    html(element, "h2", {}, title);
    html(nav, "a", {href: "#" + id}, title);
    return element;
}

function choice(parent, label, options, chosen) {
    const select = html(html(parent, "label", {}, label + " "), "select");
    options.forEach((text, i) => html(select, "option", {value: i}, text));
    select.addEventListener("change", () => chosen(Number(select.value)));
}

function button(parent, text, act) {
    const element = html(parent, "button", {type: "button"}, text);
    element.addEventListener("click", () => act(element));
    return element;
}

function key(parent, colour, text) {
    const line = html(parent, "span", {class: "key"});
    html(line, "i").style.background = colour;
    line.append(text);
}
