# Where a migration's time goes: one bar for each stage, from "migr begins" on.
# Set above: figure, figure_title, figure_note, rows, total, shown (where the axis ends), end_name, ready (-1 = never restored).
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel "Time since the migration began (s)"
set border 1 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set ytics scale 0
set grid xtics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key outside bottom center horizontal samplen 1.5 height 0.5
set xrange [0:shown * 1.04]
set yrange [rows + 0.6:0.4]
set arrow 1 from total, graph 0 to total, graph 1 nohead dashtype 2 linewidth 1.3 linecolor rgb "#222222" back
if (ready >= 0) {
    set arrow 2 from ready, graph 0 to ready, graph 1 nohead dashtype 3 linewidth 1.5 linecolor rgb "#222222" back
}
set style textbox opaque noborder margins 0.4, 0.2
set style fill solid 0.9 border
array kind[4] = ["source", "transfer", "target", "switch"]
array meaning[4] = ["at the source", "on the wire", "at the target", "replay and switch"]
array colour[4] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7"]
row_of(i) = strcol(5) eq kind[i] ? column(1) : NaN
# The text stands behind its bar; in a long bar that leaves no room there, inside; else in front of it. What stands elsewhere is put beyond the
# axis, not left undefined: gnuplot 5.4 ends with a segmentation fault on labels of a single row that is.
beyond = -1
end = "(column(3) + column(4))"
behind(x) = column(3) + column(4) < 0.7 * shown ? x : beyond
inside(x) = column(3) + column(4) >= 0.7 * shown && column(4) >= 0.3 * shown ? x : beyond
before(x) = column(3) + column(4) >= 0.7 * shown && column(4) < 0.3 * shown ? x : beyond
style = " font ',11' textcolor rgb '#222222' notitle"
draw = "plot for [i = 1:4] figure . '.dat' using 3:(row_of(i)):3:" . end . ":(column(1) - 0.34):(column(1) + 0.34)" . \
    " with boxxyerror linewidth 1 linecolor rgb colour[i] title meaning[i], " . \
    "'' using " . end . ":(behind(column(1))):6 with labels boxed left offset 0.7, 0" . style . ", " . \
    "'' using (column(3) + column(4) / 2):(inside(column(1))):6 with labels center" . style . ", " . \
    "'' using 3:(before(column(1))):6 with labels boxed right offset -0.7, 0" . style . ", " . \
    "'' using 3:1:(''):ytic(2) with labels notitle, " . \
    "NaN with lines dashtype 2 linewidth 1.3 linecolor rgb '#222222' title end_name"
if (ready >= 0) {
    draw = draw . ", NaN with lines dashtype 3 linewidth 1.5 linecolor rgb '#222222' title 'ready'"
}
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output figure . ".svg"
@draw
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output figure . ".png"
@draw
set output
