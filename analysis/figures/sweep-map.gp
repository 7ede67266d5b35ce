# A metric of a sweep over two axes of numbers: each cell's mean as colour, from light to dark, so that it prints in grey too.
# Set above: figure_file, figure_title, figure_note, figure_metric, figure_x, figure_y, columns, rows, written, tics_x, tics_y,
# figure_height, top_down (the first row is the upper one).
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel figure_x
set ylabel figure_y
set cblabel figure_metric
set border 3 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
eval 'set xtics (' . tics_x . ')'
eval 'set ytics (' . tics_y . ')'
set tics scale 0
set cbtics scale 0.5
data = figure_file . '.dat'
stats data using 3 nooutput
low = STATS_min
high = STATS_max > STATS_min ? STATS_max : STATS_min + (STATS_min == 0 ? 1 : abs(STATS_min) * 0.1)
set xrange [-0.5:columns - 0.5]
if (top_down) {
    set yrange [rows - 0.5:-0.5]
} else {
    set yrange [-0.5:rows - 0.5]
}
set key off
set cbrange [low:high]
# Values of different magnitudes would all be pale but the greatest.
magnitudes = low > 0 && high / low >= 100
if (magnitudes) {
    set logscale cb
}
set palette defined (0 "#F3F8FC", 0.35 "#9CC8E6", 0.7 "#0072B2", 1 "#00243F")
number(v) = abs(v) >= 100 && abs(v) < 1e6 ? sprintf("%.0f", v) : sprintf("%.3g", v)
share(v) = magnitudes ? log(v / low) / log(high / low) : (v - low) / (high - low)
ink(v) = share(v) > 0.5 ? 0xFFFFFF : 0x222222
draw = "plot data using 1:2:3 with image pixels"
if (written) {
    draw = draw . ", data using 1:2:(strcol(3) eq 'NaN' ? '' : number($3)):(ink($3)) with labels font ',11' textcolor rgb variable"
}
set terminal svg size 960, figure_height dynamic noenhanced font "Helvetica,14" background "white"
set output figure_file . '.svg'
@draw
set terminal pngcairo size 1920, 2 * figure_height noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output figure_file . '.png'
@draw
set output
