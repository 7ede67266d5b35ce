/* Elements, scales and the charts over the run's time. All texts reach the page as text nodes. */

function put(parent, element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {}))
        if (value !== null && value !== undefined && value !== false)
            element.setAttribute(name, value === true ? "" : value);
    for (const child of [].concat(children === undefined ? [] : children))
        element.append(child);
    if (parent)
        parent.append(element);
    return element;
}

function html(parent, name, attributes, children) {
    return put(parent, document.createElement(name), attributes, children);
}

function svg(parent, name, attributes, children) {
    return put(parent, document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function tip(element, text) {
    svg(element, "title", {}, text);
    return element;
}

/* Colours that the colour-blind tell apart (Okabe and Ito). */
const PALETTE = ["#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#B8A800", "#999999"];
const colourOf = index => index < 0 ? "#999999" : PALETTE[index % PALETTE.length];

function number(value, digits) {
    if (value === null || value === undefined || !Number.isFinite(Number(value)))
        return "–";
    return Number(Number(value).toPrecision(digits || 6)).toString();
}

function seconds(s) {
    return Math.abs(s) < 1 ? number(s * 1000, 3) + " ms" : number(s, 4) + " s";
}

function ticks(from, to, count) {
    const rough = (to - from) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough);
    const list = [];
    for (let i = Math.ceil(from / step); i * step <= to + step * 1e-9; i++)
        list.push(Number((i * step).toPrecision(12)));
    return list;
}

function table(parent, caption, heads, rows) {
    const element = html(html(parent, "div", {class: "wide"}), "table");
    const cellClass = cell => typeof cell === "object" && cell.number !== undefined ? "number" : null;
    html(element, "caption", {}, caption);
    const head = html(html(element, "thead"), "tr");
    heads.forEach((text, i) => html(head, "th", {scope: "col", class: rows[0] && cellClass(rows[0][i])}, text));
    const body = html(element, "tbody");
    for (const row of rows) {
        const line = html(body, "tr");
        for (const cell of row)
            html(line, "td", {class: cellClass(cell) || cell.class}, typeof cell === "object" ? String(cell.number ?? cell.text) : cell);
    }
    return element;
}

const FRAME = {width: 1000, left: 110, right: 14, top: 10, bottom: 30};

/* What part of the run all time charts show. */
const view = {from: 0, to: 1, end: 1, charts: []};

function show(from, to) {
    const least = view.end / 1e5, width = Math.min(Math.max(to - from, least), view.end);
    view.from = Math.min(Math.max(from, 0), view.end - width);
    view.to = view.from + width;
    view.charts.forEach(draw => draw());
}

const timeX = t => FRAME.left + (t - view.from) / (view.to - view.from) * (FRAME.width - FRAME.left - FRAME.right);

function timeAxis(chart, height) {
    for (const t of ticks(view.from, view.to, 9)) {
        svg(chart, "line", {x1: timeX(t), x2: timeX(t), y1: FRAME.top, y2: height - FRAME.bottom, class: "grid"});
        svg(chart, "text", {x: timeX(t), y: height - 13, "text-anchor": "middle", class: "faint"}, number(t));
    }
    svg(chart, "text", {x: FRAME.left - 12, y: height - 13, "text-anchor": "end", class: "faint"}, "time (s)");
}

function valueAxis(chart, height, top, unit) {
    const y = v => height - FRAME.bottom - v / top * (height - FRAME.bottom - FRAME.top);
    for (const v of ticks(0, top, 5)) {
        svg(chart, "line", {x1: FRAME.left, x2: FRAME.width - FRAME.right, y1: y(v), y2: y(v), class: "grid"});
        svg(chart, "text", {x: FRAME.left - 6, y: y(v) + 4, "text-anchor": "end", class: "faint"}, number(v));
    }
    svg(chart, "text", {x: 12, y: FRAME.top + 12, class: "faint"}, unit);
    return y;
}

function onKey(event) {
    const width = view.to - view.from, middle = (view.to + view.from) / 2;
    const acts = {
        ArrowLeft: () => show(view.from - width / 5, view.to - width / 5),
        ArrowRight: () => show(view.from + width / 5, view.to + width / 5),
        "+": () => show(middle - width / 4, middle + width / 4),
        "=": () => show(middle - width / 4, middle + width / 4),
        "-": () => show(middle - width, middle + width),
        "0": () => show(0, view.end),
    };
    if (acts[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
        acts[event.key]();
        event.preventDefault();
    }
}

/* Dragging chooses a part, a double click goes back to the whole run. */
function onDrag(chart) {
    const timeAt = event => {
        const box = chart.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * FRAME.width;
        return view.from + (x - FRAME.left) / (FRAME.width - FRAME.left - FRAME.right) * (view.to - view.from);
    };
    let begin = null;
    chart.addEventListener("pointerdown", event => { begin = timeAt(event); });
    chart.addEventListener("pointerup", event => {
        const end = timeAt(event);
        if (begin !== null && Math.abs(timeX(end) - timeX(begin)) > 6)
            show(Math.min(begin, end), Math.max(begin, end));
        begin = null;
    });
    chart.addEventListener("dblclick", () => show(0, view.end));
}

/* `draw` fills the empty chart; again whenever another part of the run is to be seen. */
function timeChart(parent, label, height, draw) {
    const chart = svg(parent, "svg", {viewBox: `0 0 ${FRAME.width} ${height}`, role: "img", tabindex: 0, "aria-label": label});
    const again = () => {
        chart.replaceChildren();
        svg(chart, "clipPath", {id: `clip${height}-${view.charts.indexOf(again)}`},
            svg(null, "rect", {x: FRAME.left, y: 0, width: FRAME.width - FRAME.left - FRAME.right, height}));
        timeAxis(chart, height);
        const inner = svg(null, "g", {"clip-path": `url(#clip${height}-${view.charts.indexOf(again)})`});
        draw(chart, inner, height);
        chart.append(inner);
    };
    view.charts.push(again);
    chart.addEventListener("keydown", onKey);
    onDrag(chart);
    return chart;
}

function spanBox(parent, begin, end, y, height, attributes, text) {
    const x = timeX(begin);
    return tip(svg(parent, "rect", {x, y, width: Math.max(timeX(end) - x, 1), height, ...attributes}), text);
}
