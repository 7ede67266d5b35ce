# Response time per request: the mean over the repetitions, its confidence interval, and the span from the quickest to the slowest.
# Set above: figure_title, figure_note, repetitions (the most answers of a request), sampled, migration_from and migration_to (request numbers, blank-separated).
blue = "#0072B2"
orange = "#E69F00"
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel "Request number"
set ylabel "Response time (ms)"
set border 3 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set grid ytics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key outside bottom center horizontal samplen 2.5 height 0.5
set yrange [0:*]
set autoscale xfix
set offsets 0, 0, graph 0.06, 0
do for [i = 1:words(migration_from)] {
    set object i rectangle from word(migration_from, i) + 0, graph 0 to word(migration_to, i) + 0, graph 1 \
        behind fillcolor rgb orange fillstyle solid 0.16 noborder
}
bands = words(migration_from) > 0
set style fill noborder
draw = "plot "
if (bands) {
    draw = draw . "NaN with boxes fillcolor rgb orange fillstyle solid 0.16 title 'migration', "
}
if (repetitions > 1) {
    draw = draw . "'response-time.dat' using 1:3:4 with filledcurves fillstyle transparent solid 0.20 noborder fillcolor rgb blue title 'minimum to maximum', "
    if (sampled) {
        draw = draw . "'' using 1:($2 - $5):($2 + $5) with filledcurves fillstyle transparent solid 0.45 noborder fillcolor rgb blue title '95 % confidence interval', "
    }
    draw = draw . "'' using 1:2 with lines linewidth 1.8 linecolor rgb blue title sprintf('mean, n = %d', repetitions)"
} else {
    draw = draw . "'response-time.dat' using 1:2 with linespoints pointtype 7 pointsize 0.35 linewidth 1.2 linecolor rgb blue title 'response time'"
}
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output "response-time.svg"
@draw
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output "response-time.png"
@draw
set output
