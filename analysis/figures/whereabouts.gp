# Where the containers are: a row for each device, in the colour of the edge server that has its live container.
# Set above: figure_title, figure_note, devices and edges (names, blank-separated), end (s).
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel "Time since the start (s)"
set border 1 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set grid xtics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key outside bottom center horizontal samplen 1.5 height 0.5
rows = words(devices)
set xrange [0:end]
set yrange [rows + 0.6:0.4]
size = rows > 20 ? ",8" : ",11"
set ytics scale 0 font size
set ytics ("" 0)
do for [i = 1:rows] {
    set ytics add (word(devices, i) i)
}
set style fill solid 1 noborder
array colour[8] = ["#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#F0E442", "#999999"]
shown = words(edges) < 8 ? words(edges) : 8
of_edge(i) = strcol(4) eq "live" && (int(column(5)) - 1) % 8 + 1 == i ? column(1) : NaN
of_kind(k) = strcol(4) eq k ? column(1) : NaN
name_of(i) = i == 8 && words(edges) > 8 ? word(edges, 8) . " …" : word(edges, i)
box = " with boxxyerror "
draw = "plot for [i = 1:shown] 'whereabouts.dat' using 2:(of_edge(i)):2:3:(column(1) - 0.36):(column(1) + 0.36)" . box . \
    "linecolor rgb colour[i] title name_of(i), " . \
    "'' using 2:(of_kind('outage')):2:3:(column(1) - 0.2):(column(1) + 0.2)" . box . "linecolor rgb 'white' notitle, " . \
    "'' using 2:(of_kind('migration')):2:3:(column(1) + 0.16):(column(1) + 0.36)" . box . "linecolor rgb '#222222' title 'migration', " . \
    "'' using 3:(of_kind('handoff') - 0.36):(0):(0.4) with vectors nohead linewidth 1.3 linecolor rgb '#222222' title 'handoff', " . \
    "NaN with boxes fillstyle solid 0 border linecolor rgb '#888888' title 'no access point'"
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output "whereabouts.svg"
@draw
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output "whereabouts.png"
@draw
set output
