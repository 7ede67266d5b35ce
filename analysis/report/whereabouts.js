/* Who is where: visits of access points and live containers, over time and on a map. */

function lanesOf() {
    const lanes = new Map();
    const lane = device => {
        if (!lanes.has(device))
            lanes.set(device, {device, name: null, visits: [], live: [], marks: []});
        return lanes.get(device);
    };
    const close = (list, at) => { if (list.length && list[list.length - 1].end === null) list[list.length - 1].end = at; };
    const enter = (list, at, where) => { close(list, at); list.push({begin: at, end: null, where}); };
    for (const e of data.events.filter(e => e[DEVICE] >= 0)) {
        const of = lane(e[DEVICE]);
        if (isDevice(e[REPORTER]))
            of.name = e[REPORTER].replace(/^USER-/, "");
        if (e[KIND] === "handoff") {
            close(of.visits, e[BEGIN]);
            enter(of.visits, e[AT], e[PEER]);
        } else if (e[KIND] === "outage") {
            close(of.visits, e[BEGIN]);
        } else if (e[KIND] === "container" && e[TEXT] === "live") {
            enter(of.live, e[AT], e[REPORTER]);
        } else if (e[KIND] === "container" && e[TEXT] !== "standby" && of.live.length && of.live[of.live.length - 1].where === e[REPORTER]) {
            close(of.live, e[AT]);
        }
        if (isHandoff(e) || e[KIND] === "outage")
            of.marks.push(e);
    }
    for (const of of lanes.values())
        [of.visits, of.live].forEach(list => close(list, view.end));
    return [...lanes.entries()].sort((a, b) => a[0] - b[0]).map(([, of]) => of);
}

const edgeOfAp = name => (data.aps.find(a => a.name === name) || {}).edge;
const edgeColour = name => colourOf(data.edges.indexOf(name));

function whereabouts(lanes) {
    if (!lanes.some(l => l.live.length || l.visits.length))
        return;
    const here = section("whereabouts", "Who is where");
    timeControls(here);
    whereaboutsChart(here, lanes);
}

function whereaboutsChart(here, lanes) {
    const row = lanes.length > 12 ? 20 : 30;
    timeChart(here, "Access point and container of each device over time", lanes.length * row + FRAME.top + FRAME.bottom, (chart, inner) => {
        lanes.forEach((of, i) => {
            const y = FRAME.top + i * row, half = (row - 6) / 2;
            svg(chart, "text", {x: FRAME.left - 6, y: y + row / 2 + 4, "text-anchor": "end"}, of.name || "?");
            for (const v of of.visits) {
                spanBox(inner, v.begin, v.end, y, half, {fill: edgeColour(edgeOfAp(v.where)), "fill-opacity": 0.55},
                    `${of.name} at ${v.where}, ${number(v.begin)} to ${number(v.end)} s`);
                if (timeX(v.end) - timeX(v.begin) > v.where.length * 7 && half > 10)
                    svg(inner, "text", {x: Math.max(timeX(v.begin), FRAME.left) + 4, y: y + half - 2}, v.where);
            }
            for (const v of of.live)
                spanBox(inner, v.begin, v.end, y + half, half, {fill: edgeColour(v.where)}, `container of ${of.name} live on ${v.where}, ${number(v.begin)} to ${number(v.end)} s`);
            for (const e of of.marks)
                spanBox(inner, e[BEGIN], e[AT], y, half, {class: e[KIND] === "outage" ? "outage" : "migration"},
                    `${e[KIND]} ${number(e[BEGIN])} to ${number(e[AT])} s: ${e[TEXT]}`);
        });
    });
    const keys = html(here, "p");
    data.edges.slice(0, PALETTE.length).forEach(name => key(keys, edgeColour(name), name));
    html(keys, "span", {class: "faint"}, "upper half: access point, in its edge server's colour; lower half: the live container; thin bars: handoffs; empty: no access point");
}

const pathOf = of => (data.paths || {})[of.device] || [];

/* Where the path is at a time, null if nowhere: between two samples on the straight way. */
function onPath(path, t) {
    const next = path.findIndex(p => p && p[0] > t), before = next < 0 ? path[path.length - 1] : path[next - 1], after = path[next];
    if (!before || before[0] > t)
        return null;
    const share = after && after[0] > before[0] ? (t - before[0]) / (after[0] - before[0]) : 0, [, x_m, y_m] = before;
    return after ? {x_m: x_m + (after[1] - x_m) * share, y_m: y_m + (after[2] - y_m) * share} : {x_m, y_m};
}

/* Devices whose ways are not known stand around their access point. */
function besideAp(ap, i, count, distance) {
    const angle = i / count * 2 * Math.PI;
    return {x_m: ap.x_m + Math.cos(angle) * distance, y_m: ap.y_m + Math.sin(angle) * distance};
}

