/* The page: sections in the order in which a reader asks. */

/* --- what came of it --- */

function isGood() {
    const allowed = result.expectations.some(x => x.metric === "migrations.failed");
    return result.invariants.ok && result.drift_ms.valid && (!result.clock_ms || result.clock_ms.valid) && result.expectations.every(x => x.holds) &&
        (allowed || !result.migrations.some(m => m.outcome === "failed"));
}

function tiles() {
    const list = html(main, "dl", {class: "tiles"});
    const tile = (name, value) => html(list, "div", {}, [html(null, "dt", {}, name), html(null, "dd", {}, value)]);
    const interval = o => o.ci95 ? ` ± ${number(o.ci95, 3)}` : "";
    const sample = o => o.n === undefined ? "" : `, n = ${o.n}`;
    const finished = result.migrations.filter(m => m.outcome === "finished").length;
    tile("requests answered", `${result.requests.answered} of ${result.requests.sent}`);
    tile("requests lost", String(result.requests.lost));
    tile("response time, mean" + sample(result.response_ms), number(result.response_ms.mean, 4) + interval(result.response_ms) + " ms");
    tile("response time, 95 %", number(result.response_ms.p95, 4) + " ms");
    tile("migrations finished", `${finished} of ${result.migrations.length}`);
    tile("migration time, mean" + sample(result.migration_s), number(result.migration_s.mean, 4) + interval(result.migration_s) + " s");
    if (result.roaming && result.roaming.handoffs)
        tile("handoff, mean" + sample(result.roaming.handoff_ms), number(result.roaming.handoff_ms.mean, 4) + interval(result.roaming.handoff_ms) + " ms");
}

function heading() {
    html(main, "h1", {}, result.scenario.name || "A run");
    if (data.scenario && data.scenario.description)
        html(main, "p", {}, data.scenario.description);
    const runs = data.repetitions ? `${data.repetitions} repetitions` : "one run";
    html(main, "p", {class: "faint"}, `World: ${result.world} · seed ${result.seed} · ${runs} · roamlab ${result.roamlab}`);
    html(main, "p", {class: "verdict " + (isGood() ? "good" : "bad")},
        isGood() ? "✔ Everything expected holds." : "✘ Not everything that was expected holds.");
    main.append(nav);
    tiles();
}

function boundOf(bound) {
    const {min, max} = bound;
    if (min === undefined && max === undefined)
        return "–";
    if (min === max)
        return `= ${min}`;
    return [min === undefined ? "" : `≥ ${min}`, max === undefined ? "" : `≤ ${max}`].filter(t => t).join(", ");
}

function expectations() {
    const here = section("expectations", "Expected and found");
    const papers = result.expectations.some(x => x.paper !== undefined);
    const heads = ["", "metric", "expected", ...(papers ? ["paper"] : []), "this run"];
    const rows = result.expectations.map(x => [
        {text: x.holds ? "✔" : "✘", class: x.holds ? "good" : "bad"}, x.metric, boundOf(x.bound),
        ...(papers ? [{number: x.paper === undefined ? "" : number(x.paper)}] : []), {number: number(x.value)}]);
    if (rows.length)
        table(here, papers ? "Paper: the figure that the scenario quotes." : "", heads, rows);
    else
        html(here, "p", {}, "The scenario expects nothing in particular.");
    html(here, "p", {class: result.invariants.ok ? "good" : "bad"},
        result.invariants.ok ? "✔ All invariants hold." : "✘ Invariants are broken:");
    const list = html(here, "ul");
    result.invariants.broken.forEach(sentence => html(list, "li", {class: "bad"}, sentence));
    const check = result.packet_check;
    if (check) {
        const leaks = ["names", "contents", "credentials"].filter(what => check[what]);
        html(here, "p", {class: leaks.length ? "bad" : "good"}, leaks.length
            ? `✘ Somebody on the links could read of what ${check.carrier} carried: ${leaks.join(", ")}.`
            : `✔ Nothing was readable on the links of what ${check.carrier} carried (${number(check.packets)} packets).`);
        if (check.gaps)
            html(here, "p", {class: "bad"}, `The captures lack packets: ${number(check.gaps)} gaps.`);
    }
    if (!result.drift_ms.valid)
        html(here, "p", {class: "bad"}, `✘ This host was too slow (99 % of the timers within ${number(result.drift_ms.p99)} ms): do not use the times.`);
    const clocks = result.clock_ms;
    if (clocks)
        html(here, "p", {class: clocks.valid ? "good" : "bad"}, `${clocks.valid ? "✔" : "✘"} The other machines' clocks are known within ${number(clocks.uncertainty)} ms.`);
}

