# A metric of a sweep over its first axis, a curve for each combination of the others: a block of the .dat each.
# Set above: figure_file, figure_title, figure_note, figure_metric, figure_x, curves, title_1 …, keyed, banded, numbers,
# logarithmic, named (each value has its tic), places, tics.
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel figure_x
set ylabel figure_metric
set border 3 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set grid ytics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key outside bottom center horizontal samplen 3 height 0.5
data = figure_file . '.dat'
stats data using 4 nooutput
top = STATS_max
stats data using 3 nooutput
if (!keyed) {
    set key off
}
if (logarithmic) {
    set logscale x
}
if (named) {
    eval 'set xtics (' . tics . ')'
}
if (!numbers) {
    set xtics scale 0
    set xrange [0.5:places + 0.5]
} else {
    set autoscale xfix
    set offsets graph 0.02, graph 0.02, 0, 0
}
# Curves of different magnitudes would lie on one another at the bottom of a linear axis.
if (STATS_min > 0 && top / STATS_min >= 100) {
    set logscale y
    set yrange [STATS_min / 1.3:top * 1.3]
} else {
    set yrange [(STATS_min < 0 ? STATS_min * 1.06 : 0):(top > 0 ? top * 1.06 : 1)]
}
colour(i) = word("#0072B2 #D55E00 #009E73 #CC79A7 #E69F00 #56B4E9", int(i - 1) % 6 + 1)
mark(i) = int(word("7 5 9 13 11 15", int(i - 1) % 6 + 1))
dash(i) = i > 6 ? 2 : 1
aside(i) = numbers ? 0 : (i - (curves + 1) / 2.0) * 0.6 / (curves + 1)
set style fill transparent solid 0.20 noborder
draw = "plot "
if (banded && numbers) {
    draw = draw . "for [i = 1:curves] data index i - 1 using 1:3:4 with filledcurves fillcolor rgb colour(i) notitle, "
}
if (banded && !numbers) {
    draw = draw . "for [i = 1:curves] data index i - 1 using ($1 + aside(i)):2:3:4 with yerrorbars pointtype 0 linewidth 1.4 linecolor rgb colour(i) notitle, "
}
if (numbers) {
    draw = draw . "for [i = 1:curves] data index i - 1 using 1:2 with linespoints pointtype mark(i) pointsize 0.8 dashtype dash(i) linewidth 1.6 linecolor rgb colour(i) title value(sprintf('title_%d', i))"
} else {
    draw = draw . "for [i = 1:curves] data index i - 1 using ($1 + aside(i)):2 with points pointtype mark(i) pointsize 1.2 linecolor rgb colour(i) title value(sprintf('title_%d', i))"
}
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output figure_file . '.svg'
@draw
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output figure_file . '.png'
@draw
set output