function drawPaths(parent, lanes, x, y) {
    for (const of of lanes) {
        let line = "", pen = "M";
        for (const p of pathOf(of)) {
            if (p)
                line += `${pen}${x({x_m: p[1]}).toFixed(1)} ${y({y_m: p[2]}).toFixed(1)}`;
            pen = p ? "L" : "M";
        }
        if (line)
            tip(svg(parent, "path", {d: line, class: "track"}), `the way of ${of.name}`);
    }
}

/* The map; the function that it returns puts the devices where they are at a time. */
function drawMap(parent, lanes) {
    const placed = placedAps();
    const steps = lanes.flatMap(pathOf).filter(p => p), moving = steps.length > 0;
    const xs = placed.map(a => a.x_m).concat(steps.map(p => p[1])), ys = placed.map(a => a.y_m).concat(steps.map(p => p[2]));
    const apart = placed.reduce((least, a) => placed.reduce((l, b) => a === b ? l : Math.min(l, Math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) || l), least), Infinity);
    const radius = Number.isFinite(apart) ? apart / 2 : 10, margin = radius * 1.4;
    const [left, right, low, high] = [Math.min(...xs) - margin, Math.max(...xs) + margin, Math.min(...ys) - margin, Math.max(...ys) + margin];
    const scale = Math.min(1000 / (right - left), 620 / (high - low));
    const x = a => (a.x_m - left) * scale, y = a => (high - a.y_m) * scale;
    const chart = svg(parent, "svg", {viewBox: `0 0 ${Math.ceil((right - left) * scale)} ${Math.ceil((high - low) * scale)}`, role: "img", "aria-label": "Access points and devices in their cells"});
    chart.style.maxWidth = Math.ceil((right - left) * scale) + "px";
    const ways = new Map();
    for (const of of moving ? [] : lanes)
        for (let i = 1; i < of.visits.length; i++) {
            const ends = [of.visits[i - 1].where, of.visits[i].where].sort().join("\n");
            ways.set(ends, (ways.get(ends) || 0) + 1);
        }
    for (const a of placed)
        tip(svg(chart, "circle", {cx: x(a), cy: y(a), r: radius * scale, class: "cell", fill: edgeColour(a.edge), stroke: edgeColour(a.edge)}), `${a.name}, wired to ${a.edge}`);
    for (const [ends, count] of ways) {
        const [a, b] = ends.split("\n").map(name => placed.find(p => p.name === name));
        if (a && b && a !== b)
            tip(svg(chart, "line", {x1: x(a), y1: y(a), x2: x(b), y2: y(b), class: "message", style: `stroke-width: ${Math.min(1 + count, 8)}`}), `${a.name} – ${b.name}: ${count} handoffs`);
    }
    drawPaths(chart, lanes, x, y);
    const small = placed.length > 60;
    placed.forEach(a => small || svg(chart, "text", {x: x(a), y: y(a) - radius * scale * 0.6, "text-anchor": "middle", class: "faint"}, a.name));
    const devices = svg(chart, "g"), perMap = lanes.length;
    return t => {
        devices.replaceChildren();
        lanes.forEach((of, i) => {
            const visit = of.visits.find(v => v.begin <= t && t < v.end), ap = visit && placed.find(a => a.name === visit.where);
            const at = pathOf(of).length ? onPath(pathOf(of), t) : ap && besideAp(ap, i, perMap, radius * 0.4);
            if (!at)
                return;
            const live = of.live.find(v => v.begin <= t && t < v.end);
            tip(svg(devices, "circle", {cx: x(at), cy: y(at), r: 6, fill: live ? edgeColour(live.where) : "none", stroke: "currentColor", "stroke-width": 1.5}),
                `${of.name} at ${ap ? ap.name : "no access point"}, container ${live ? "on " + live.where : "nowhere live"}`);
            svg(devices, "text", {x: x(at) + 8, y: y(at) + 4}, of.name || "?");
        });
    };
}

const placedAps = () => data.aps.filter(a => a.x_m !== null && a.x_m !== undefined);

function placeMap(lanes) {
    if (placedAps().length < 2)
        return;
    const here = section("map", "Cells");
    const controls = html(here, "div", {class: "controls"}), drawAt = drawMap(here, lanes);
    const slider = html(html(controls, "label", {}, "time "), "input", {type: "range", min: 0, max: 1000, value: 50}), clock = html(null, "span");
    const draw = () => {
        const t = slider.value / 1000 * view.end;
        clock.textContent = number(t, 4) + " s";
        drawAt(t);
    };
    let timer = null;
    button(controls, "play", element => {
        timer = timer ? clearInterval(timer) : setInterval(() => { slider.value = (Number(slider.value) + 2) % 1001; draw(); }, 50);
        element.textContent = timer ? "pause" : "play";
    });
    slider.addEventListener("input", draw);
    controls.append(clock);
    draw();
    html(here, "p", {class: "faint"}, (lanes.some(of => pathOf(of).length) ? "Lines: the ways of the devices. " : "Lines: handoffs between two cells, thicker for more. ") +
        "Dots: devices, in the colour of the edge server that has their live container. " +
        "A circle marks an access point, not how far it is heard.");
}
