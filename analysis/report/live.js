/* The page of a run that goes on: what the server tells (live_feed.h) joins the data, and a few times a second everything is drawn again. */

const DRAW_EVERY_MS = 250, LINES_MAX = 12, STAGES_SHOWN = 3, MESSAGES_MAX = 5000;
const verdict = html(null, "p", {class: "verdict", role: "status"}, "Waiting for the run …");
const names = new Map(); /* of devices */
let changed = false;

function heading() {
    html(main, "h1", {}, result.scenario.name || "A run");
    if (data.scenario && data.scenario.description)
        html(main, "p", {}, data.scenario.description);
    html(main, "p", {class: "faint"}, `World: ${result.world} · seed ${result.seed} · roamlab ${result.roamlab}`);
    main.append(verdict, nav);
}

/* --- what is told --- */

const latest = row => { view.end = Math.max(view.end, row[AT]); };

function takeRequest(row) {
    data.response.push(row);
    view.end = Math.max(view.end, row[0] + row[2] / 1000);
}

/* What is told in parts is one stage that grows until all of it is told. */
function takeStage(m, row) {
    const part = isPart(row), name = part ? PARTS[row[TEXT]] : row[TEXT], place = m.stages.findIndex(s => s.grows && s.name === name), known = m.stages[place];
    const begin_s = part && known ? known.begin_s : row[BEGIN];
    const stage = {name, begin_s, seconds: row[AT] - begin_s, bytes: null, error: row[VALUE] < 0 ? "failed" : null,
        parts: (known ? known.parts : 0) + (part ? 1 : 0), grows: part};
    m.stages.splice(known ? place : m.stages.length, known ? 1 : 0, stage);
}

function takeMigration(row) {
    const newest = fits => [...migrations].reverse().find(m => m.device === row[DEVICE] && fits(m));
    const ongoing = newest(() => true);
    if (row[KIND] === "mark" && row[TEXT] === "migr begins")
        migrations.push({device: row[DEVICE], mud: names.get(row[DEVICE]), from: row[REPORTER], to: edgeOfAp(row[PEER]), begin_s: row[AT],
            total_s: null, outcome: "under way", stages: []});
    else if (row[KIND] === "mark" && ongoing)
        ongoing.total_s = row[AT] - ongoing.begin_s;
    else if (row[KIND] === "stage" && ongoing)
        takeStage(ongoing, row);
    else if (row[KIND] === "migration") {
        const [from, to] = row[PEER].split(" "), ended = newest(m => m.from === from && m.outcome === "under way");
        if (ended)
            Object.assign(ended, {to, outcome: row[TEXT], total_s: ended.total_s ?? row[AT] - ended.begin_s});
    }
}

function takeEvent(row) {
    latest(row);
    if (isDevice(row[REPORTER]))
        names.set(row[DEVICE], row[REPORTER].replace(/^USER-/, ""));
    takeMigration(row);
    (row[KIND] === "stage" ? data.messages : data.events).push(row);
}

function takeMessage(row) {
    latest(row);
    data.messages.push(row);
    if (data.messages.length > MESSAGES_MAX)
        data.messages.splice(0, MESSAGES_MAX / 5);
}

/* The server tells everybody everything from the beginning, also after a lost connection. */
function begin() {
    [data.response, data.events, data.messages, migrations].forEach(list => list.splice(0));
    view.end = 1e-3;
    verdict.textContent = "The run goes on.";
    verdict.className = "verdict";
}

function end(how) {
    verdict.replaceChildren(`The run is over: ${how}. `);
    if (how === "finished")
        html(verdict, "a", {href: "report.html"}, "Its report");
    verdict.className = "verdict " + (how === "finished" ? "good" : "bad");
    document.documentElement.dataset.ready = "yes";
}

/* --- what is drawn --- */

function place(id, title, attributes) {
    return html(section(id, title, attributes), "div");
}

function drawTiles(parent) {
    const list = html(parent, "dl", {class: "tiles"});
    const tile = (name, value) => html(list, "div", {}, [html(null, "dt", {}, name), html(null, "dd", {}, value)]);
    const recent = data.response.slice(-20), over = migrations.filter(m => m.outcome === "finished").length;
    tile("time", view.end.toFixed(1) + " s" + (data.scenario ? ` of ${number(data.scenario.duration_s)} s` : ""));
    tile("requests answered", String(data.response.length));
    tile(`response time, mean of the last ${recent.length}`, recent.length ? number(recent.reduce((sum, p) => sum + p[2], 0) / recent.length, 4) + " ms" : "–");
    tile("handoffs", String(data.events.filter(isHandoff).length));
    tile("migrations finished", `${over} of ${migrations.length}`);
}

