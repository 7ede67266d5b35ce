# Processor time and memory of whole runs over the number of devices, on logarithmic axes: straight at 45 degrees is
# linear. Set above: figure_title, figure_note.
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel "devices"
set format x "%.0f"
set border 11 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set grid ytics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key top left samplen 3
set logscale xyy2
set ylabel "processor time (s)" textcolor rgb "#0072B2"
set y2label "memory (MB)" textcolor rgb "#D55E00"
set y2tics
data = 'scale.dat'
stats data using 1:2 nooutput
last_x = STATS_max_x
last_s = STATS_max_y
stats data using 1:3 nooutput
last_mb = STATS_max_y
set xrange [STATS_min_x * 0.8:last_x * 1.25]
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output "scale.svg"
plot last_s * x / last_x with lines dashtype 3 linecolor rgb "#0072B2" notitle, \
    last_mb * x / last_x axes x1y2 with lines dashtype 3 linecolor rgb "#D55E00" notitle, \
    data using 1:2 with linespoints pointtype 7 pointsize 0.8 linewidth 1.6 linecolor rgb "#0072B2" title "processor time", \
    data using 1:3 axes x1y2 with linespoints pointtype 5 pointsize 0.8 linewidth 1.6 linecolor rgb "#D55E00" title "memory"
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output "scale.png"
replot
set output
