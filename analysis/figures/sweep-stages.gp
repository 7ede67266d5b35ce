# Where the time of migrations goes: a row for each point of a sweep, and in it a lane for each place, because stages overlap.
# Set above: figure_file, figure_title, figure_note, figure_y, figure_height, rows, tics_y, shown.
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1 offset 0, 0.7 font ",11" textcolor rgb "#555555"
set xlabel "Time since the migration began (s)"
set ylabel figure_y
set border 1 linewidth 1 linecolor rgb "#444444"
set xtics nomirror out
eval 'set ytics (' . tics_y . ')'
set ytics nomirror scale 0
set grid xtics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key outside bottom center horizontal samplen 1.5 height 0.5
set xrange [0:shown * 1.12]
set yrange [rows - 0.4:-0.6]
set style fill solid 0.9 noborder
array kind[4] = ["source", "transfer", "target", "switch"]
array meaning[4] = ["at the source", "on the wire", "at the target", "replay and switch"]
array colour[4] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7"]
data = figure_file . '.dat'
lane(i) = column(1) - 0.4 + 0.2 * (i - 1)
row_of(i) = strcol(4) eq kind[i] ? column(1) : NaN
draw = "plot for [i = 1:4] data index 0 using 2:(row_of(i)):2:3:(lane(i)):(lane(i) + 0.2)" . \
    " with boxxyerror linecolor rgb colour[i] title meaning[i], " . \
    "data index 1 using 2:(column(1) - 0.44):(0):(0.88) with vectors nohead linewidth 1.3 linecolor rgb '#222222' title 'end', " . \
    "data index 1 using 3:1:4 with labels left offset 0.5, 0 font ',11' textcolor rgb '#222222' notitle"
set terminal svg size 960, figure_height dynamic noenhanced font "Helvetica,14" background "white"
set output figure_file . '.svg'
@draw
set terminal pngcairo size 1920, 2 * figure_height noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output figure_file . '.png'
@draw
set output
