# Migration time of several results side by side; whiskers: 95 % confidence interval of the mean.
# Set above: figure_title, figure_note, rows, top (the highest whisker).
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set ylabel "Migration time (s)"
set border 3 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set xtics scale 0
set grid ytics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key off
set xrange [0.4:rows + 0.6]
set yrange [0:top * 1.14]
set boxwidth 0.46
set style fill solid 0.9 noborder
colour(i) = int(word("0x0072B2 0xE69F00 0x009E73 0xCC79A7 0x56B4E9 0xD55E00", int(i - 1) % 6 + 1))
draw = "plot 'migration-time.dat' using 1:3:(colour(column(1))):xtic(2) with boxes linecolor rgb variable, " . \
    "'' using 1:(column(4) > 0 ? column(3) - column(4) : NaN):(0):(2 * column(4)) with vectors heads size screen 0.006, 90 linewidth 1.4 linecolor rgb '#222222', " . \
    "'' using 1:(column(3) + (column(4) > 0 ? column(4) : 0)):5 with labels center offset 0, 0.8 font ',12'"
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output "migration-time.svg"
@draw
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output "migration-time.png"
@draw
set output
