/* Response times over the run's time, migrations and handoffs marked. */

/* One, or one for each device where the rows tell them apart. */
function curvesOf(rows) {
    const curves = new Map();
    for (const row of rows)
        if (curves.has(row[6]))
            curves.get(row[6]).push(row);
        else
            curves.set(row[6], [row]);
    return curves.values();
}

function drawResponses(chart, inner, height) {
    const seen = data.response.filter(p => p[0] >= view.from && p[0] <= view.to);
    const y = valueAxis(chart, height, Math.max(1, ...seen.map(p => p[4])) * 1.05, "ms");
    for (const m of migrations)
        spanBox(inner, m.begin_s, endOf(m), FRAME.top, height - FRAME.top - FRAME.bottom, {class: "band"}, nameOf(m));
    for (const e of data.events.filter(e => isHandoff(e) && e[AT] >= view.from && e[AT] <= view.to).slice(0, 200))
        tip(svg(inner, "line", {x1: timeX(e[AT]), x2: timeX(e[AT]), y1: FRAME.top, y2: height - FRAME.bottom, class: "handoff"}),
            `handoff to ${e[PEER]} at ${number(e[AT])} s`);
    for (const points of curvesOf(seen)) {
        const up = points.map(p => `${timeX(p[0])},${y(p[4])}`), down = points.map(p => `${timeX(p[0])},${y(p[3])}`).reverse();
        svg(inner, "polygon", {points: [...up, ...down].join(" "), class: "range"});
        svg(inner, "polyline", {points: points.map(p => `${timeX(p[0])},${y(p[2])}`).join(" "), class: "curve"});
    }
    if (seen.length < 250)
        for (const p of seen)
            tip(svg(inner, "circle", {cx: timeX(p[0]), cy: y(p[2]), r: 2.6, class: "dot"}),
                `request ${p[1]}, sent at ${number(p[0])} s: ${number(p[2])} ms` +
                (p[5] > 1 ? ` (${number(p[3])} to ${number(p[4])}, n = ${p[5]})` : ""));
}

/* `keys`: what the curve and its range are, [colour, text]. */
function responseChart(parent, keys) {
    timeChart(parent, "Response time over the time of sending; the numbers are in result.json and events.db", 300, drawResponses);
    const line = html(parent, "p");
    for (const [colour, text] of [...keys, ["var(--band)", "a migration"]])
        key(line, colour, text);
    html(line, "span", {class: "faint"}, "dashed: handoffs");
}
