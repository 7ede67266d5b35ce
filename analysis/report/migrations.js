/* Migrations one at a time: stages to scale, their numbers, their messages. */

const nameOf = m => `${m.mud || "?"}: ${m.from || "?"} → ${m.to || "?"} at ${number(m.begin_s, 4)} s` + (m.outcome === "finished" ? "" : `, ${m.outcome || "not ended"}`) +
    (m.reason ? `: ${m.reason}` : "");

function drawStages(parent, m) {
    const row = 24, height = m.stages.length * row + FRAME.top + FRAME.bottom;
    const from = m.begin_s, to = Math.max(endOf(m), ...m.stages.map(s => s.begin_s + s.seconds)), width = FRAME.width - FRAME.left - 150;
    const x = t => FRAME.left + (t - from) / (to - from || 1) * width;
    const chart = svg(parent, "svg", {viewBox: `0 0 ${FRAME.width} ${height}`, role: "img", "aria-label": "Stages of the migration; the table has the numbers"});
    for (const t of ticks(0, to - from || 1, 8)) {
        svg(chart, "line", {x1: x(from + t), x2: x(from + t), y1: FRAME.top, y2: height - FRAME.bottom, class: "grid"});
        svg(chart, "text", {x: x(from + t), y: height - 13, "text-anchor": "middle", class: "faint"}, number(t) + " s");
    }
    m.stages.forEach((s, i) => {
        const y = FRAME.top + i * row;
        svg(chart, "text", {x: FRAME.left - 6, y: y + 16, "text-anchor": "end"}, s.name);
        svg(chart, "rect", {x: x(s.begin_s), y: y + 4, width: Math.max(x(s.begin_s + s.seconds) - x(s.begin_s), 1), height: row - 8, class: "stage"});
        svg(chart, "text", {x: x(s.begin_s + s.seconds) + 6, y: y + 16, class: s.error ? "bad" : "faint"},
            seconds(s.seconds) + (s.parts ? `, ${s.parts} parts` : "") + (s.bytes ? `, ${number(s.bytes / 1e6, 3)} MB` : "") + (s.error ? `: ${s.error}` : ""));
    });
}

function stageTable(parent, m) {
    table(parent, `${m.strategy || "?"} by ${m.carrier || "?"}: ${seconds(m.total_s)}, frozen ${seconds(m.freeze_ms / 1000)}, requests held ${seconds(m.hold_ms / 1000)}, ` +
        `longest gap ${seconds(m.longest_gap_ms / 1000)}, ${m.replayed} replayed, ${number(m.bytes.wire / 1e6, 4)} MB on the wire`,
        ["stage", "begins (s)", "takes (s)", "bytes"],
        m.stages.map(s => [s.name + (s.parts ? ` (${s.parts} parts)` : ""), {number: number(s.begin_s, 9)}, {number: number(s.seconds, 6)}, {number: s.bytes}]));
}

function partsOf(m, window) {
    const handoffs = data.events.filter(e => isHandoff(e) && e[DEVICE] === window[0] && e[BEGIN] <= m.begin_s && e[AT] >= window[2]);
    const begin = handoffs.length ? handoffs[handoffs.length - 1][BEGIN] - 0.02 : window[2];
    const stage = name => m.stages.find(s => s.name.startsWith(name));
    const send = stage("send"), restore = stage("restore"), end = m.total_s === null ? window[3] : endOf(m);
    const parts = [["all", begin, window[3]], ["handoff", begin, m.begin_s + 0.001]];
    if (send)
        parts.push(["freeze and cut", m.begin_s, send.begin_s + 0.1]);
    if (restore)
        parts.push(["replay and switch", restore.begin_s + restore.seconds - 0.001, end + 0.5]);
    return parts;
}

function sequence(parent, m) {
    const window = data.windows.find(w => Math.abs(w[1] - m.begin_s) < 2e-6);
    if (!window || !data.messages.some(r => r[KIND] === "sent" && r[AT] >= window[2] && r[AT] <= window[3])) {
        html(parent, "p", {class: "faint"}, "The page has no messages of this migration.");
        return;
    }
    const controls = html(parent, "div", {class: "controls"}), place = html(parent, "div"), buttons = [];
    const parts = partsOf(m, window);
    let chosen = 0, requests = false;
    const draw = () => {
        const [, from, to] = parts[chosen], rows = [...data.messages, ...ofKind("container")]
            .filter(r => r[DEVICE] === window[0] && r[AT] >= from && (r[AT] <= to || r[KIND] === "recvd")); /* heard later is heard */
        place.replaceChildren();
        drawSequence(place, rows, m, data, requests);
        buttons.forEach((b, i) => b.setAttribute("aria-pressed", i === chosen));
    };
    parts.forEach(([name], i) => buttons.push(button(controls, name, () => { chosen = i; draw(); })));
    const toggle = button(controls, "requests too", () => { requests = !requests; toggle.setAttribute("aria-pressed", requests); draw(); });
    toggle.setAttribute("aria-pressed", false);
    draw();
}

function migrationSection() {
    const here = section("migrations", "Migrations", {class: "long"});
    if (!migrations.length) {
        html(here, "p", {}, "No container migrated.");
        return;
    }
    const controls = html(here, "div", {class: "controls"}), place = html(here, "div");
    const draw = i => {
        const m = migrations[i];
        place.replaceChildren();
        html(place, "h3", {}, nameOf(m) + (data.repetitions ? ", repetition 1" : ""));
        drawStages(place, m);
        stageTable(place, m);
        html(place, "h3", {}, "Messages");
        sequence(place, m);
    };
    if (migrations.length > 1)
        choice(controls, "migration", migrations.map(nameOf), draw);
    draw(0);
}
