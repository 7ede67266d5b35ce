/* Response times over the run's time, migrations and handoffs marked. */

function drawResponses(chart, inner, height) {
    const seen = data.response.filter(p => p[0] >= view.from && p[0] <= view.to);
    const y = valueAxis(chart, height, Math.max(1, ...seen.map(p => p[4])) * 1.05, "ms");
    for (const m of migrations)
        spanBox(inner, m.begin_s, endOf(m), FRAME.top, height - FRAME.top - FRAME.bottom, {class: "band"}, nameOf(m));
    for (const e of data.events.filter(e => isHandoff(e) && e[AT] >= view.from && e[AT] <= view.to).slice(0, 200))
        tip(svg(inner, "line", {x1: timeX(e[AT]), x2: timeX(e[AT]), y1: FRAME.top, y2: height - FRAME.bottom, class: "handoff"}),
            `handoff to ${e[PEER]} at ${number(e[AT])} s`);
    const up = seen.map(p => `${timeX(p[0])},${y(p[4])}`), down = seen.map(p => `${timeX(p[0])},${y(p[3])}`).reverse();
    svg(inner, "polygon", {points: [...up, ...down].join(" "), class: "range"});
    svg(inner, "polyline", {points: seen.map(p => `${timeX(p[0])},${y(p[2])}`).join(" "), class: "curve"});
    if (seen.length < 250)
        for (const p of seen)
            tip(svg(inner, "circle", {cx: timeX(p[0]), cy: y(p[2]), r: 2.6, class: "dot"}),
                `request ${p[1]}, sent at ${number(p[0])} s: ${number(p[2])} ms` +
                (p[5] > 1 ? ` (${number(p[3])} to ${number(p[4])}, n = ${p[5]})` : ""));
}

function responseChart(parent) {
    timeChart(parent, "Response time over the time of sending; the numbers are in result.json and events.db", 300, drawResponses);
    const keys = html(parent, "p");
    key(keys, "var(--mark)", "mean by request number" + (data.repetitions ? ` over ${data.repetitions} repetitions` : ""));
    key(keys, "var(--range)", "least to greatest");
    key(keys, "var(--band)", "a migration");
    html(keys, "span", {class: "faint"}, "dashed: handoffs");
}
