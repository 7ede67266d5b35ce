/* The sequence chart of a migration: one line down for each role, an arrow for each message. Time runs downwards, not to
 * scale: what happens at once is drawn apart, long transfers are shortened; the left margin says when. */

const ARROWS_MAX = 400;
const isRequest = text => /^SVC[QR] /.test(text);
const isDevice = name => /^USER/.test(name);

/* Every sending with its receipt: the first one later of the same text by whom it was sent to. Like messages one after
 * the other are one arrow. `place`s are those of the rows, which tell what comes first of what happens at one instant. */
function arrowsOf(rows) {
    const receipts = new Map(), arrows = [], open = new Map();
    rows.forEach(([at, kind, reporter, , text], place) => {
        if (kind === "recvd") {
            const key = reporter + "\n" + text;
            receipts.set(key, [...(receipts.get(key) || []), [at, place]]);
        }
    });
    rows.forEach(([at, kind, from, to, text], place) => {
        if (kind !== "sent")
            return;
        const waiting = receipts.get(to + "\n" + text) || [], next = waiting.findIndex(([t]) => t >= at);
        const [heard, heardPlace] = next < 0 ? [null, null] : waiting.splice(next, 1)[0];
        const verb = text.replace(/ \d+$/, ""), stream = [from, to, verb].join("\n"), last = open.get(stream);
        if (last && verb !== text && at - last.last < 0.03 && (heard === null) === (last.heard === null)) {
            last.texts.push(text);
            last.last = at;
        } else {
            const arrow = {at, heard, from, to, verb, texts: [text], last: at, place, heardPlace: Math.max(heardPlace, place + 0.5)};
            open.set(stream, arrow);
            arrows.push(arrow);
        }
    });
    return arrows;
}

function labelOf(arrow) {
    const count = arrow.texts.length, last = arrow.texts[count - 1].slice(arrow.verb.length + 1);
    return count === 1 ? arrow.texts[0] : `${arrow.texts[0]} … ${last}`;
}

/* Device, access points, edge servers; the old ones first. */
function rolesOf(arrows, stages, migration, aps, edges) {
    const names = new Set();
    arrows.forEach(a => { names.add(a.from); names.add(a.to); });
    stages.forEach(s => names.add(s[2]));
    const edgeOf = Object.fromEntries(aps.map(a => [a.name, a.edge]));
    const ends = [migration.from, migration.to];
    const rank = name => {
        const isEdge = edges.includes(name), place = ends.indexOf(isEdge ? name : edgeOf[name]);
        return (isDevice(name) ? 0 : isEdge ? 20 : 10) + (place < 0 ? 5 : place);
    };
    return [...names].filter(n => n).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/* Instants become heights: at least `room` below the one before, at most 40. */
function layDown(points, top) {
    points.sort((a, b) => a.at - b.at || a.place - b.place);
    const span = points.length ? points[points.length - 1].at - points[0].at || 1 : 1;
    let y = top, before = points.length ? points[0].at : 0;
    for (const p of points) {
        y += Math.max(p.room, Math.min((p.at - before) / span * 900, 40));
        before = p.at;
        p.y = y;
    }
    return y;
}

function drawArrow(chart, arrow, x, style) {
    const x1 = x(arrow.from), x2 = x(arrow.to), y1 = arrow.begin.y, y2 = arrow.end ? arrow.end.y : y1 + 8;
    const reach = arrow.end ? 1 : 0.6, tx = x1 + (x2 - x1) * reach, ty = y2;
    const angle = Math.atan2(ty - y1, tx - x1) * 180 / Math.PI;
    const text = labelOf(arrow);
    const line = svg(chart, "line", {x1, y1, x2: tx, y2: ty, class: "message " + style});
    tip(line, `${text}: ${arrow.from} at ${arrow.at.toFixed(6)} s, ` +
        (arrow.heard === null ? "not heard" : `${arrow.to} at ${arrow.heard.toFixed(6)} s`));
    if (arrow.end)
        svg(chart, "path", {d: "M0,0 L-9,-4 L-9,4 Z", transform: `translate(${tx},${ty}) rotate(${angle})`, class: "head " + style});
    const right = x2 > x1;
    svg(chart, "text", {x: x1 + (right ? 8 : -8), y: y1 - 2 + (y2 - y1) * 8 / Math.max(Math.abs(x2 - x1), 8),
        "text-anchor": right ? "start" : "end"}, text);
}

/* Rows of data.messages of one device within [from, to]. */
function drawSequence(parent, rows, migration, data, withRequests) {
    const stages = rows.filter(isStage);
    const states = rows.filter(r => r[KIND] === "container");
    const shown = rows.filter(r => withRequests || !isRequest(r[TEXT])), all = arrowsOf(shown);
    const arrows = all.slice(0, ARROWS_MAX), points = [];
    const point = (at, place, room) => { const p = {at, place, room}; points.push(p); return p; };
    for (const a of arrows) {
        a.begin = point(a.at, a.place, 16);
        a.end = a.heard === null ? null : point(a.heard, a.heardPlace, 3);
    }
    const asked = s => shown.findIndex(r => r[KIND] === "recvd" && r[AT] === s[BEGIN] && r[REPORTER] === s[REPORTER]);
    const bars = stages.map(s => ({row: s, begin: point(s[BEGIN], asked(s) + 0.1, 0), end: point(s[AT], shown.indexOf(s), 3)}));
    const marks = states.map(s => ({row: s, at: point(s[AT], shown.indexOf(s), 3)}));
    const roles = rolesOf(arrows, stages, migration, data.aps, data.edges);
    const height = layDown(points, 34) + 40, column = 820 / Math.max(roles.length, 1);
    const chart = svg(parent, "svg", {viewBox: `0 0 1000 ${height}`, role: "img",
        "aria-label": "Messages between " + roles.join(", ") + "; the table below has the stages"});
    const x = name => 100 + (roles.indexOf(name) + 0.5) * column;
    for (const name of roles) {
        svg(chart, "line", {x1: x(name), x2: x(name), y1: 26, y2: height - 8, class: "lifeline"});
        svg(chart, "text", {x: x(name), y: 17, "text-anchor": "middle", "font-weight": 600}, name);
    }
    for (const {row, begin, end} of bars) {
        const bar = svg(chart, "rect", {x: x(row[2]) - 5, width: 10, y: begin.y, height: Math.max(end.y - begin.y, 2), class: "stage"});
        tip(bar, `${row[4]}: ${seconds(row[0] - row[6])}`);
        if (end.y - begin.y > 14)
            svg(chart, "text", {x: x(row[2]) + 9, y: (begin.y + end.y) / 2 + 4, class: "faint"}, `${row[4]} ${seconds(row[0] - row[6])}`);
    }
    for (const {row, at} of marks)
        svg(chart, "text", {x: x(row[2]) + 9, y: at.y + 4, "font-style": "italic"}, row[4]);
    let labelled = 0;
    for (const p of arrows.map(a => a.begin).sort((a, b) => a.y - b.y))
        if (p.y - labelled >= 15) {
            svg(chart, "text", {x: 4, y: p.y + 4, class: "faint"}, p.at.toFixed(4) + " s");
            labelled = p.y;
        }
    for (const a of arrows)
        drawArrow(chart, a, x, a.heard === null ? "unheard" : isRequest(a.texts[0]) ? "request" : "");
    if (all.length > arrows.length)
        html(parent, "p", {class: "faint"}, `${all.length - arrows.length} more messages: choose a part.`);
}