const WORDS = {
    handoff: e => `${e[REPORTER]} is at ${e[PEER]}` + (e[TEXT] === "first association" ? "" : ` after ${seconds(e[AT] - e[BEGIN])} of silence`),
    outage: e => `${e[REPORTER]} heard no access point for ${seconds(e[AT] - e[BEGIN])}`,
    container: e => `container on ${e[REPORTER]}: ${e[TEXT]}`,
    migration: e => `migration ${e[PEER].replace(" ", " → ")}: ${e[TEXT]}`,
    "sent total": e => `${e[REPORTER]} has sent ${e[NUMBER]} requests, ${e[VALUE]} were answered`,
    stage: e => `${e[REPORTER]}: ${e[TEXT]} took ${seconds(e[AT] - e[BEGIN])}`,
};

function drawLines(parent) {
    const rows = [...data.events.slice(-LINES_MAX), ...data.messages.filter(isStage).slice(-LINES_MAX)];
    const words = e => WORDS[e[KIND]] ? WORDS[e[KIND]](e) : `${e[REPORTER]}: ${e[TEXT]}`;
    table(parent, "The newest first", ["time (s)", "device", "what"], rows.sort((a, b) => b[AT] - a[AT]).slice(0, LINES_MAX)
        .map(e => [{number: e[AT].toFixed(3)}, names.get(e[DEVICE]) || "", words(e)]));
}

function drawMigrations(parent) {
    const newest = migrations.slice(-STAGES_SHOWN).reverse();
    if (!newest.length)
        html(parent, "p", {}, "No container has migrated yet.");
    for (const m of newest) {
        html(parent, "h3", {}, nameOf(m));
        if (m.stages.length)
            drawStages(parent, m);
    }
}

function drawMessages(parent) {
    const m = migrations[migrations.length - 1];
    const from = m ? m.begin_s - 0.5 : 0, to = m ? endOf(m) + 0.5 : Infinity;
    const rows = [...data.messages, ...ofKind("container")].filter(r => (!m || r[DEVICE] === m.device) && r[AT] >= from && r[AT] <= to);
    html(parent, "p", {class: "faint"}, m ? nameOf(m) : "Since the beginning");
    if (rows.some(r => r[KIND] === "sent"))
        drawSequence(parent, rows.sort((a, b) => a[AT] - b[AT]), m || {}, data, false);
}

function drawPlaces(parent) {
    const lanes = lanesOf();
    whereaboutsChart(parent, lanes);
    if (placedAps().length > 1)
        drawMap(parent, lanes)(view.end * (1 - 1e-9));
}

heading();
const places = [
    [html(main, "div"), drawTiles],
    [place("response", "Response times"), parent => responseChart(parent, [["var(--mark)", "requests of a device"]])],
    [place("whereabouts", "Who is where"), drawPlaces],
    [place("news", "What happens"), drawLines],
    [place("migrations", "Migrations"), drawMigrations],
    [place("messages", "Messages of the newest migration", {class: "long"}), drawMessages],
];

function draw() {
    if (!changed)
        return;
    changed = false;
    [data.response, data.events].forEach(list => list.sort((a, b) => a[AT] - b[AT]));
    view.charts.splice(0);
    for (const [parent, fill] of places) {
        parent.replaceChildren();
        fill(parent);
    }
    show(0, view.end);
}

const source = new EventSource("events");
const listen = (name, take) => source.addEventListener(name, e => { take(e.data && JSON.parse(e.data)); changed = true; });
listen("open", begin);
listen("request", takeRequest);
listen("event", takeEvent);
listen("message", takeMessage);
listen("full", () => html(main, "p", {class: "bad"}, "The run has more events than this page can take: it shows no more of them."));
listen("end", how => { source.close(); changed = true; draw(); end(how); });
source.addEventListener("error", () => { verdict.textContent = "The connection is lost."; verdict.className = "verdict bad"; });
setInterval(draw, DRAW_EVERY_MS);
