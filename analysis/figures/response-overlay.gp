# Response times of several results over the run's time. Each result is a block of response-overlay.dat.
# Set above: figure_title, figure_note, results; title_1 …; changes (times in s, blank-separated), change_1 … (texts).
set title figure_title font ",15" offset 0, 0.4
set label 1 figure_note at graph 0, graph 1.025 font ",11" textcolor rgb "#555555"
set xlabel "Time in the run (s)"
set ylabel "Response time (ms)"
set border 3 linewidth 1 linecolor rgb "#444444"
set tics nomirror out
set grid ytics linecolor rgb "#DDDDDD" linetype 1 linewidth 0.7
set key outside bottom center horizontal samplen 2.5 height 0.5
set yrange [0:*]
set autoscale xfix
set offsets 0, 0, graph 0.10, 0
do for [i = 1:words(changes)] {
    set arrow from word(changes, i) + 0, graph 0 to word(changes, i) + 0, graph 1 nohead dashtype 3 linewidth 1 linecolor rgb "#777777" back
    if (words(changes) <= 8) {
        set label at word(changes, i) + 0, graph 0.99 value(sprintf("change_%d", i)) rotate by 90 right offset 0.7, 0 font ",9" textcolor rgb "#555555"
    }
}
colour(i) = word("#0072B2 #E69F00 #009E73 #CC79A7 #56B4E9 #D55E00", int(i - 1) % 6 + 1)
mark(i) = int(word("7 5 9 13 11 15", int(i - 1) % 6 + 1))
draw = "plot for [i = 1:results] 'response-overlay.dat' index i - 1 using 1:2 with linespoints pointtype mark(i) pointsize 0.35 " . \
    "linewidth 1.2 linecolor rgb colour(i) title value(sprintf('title_%d', i))"
set terminal svg size 960, 540 dynamic noenhanced font "Helvetica,14" background "white"
set output "response-overlay.svg"
@draw
set terminal pngcairo size 1920, 1080 noenhanced font "sans,13" fontscale 2 linewidth 2 pointscale 2 background "white"
set output "response-overlay.png"
@draw
set output