/* --- over the run's time --- */

function findEnd() {
    const times = [data.scenario && data.scenario.duration_s || 0, ...data.response.map(p => p[0]), ...data.events.map(e => e[AT]),
        ...migrations.map(endOf)];
    view.end = times.reduce((most, t) => Math.max(most, t), 0) || 1;
    view.to = view.end;
}

function timeControls(parent) {
    const controls = html(parent, "div", {class: "controls"});
    button(controls, "whole run", () => show(0, view.end));
    const shown = migrations.slice(0, 50).filter(m => m.begin_s !== null);
    if (shown.length)
        choice(controls, "zoom to", ["–", ...shown.map(nameOf)], i => {
            const m = shown[i - 1], margin = m ? Math.max((m.total_s || 1) * 0.3, 0.5) : 0;
            show(m ? m.begin_s - margin : 0, m ? endOf(m) + margin : view.end);
        });
    html(controls, "span", {class: "faint"}, "Drag, or + − ← → 0 with a chart in focus; all charts over time move together.");
}

function responses() {
    const here = section("response", "Response times");
    if (!data.response.length) {
        html(here, "p", {}, "The run kept no single requests.");
        return;
    }
    timeControls(here);
    const counts = data.response.map(p => p[5]), least = counts.reduce((a, b) => Math.min(a, b)), most = counts.reduce((a, b) => Math.max(a, b));
    responseChart(here, [
        ["var(--mark)", "mean by request number, n = " + (least === most ? most : `${least} to ${most}`)],
        ["var(--range)", "least to greatest"]]);
}

/* --- links, environment, repeating --- */

function links() {
    const list = data.links || [], changes = ofKind("link"), counts = result.links || [];
    if (!list.length)
        return;
    const here = section("links", "Links");
    const varying = list.map((l, i) => ({...l, points: changes.filter(e => e[NUMBER] === i)})).filter(l => l.points.length);
    if (varying.length)
        timeChart(here, "Rates of the links that vary", 220, (chart, inner, height) => {
            const rates = varying.map(l => [[0, l.forward_mbit || 0], ...l.points.map(e => [e[AT], e[VALUE] / 1e6])]);
            const y = valueAxis(chart, height, Math.max(1e-3, ...rates.flat().map(p => p[1])) * 1.1, "Mbit/s");
            rates.forEach((points, i) => {
                const steps = points.flatMap((p, k) => [[p[0], p[1]], [k + 1 < points.length ? points[k + 1][0] : view.end, p[1]]]);
                tip(svg(inner, "polyline", {points: steps.map(p => `${timeX(p[0])},${y(p[1])}`).join(" "), class: "curve", style: `stroke: ${colourOf(i)}`}), varying[i].name);
            });
        });
    const keys = html(here, "p");
    varying.forEach((l, i) => key(keys, colourOf(i), l.name + ", forward"));
    const carried = (i, way, what) => ({number: counts[i] && counts[i][way] ? counts[i][way][what] : "–"});
    table(here, "At the start, and what each direction carried" + (data.repetitions ? " in all repetitions together" : ""),
        ["link", "RTT (ms)", "Mbit/s there", "back", "packets there", "dropped", "lost", "packets back", "dropped", "lost"],
        list.map((l, i) => [l.name, {number: number(l.rtt_ms)}, {number: number(l.forward_mbit)}, {number: number(l.back_mbit)},
            ...["forward", "back"].flatMap(way => ["packets", "dropped", "lost"].map(what => carried(i, way, what)))]));
}

function environment() {
    const here = section("environment", "Where and how");
    table(here, "Environment", ["what", "is"], Object.entries(result.environment).map(([name, value]) => [name.replace(/_/g, " "), String(value)]));
    html(here, "h3", {}, "To repeat it");
    if (result.command)
        html(here, "pre", {}, result.command);
    html(here, "p", {class: "faint"}, `Scenario's SHA-256: ${result.scenario.sha256 || "none"}. In virtual time the same scenario and seed give the same events.`);
    if (data.scenario) {
        const more = html(here, "details");
        html(more, "summary", {}, "The scenario as it was run");
        html(more, "pre", {}, JSON.stringify(data.scenario, null, 2));
    }
}

findEnd();
heading();
expectations();
responses();
const lanes = lanesOf();
whereabouts(lanes);
placeMap(lanes);
migrationSection();
links();
environment();
show(0, view.end);
document.documentElement.dataset.ready = "yes";
